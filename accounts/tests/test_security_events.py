"""What happens to an account is recorded, without secrets, in bounded numbers, and never in the way."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.serializers import serialize
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import events, refusals
from accounts.events import Kind, Origin, email_digest, record, record_try
from accounts.key_rotation import rotate_signing_key
from accounts.models import SecurityEvent, Session, SigningKey, User
from conftest import PASSWORD

pytestmark = pytest.mark.django_db
LOGIN, REFRESH, LOGOUT = "/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/logout"
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
SOMEWHERE = Origin("203.0.113.7", "Firefox", "request-1")


@pytest.fixture
def browser() -> APIClient:
    """A client at a known address with a name of its own."""
    return APIClient(REMOTE_ADDR="203.0.113.7", HTTP_USER_AGENT="Firefox", HTTP_X_REQUEST_ID="request-1")


def _log_in(browser: APIClient, user: User, password: str = PASSWORD) -> dict[str, Any]:
    return dict(browser.post(LOGIN, {"email": user.email, "password": password}).json())


def _told() -> list[tuple[str, str]]:
    return [(event.kind, event.details) for event in SecurityEvent.objects.order_by("id")]


def test_registering_and_signing_in_are_recorded_with_where_they_came_from(browser: APIClient) -> None:
    answer = browser.post("/api/v1/auth/register", {"email": "carol@example.com", "password": PASSWORD})

    registered, signed_in = SecurityEvent.objects.order_by("id")
    assert (registered.kind, signed_in.kind) == (Kind.REGISTERED, Kind.SIGNED_IN)
    for event in (registered, signed_in):
        assert str(event.user_id) == answer.json()["user"]["id"]
        assert (event.address, event.user_agent, event.request_id) == ("203.0.113.7", "Firefox", "request-1")
    assert signed_in.session_id == Session.objects.get().pk


def test_refusals_say_why_to_staff_and_which_account_if_there_is_one(
    browser: APIClient, alice: User, make_user: Callable[..., User]
) -> None:
    bob = make_user("Bob", is_active=False)
    for email, password in (
        (alice.email, "wrong password here"),
        ("nobody@example.com", PASSWORD),
        (bob.email, PASSWORD),
    ):
        browser.post(LOGIN, {"email": email, "password": password})

    found = [(event.kind, event.user_id, event.facts) for event in SecurityEvent.objects.order_by("id")]
    assert found == [
        (Kind.SIGN_IN_REFUSED, alice.pk, {"reason": "wrong_password"}),
        (Kind.SIGN_IN_REFUSED, None, {"reason": "unknown_account"}),
        (Kind.SIGN_IN_REFUSED, bob.pk, {"reason": "deactivated"}),
    ]


def test_an_unknown_email_is_found_by_who_types_it_and_read_by_nobody(browser: APIClient) -> None:
    browser.post(LOGIN, {"email": "Nobody@Example.com", "password": PASSWORD})

    event = SecurityEvent.objects.get()
    assert event.email_digest == email_digest(" nobody@example.COM ")
    assert "nobody" not in serialize("json", [event]).lower()


def test_the_digest_of_an_email_depends_on_the_key(settings: Any) -> None:
    before = email_digest("alice@example.com")
    settings.SECRET_KEY = "another"

    assert email_digest("alice@example.com") != before


def test_each_sign_out_is_recorded_once_with_its_scope(browser: APIClient, alice: User) -> None:
    first = _log_in(browser, alice)
    _log_in(browser, alice)
    SecurityEvent.objects.all().delete()

    for scope in ("others", "local", "local"):
        browser.post(f"{LOGOUT}?scope={scope}", {"refresh_token": first["refresh_token"]})

    others, own = SecurityEvent.objects.order_by("id")
    assert (others.kind, others.facts) == (
        Kind.SESSION_ENDED, {"reason": "signed_out", "scope": "others", "sessions": 1},
    )  # fmt: skip
    assert (others.session_id, own.user_id) == (None, alice.pk)
    assert own.session_id is not None


def test_a_spent_token_that_comes_back_is_recorded_with_its_session(browser: APIClient, alice: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        spent = _log_in(browser, alice)["refresh_token"]
        browser.post(REFRESH, {"refresh_token": spent})
        clock.shift(timedelta(seconds=11))
        for _ in range(3):
            browser.post(REFRESH, {"refresh_token": spent})

    event = SecurityEvent.objects.get(kind=Kind.REFRESH_TOKEN_REUSED)
    assert (event.user_id, event.session_id) == (alice.pk, Session.objects.get().pk)


def test_an_ordinary_signed_in_request_records_nothing(alice: User, sign_in: Callable[[User], APIClient]) -> None:
    client = sign_in(alice)
    before = SecurityEvent.objects.count()

    client.get("/api/v1/me")
    client.get("/api/v1/uploads")

    assert SecurityEvent.objects.count() == before


def test_a_closed_account_leaves_its_events_without_its_email(
    alice: User, sign_in: Callable[[User], APIClient]
) -> None:
    sign_in(alice).delete("/api/v1/me")

    assert [event.kind for event in SecurityEvent.objects.filter(user_id=alice.pk)] == [
        Kind.ACCOUNT_CLOSED,
        Kind.SESSION_ENDED,
        Kind.SIGNED_IN,
    ]
    assert "alice" not in serialize("json", SecurityEvent.objects.all())


def test_no_event_holds_a_token_a_password_or_an_email(browser: APIClient, alice: User) -> None:
    secrets = [alice.email, PASSWORD, "wrong password here"]
    for _ in range(2):
        tokens = _log_in(browser, alice)
        secrets += [tokens[name] for name in ("access_token", "refresh_token", "device_token")]
        browser.post(REFRESH, {"refresh_token": tokens["refresh_token"]})
    _log_in(browser, alice, "wrong password here")
    browser.post(f"{LOGOUT}?scope=global", {"refresh_token": tokens["refresh_token"]})

    table = serialize("json", SecurityEvent.objects.all())
    assert len(json.loads(table)) == 4
    assert [secret for secret in secrets if secret in table] == []


def test_an_event_may_say_only_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="password"):
        record(Kind.SIGNED_IN, now=NOON, facts={"password": PASSWORD})
    assert not SecurityEvent.objects.exists()


def test_long_words_are_cut_and_an_unknown_address_is_none(browser: APIClient, alice: User) -> None:
    APIClient(REMOTE_ADDR="", HTTP_USER_AGENT="x" * 5000).post(LOGIN, {"email": alice.email, "password": PASSWORD})

    event = SecurityEvent.objects.get()
    assert (event.address, event.user_agent) == ("", "x" * 200)


def test_unknown_and_wrong_send_the_same_commands(browser: APIClient, alice: User) -> None:
    sent = []
    for email in ("nobody@example.com", alice.email):
        with CaptureQueriesContext(connection) as queries:
            browser.post(LOGIN, {"email": email, "password": "wrong password here"})
        sent.append([re.findall(r"^\w+|securityevent|user", query["sql"])[:2] for query in queries])

    assert sent[0] == sent[1]
    assert [tables[-1] for tables in sent[0]] == ["user", "securityevent"]


def _summary() -> SecurityEvent:
    (summary,) = [event for event in SecurityEvent.objects.all() if "times" in event.facts]
    return summary


class TestLostEvents:
    @pytest.fixture
    def broken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No event can be stored."""

        def fail(*args: Any, **kwargs: Any) -> None:
            raise OperationalError("gone")

        monkeypatch.setattr(SecurityEvent, "save", fail)

    def test_they_do_not_keep_anyone_from_signing_in_or_out(
        self, broken: None, browser: APIClient, alice: User, caplog: pytest.LogCaptureFixture
    ) -> None:
        tokens = _log_in(browser, alice)
        wrong = browser.post(LOGIN, {"email": alice.email, "password": "wrong password here"})
        out = browser.post(LOGOUT, {"refresh_token": tokens["refresh_token"]})

        assert (wrong.status_code, out.status_code) == (401, 204)
        assert Session.objects.get().ended_at is not None
        lost = [line for line in caplog.records if "security event lost" in line.getMessage()]
        assert [line.levelname for line in lost] == ["ERROR"] * 3


