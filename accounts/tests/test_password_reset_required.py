"""Staff can take a password's power away until its owner has reset it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import sessions, staff_actions
from accounts.models import SecurityEvent, Session, User
from conftest import PASSWORD

pytestmark = pytest.mark.django_db
LOGIN = "/api/v1/auth/login"


def _require(user: User, actor: User | None = None) -> bool:
    return staff_actions.require_password_reset(user=user, actor=actor, now=timezone.now())


def _log_in(user: User, password: str = PASSWORD) -> Any:
    return APIClient().post(LOGIN, {"email": user.email, "password": password})


def test_the_right_password_is_told_so_and_a_wrong_one_learns_nothing(alice: User) -> None:
    _require(alice)

    right, wrong = _log_in(alice), _log_in(alice, "wrong password here")

    assert (right.status_code, right.json()["code"]) == (403, "password_reset_required")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
    assert not Session.objects.exists()


def test_a_deactivated_account_is_not_told_of_it(alice: User) -> None:
    _require(alice)
    staff_actions.deactivate(user=alice, now=timezone.now())

    assert _log_in(alice).json()["code"] == "invalid_credentials"


def test_sessions_end_at_once_and_it_counts_once(alice: User, bob: User, sign_in: Callable[[User], APIClient]) -> None:
    client = sign_in(alice)

    outcomes = [_require(alice, actor=bob), _require(alice, actor=bob)]

    assert outcomes == [True, False]
    assert client.get("/api/v1/me").json()["code"] == "session_ended"
    done = [(event.kind, event.actor_id) for event in SecurityEvent.objects.filter(actor_id=bob.pk)]
    assert done == [("session_ended", bob.pk), ("password_reset_required", bob.pk)]


def test_the_refused_try_is_recorded_and_not_given_back(alice: User) -> None:
    _require(alice)

    answer = _log_in(alice)

    assert answer["RateLimit"].startswith('"auth";r=4')
    assert SecurityEvent.objects.order_by("-id")[0].facts == {"reason": "password_reset_required"}


def test_clearing_the_flag_lets_the_owner_in(alice: User) -> None:
    _require(alice)
    User.objects.filter(pk=alice.pk).update(password_reset_required=False)

    assert _log_in(alice).status_code == 200


def test_a_repeated_registration_is_no_way_round(db: None) -> None:
    form = {"email": "carol@example.com", "password": PASSWORD}

    def register() -> Any:
        return APIClient().post("/api/v1/auth/register", form, headers={"Idempotency-Key": "once"})

    register()
    _require(User.objects.get())
    repeated = register()

    assert (repeated.status_code, repeated.json()["code"]) == (403, "password_reset_required")
    assert not Session.objects.filter(ended_at=None).exists()


def test_a_sign_in_that_staff_overtake_leaves_no_session(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    start = sessions.start_session

    def overtaken(**how: Any) -> Session:
        _require(alice)  # its sessions end before this one is stored
        return start(**how)

    monkeypatch.setattr(sessions, "start_session", overtaken)

    assert _log_in(alice).json()["code"] == "password_reset_required"
    assert not Session.objects.filter(ended_at=None).exists()


def test_staff_who_must_reset_are_told_at_the_admin_and_thrown_out_of_it(make_user: Callable[..., User]) -> None:
    sam = make_user("Sam", is_staff=True, is_superuser=True)
    inside = Client()
    inside.force_login(sam)
    _require(sam)

    refused = Client().post("/admin/login/", {"username": sam.email, "password": PASSWORD})

    assert "must be reset" in refused.content.decode()
    assert inside.get("/admin/").status_code == 302
