import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import sessions
from accounts.models import Session, User
from conftest import PASSWORD

REFRESH, LOGOUT, ME = "/api/v1/auth/refresh", "/api/v1/auth/logout", "/api/v1/me"
THREADS = 50


def _sign_in(user: User) -> dict[str, Any]:
    answer = APIClient().post("/api/v1/auth/login", {"email": user.email, "password": PASSWORD})
    return dict(answer.json())


def _refresh(token: str) -> Any:
    return APIClient().post(REFRESH, {"refresh_token": token})


def _is_signed_in(tokens: dict[str, Any]) -> bool:
    answer = APIClient().get(ME, HTTP_AUTHORIZATION=f"Bearer {tokens['access_token']}")
    return answer.status_code == 200


@pytest.mark.django_db
class TestRefresh:
    def test_a_refresh_token_is_traded_for_another(self, alice: User) -> None:
        first = _sign_in(alice)

        answer = _refresh(first["refresh_token"])

        assert answer.status_code == 200
        assert answer.json()["refresh_token"] != first["refresh_token"]
        assert answer["Cache-Control"] == "no-store"
        assert _is_signed_in(answer.json())

    def test_within_the_grace_a_spent_token_gives_the_same_successor(self, alice: User) -> None:
        first = _sign_in(alice)["refresh_token"]

        answers = [_refresh(first).json()["refresh_token"] for _ in range(3)]

        assert len(set(answers)) == 1

    def test_after_the_grace_a_spent_token_ends_the_session(self, alice: User) -> None:
        with time_machine.travel(timezone.now(), tick=False) as clock:
            first = _sign_in(alice)
            second = _refresh(first["refresh_token"]).json()
            clock.shift(timedelta(seconds=11))

            replayed = _refresh(first["refresh_token"])
            rightful = _refresh(second["refresh_token"])

            assert (replayed.status_code, replayed.json()["code"]) == (401, "refresh_token_reused")
            assert (rightful.status_code, rightful.json()["code"]) == (401, "session_ended")
            assert not _is_signed_in(second)
        assert Session.objects.get().end_reason == Session.EndReason.REUSE

    def test_a_token_two_generations_old_ends_the_session_even_within_the_grace(self, alice: User) -> None:
        first = _sign_in(alice)["refresh_token"]
        second = _refresh(first).json()["refresh_token"]
        _refresh(second)

        assert _refresh(first).json()["code"] == "refresh_token_reused"

    def test_a_session_that_is_not_used_for_thirty_days_runs_out(self, alice: User) -> None:
        with time_machine.travel(timezone.now(), tick=False) as clock:
            first = _sign_in(alice)["refresh_token"]
            clock.shift(timedelta(days=29))
            second = _refresh(first)
            clock.shift(timedelta(days=30))
            third = _refresh(second.json()["refresh_token"])

        assert (second.status_code, third.status_code) == (200, 401)

    @pytest.mark.parametrize("token", ["x", "a.b:c", "00000000000000000000000000000000.0:AAAA", "\u00e9", "x" * 4097])
    def test_a_token_that_we_did_not_sign_is_refused(self, db: None, token: str) -> None:
        answer = _refresh(token)

        assert answer.status_code in {401, 422}

    @pytest.mark.parametrize("body", [{}, {"refresh_token": ""}, {"refresh_token": 7}, {"refresh_token": None}, []])
    def test_a_missing_token_is_pointed_at(self, db: None, body: object) -> None:
        assert APIClient().post(REFRESH, body).status_code in {401, 422}

    def test_a_deactivated_user_cannot_refresh(self, alice: User) -> None:
        first = _sign_in(alice)["refresh_token"]
        User.objects.filter(pk=alice.pk).update(is_active=False)

        assert _refresh(first).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_of_fifty_racing_refreshes_one_rotates_and_all_get_its_successor(alice: User) -> None:
    token = _sign_in(alice)["refresh_token"]
    start = threading.Barrier(THREADS)
    answers: list[str] = []

    def race() -> None:
        start.wait(timeout=30)
        try:
            _, session = sessions.rotate_refresh_token(token=token, now=timezone.now())
            answers.append(str(session.counter))
        except Exception as error:  # noqa: BLE001  every outcome is counted
            answers.append(repr(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=race) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert Counter(answers) == {"1": THREADS}
    assert Session.objects.get().counter == 1


@pytest.mark.django_db
class TestLogout:
    def test_signing_out_ends_this_session_only(self, alice: User) -> None:
        here, there = _sign_in(alice), _sign_in(alice)

        answer = APIClient().post(LOGOUT, {"refresh_token": here["refresh_token"]})

        assert (answer.status_code, answer.content) == (204, b"")
        assert not _is_signed_in(here)
        assert _is_signed_in(there)

    def test_others_and_global_end_what_they_say(self, alice: User, bob: User) -> None:
        here, there, bobs = _sign_in(alice), _sign_in(alice), _sign_in(bob)

        APIClient().post(f"{LOGOUT}?scope=others", {"refresh_token": here["refresh_token"]})
        assert (_is_signed_in(here), _is_signed_in(there)) == (True, False)
        APIClient().post(f"{LOGOUT}?scope=global", {"refresh_token": here["refresh_token"]})

        assert not _is_signed_in(here)
        assert _is_signed_in(bobs)

    def test_signing_out_works_with_an_expired_access_token_and_twice(self, alice: User) -> None:
        tokens = _sign_in(alice)
        client = APIClient(HTTP_AUTHORIZATION="Bearer expired.or.garbage")

        answers = [client.post(LOGOUT, {"refresh_token": tokens["refresh_token"]}).status_code for _ in range(2)]

        assert answers == [204, 204]

    def test_an_unknown_scope_and_a_forged_token_are_refused(self, alice: User) -> None:
        tokens = _sign_in(alice)

        scope = APIClient().post(f"{LOGOUT}?scope=universe", {"refresh_token": tokens["refresh_token"]})
        forged = APIClient().post(LOGOUT, {"refresh_token": tokens["refresh_token"][:-1] + "!"})

        assert (scope.status_code, scope.json()["errors"][0]["pointer"]) == (422, "?scope")
        assert forged.status_code == 401
        assert _is_signed_in(tokens)


@pytest.mark.django_db
def test_refreshing_is_charged_to_the_session_and_not_to_the_address(
    alice: User, sign_in: Callable[[User], APIClient]
) -> None:
    tokens = _sign_in(alice)

    first = _refresh(tokens["refresh_token"])
    forged = _refresh("forged")

    assert first["RateLimit"].startswith('"api";r=99')
    assert forged["RateLimit"].startswith('"api";r=99')