class TestFloods:
    def _refuse(self, times: int, *, email: str = "alice@example.com", at: datetime = NOON, **who: Any) -> None:
        for _ in range(times):
            record_try(
                Kind.SIGN_IN_REFUSED, email=email, user_id=who.get("user_id"), reason="wrong_password",
                origin=SOMEWHERE, now=at,
            )  # fmt: skip

    def test_one_account_gets_a_few_rows_a_minute_and_then_one_that_counts_the_rest(self, alice: User) -> None:
        self._refuse(1000, user_id=alice.pk)
        flooded = SecurityEvent.objects.count()
        self._refuse(1, email="bob@example.com", at=NOON + timedelta(seconds=60))

        assert flooded == refusals.PER_ACCOUNT
        summary = _summary()
        assert (summary.user_id, summary.email_digest) == (alice.pk, email_digest("alice@example.com"))
        assert summary.description == "Sign-in refused: 995 more times"
        assert SecurityEvent.objects.count() == refusals.PER_ACCOUNT + 2

    def test_however_many_accounts_a_flood_names_a_process_stores_a_bounded_number(self) -> None:
        for number in range(refusals.PER_PROCESS + 200):
            self._refuse(1, email=f"user{number}@example.com")
        flooded = SecurityEvent.objects.count()
        self._refuse(1, at=NOON + timedelta(seconds=60))

        assert flooded == refusals.PER_PROCESS
        summary = _summary()
        assert (summary.user_id, summary.email_digest, summary.facts) == (None, "", {"times": 200})

    def test_what_is_remembered_of_a_flood_is_bounded(self) -> None:
        for number in range(refusals.PER_PROCESS + 200):
            self._refuse(1, email=f"user{number}@example.com")

        assert len(events._refusals._tallies) == refusals.PER_PROCESS + 1

    def test_the_next_minute_begins_anew(self) -> None:
        for minute in range(3):
            self._refuse(2, at=NOON + timedelta(minutes=minute))

        assert _told() == [("sign_in_refused", "wrong password")] * 6


def test_a_rotated_signing_key_is_recorded_by_its_name() -> None:
    rotate_signing_key(at_once=True, revoke_older=True, now=NOON)

    event = SecurityEvent.objects.get()
    assert (event.kind, event.user_id) == (Kind.SIGNING_KEY_ROTATED, None)
    assert event.facts == {"reason": "older keys revoked", "key": SigningKey.objects.get().kid}
