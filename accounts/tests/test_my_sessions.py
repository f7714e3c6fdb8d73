import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.devices import device_name
from accounts.models import Session, User
from conftest import PASSWORD
from nocturnal_project import clock

SESSIONS, ME = "/api/v1/me/sessions", "/api/v1/me"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0"
SignIn = Callable[[User], APIClient]


def _on(user: User, user_agent: str) -> APIClient:
    answer = APIClient().post(
        "/api/v1/auth/login", {"email": user.email, "password": PASSWORD}, headers={"User-Agent": user_agent}
    )
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access_token']}")


def _ids(client: APIClient) -> list[str]:
    return [row["id"] for row in client.get(SESSIONS).json()["results"]]


@pytest.mark.django_db
class TestListing:
    def test_the_devices_signed_in_are_listed_newest_first(self, alice: User, bob: User, sign_in: SignIn) -> None:
        first, second = _on(alice, FIREFOX), _on(alice, "curl/8.5")
        sign_in(bob)

        answer = first.get(SESSIONS)

        assert answer.status_code == 200
        assert set(answer.json()) == {"results", "next", "previous"}
        rows = answer.json()["results"]
        assert [(row["device"], row["current"]) for row in rows] == [("curl", False), ("Firefox on Linux", True)]
        assert set(rows[0]) == {
            "id", "device", "user_agent", "created_at", "last_used_at", "expires_at", "current",
        }  # fmt: skip
        assert [row["current"] for row in second.get(SESSIONS).json()["results"]] == [True, False]

    def test_what_is_over_is_not_listed(self, alice: User, sign_in: SignIn) -> None:
        client, ended, expired = sign_in(alice), sign_in(alice), sign_in(alice)
        ids = _ids(client)
        ended.delete(f"{SESSIONS}/{ids[1]}")
        Session.objects.filter(pk=ids[0]).update(expires_at=clock.now())

        assert _ids(client) == [ids[2]]
        assert expired.get(ME).status_code == 401

    def test_a_long_list_comes_in_pages(self, alice: User, sign_in: SignIn) -> None:
        client = sign_in(alice)
        later = clock.now() + timedelta(days=1)
        Session.objects.bulk_create(Session(user=alice, device_id=uuid.uuid4(), expires_at=later) for _ in range(60))

        first = client.get(SESSIONS)
        second = client.get(first.json()["next"])

        assert [len(page.json()["results"]) for page in (first, second)] == [50, 11]
        assert 'rel="next"' in first["Link"]

    def test_strangers_are_refused(self, api: APIClient) -> None:
        assert api.get(SESSIONS).status_code == 401


@pytest.mark.django_db
class TestEnding:
    def test_a_device_is_signed_out_at_once(self, alice: User, sign_in: SignIn) -> None:
        here, there = sign_in(alice), sign_in(alice)
        theirs = next(row["id"] for row in there.get(SESSIONS).json()["results"] if row["current"])

        answer = here.delete(f"{SESSIONS}/{theirs}")

        assert (answer.status_code, answer.content) == (204, b"")
        assert [client.get(ME).status_code for client in (here, there)] == [200, 401]
        assert Session.objects.get(pk=theirs).end_reason == "signed_out"
        assert here.delete(f"{SESSIONS}/{theirs}").status_code == 404

    def test_the_device_that_asks_may_sign_itself_out(self, alice: User, sign_in: SignIn) -> None:
        client = sign_in(alice)

        assert client.delete(f"{SESSIONS}/{_ids(client)[0]}").status_code == 204
        assert client.get(ME).json()["code"] == "session_ended"

    def test_somebody_elses_is_not_found_and_lives_on(self, alice: User, bob: User, sign_in: SignIn) -> None:
        hers, his = sign_in(alice), sign_in(bob)

        answers = [hers.delete(f"{SESSIONS}/{one}") for one in (_ids(his)[0], uuid.uuid4(), "nonsense")]

        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "not_found")}
        assert his.get(ME).status_code == 200


def _prune(*arguments: str) -> str:
    out = StringIO()
    call_command("prune_sessions", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
class TestPruning:
    @pytest.fixture(autouse=True)
    def next_year(self) -> Iterator[None]:
        """MongoDB itself removes what ran out long before today, at any moment."""
        with time_machine.travel(timezone.now() + timedelta(days=365), tick=False):
            yield

    def test_what_ran_out_a_week_ago_goes_and_the_rest_stays(self, alice: User) -> None:
        now = clock.now()
        rows = [
            Session.objects.create(user=alice, device_id=uuid.uuid4(), expires_at=expires_at, ended_at=ended_at)
            for expires_at, ended_at in (
                (now - timedelta(days=7, seconds=5), None),
                (now - timedelta(days=8), now - timedelta(days=30)),
                (now - timedelta(days=6), None),
                (now + timedelta(days=1), now - timedelta(days=29)),
                (now + timedelta(days=30), None),
            )
        ]

        would = _prune("--dry-run")
        kept = Session.objects.count()
        did = _prune("--batch-size", "1")

        assert ("Would remove 2 session(s)." in would, kept) == (True, 5)
        assert "Removed 2 session(s)." in did
        assert set(Session.objects.values_list("pk", flat=True)) == {row.pk for row in rows[2:]}
        assert "Removed 0 session(s)." in _prune()

    def test_a_token_of_an_ended_session_is_told_from_a_strangers_until_it_runs_out(self, alice: User) -> None:
        with time_machine.travel(timezone.now(), tick=False) as moved:
            tokens = APIClient().post("/api/v1/auth/login", {"email": alice.email, "password": PASSWORD}).json()
            APIClient().post("/api/v1/auth/logout", {"refresh_token": tokens["refresh_token"]})
            moved.shift(timedelta(days=36))
            _prune()

            answer = APIClient().post("/api/v1/auth/refresh", {"refresh_token": tokens["refresh_token"]})

        assert answer.json()["code"] == "session_ended"

    @pytest.mark.parametrize("size", ["0", "5001"])
    def test_a_batch_size_out_of_bounds_is_refused(self, size: str) -> None:
        with pytest.raises(CommandError):
            _prune("--batch-size", size)


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/143.0 Safari/537.36",
            "Chrome on Windows",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/143.0 Safari/537.36 Edg/143.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/143.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.5 Safari/605.1.15", "Safari on macOS"),
        ("curl/8.5.0", "curl"),
        ("something else", "Unknown device"),
        ("", "Unknown device"),
    ],
)
def test_a_device_has_a_readable_name(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name
