"""What happens to a password, an e-mail and a device is recorded, and a reset does what staff demanded."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts import links, staff_actions
from accounts.events import email_digest
from accounts.models import OutboxMail, SecurityEvent, Session, User
from accounts.password_changes import note_change
from conftest import PASSWORD
from nocturnal_project import clock

pytestmark = pytest.mark.django_db
AUTH = "/api/v1/auth"
NEW = "seven lanterns at midnight"


def _told() -> list[tuple[str, Any]]:
    return [(event.kind, event.user_id) for event in SecurityEvent.objects.order_by("id")]


def _reset(user: User) -> Any:
    token = links.reset_token(User.objects.get(pk=user.pk), now=clock.now())
    return APIClient().post(f"{AUTH}/password/reset/confirm", {"token": token, "new_password": NEW})


def test_a_reset_does_what_staff_demanded(alice: User) -> None:
    staff_actions.require_password_reset(user=alice, now=clock.now())
    refused = APIClient().post(f"{AUTH}/login", {"email": alice.email, "password": PASSWORD})
    done = _reset(alice)
    again = APIClient().post(f"{AUTH}/login", {"email": alice.email, "password": NEW})

    assert (refused.status_code, done.status_code, again.status_code) == (403, 204, 200)
    assert _told()[-2:] == [("password_reset", alice.pk), ("signed_in", alice.pk)]


def test_the_demand_has_a_link_mailed_once(alice: User) -> None:
    for _ in range(2):
        staff_actions.require_password_reset(user=alice, now=clock.now())

    assert [(mail.kind, mail.email) for mail in OutboxMail.objects.all()] == [("reset", alice.email)]


def test_a_password_that_an_operator_sets_does_it_too(alice: User) -> None:
    staff_actions.require_password_reset(user=alice, now=clock.now())

    note_change(alice, now=clock.now())

    assert not User.objects.get(pk=alice.pk).password_reset_required
    assert _told()[-1] == ("password_changed", alice.pk)


def test_a_password_changed_in_the_admin_says_from_where(make_user: Callable[..., User]) -> None:
    sam = make_user("Sam", is_staff=True)
    client = Client(REMOTE_ADDR="203.0.113.7")
    client.force_login(sam)
    client.post("/admin/password_change/", {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW})

    event = SecurityEvent.objects.get()
    assert (event.kind, event.user_id, event.address) == ("password_changed", sam.pk, "203.0.113.7")


def test_a_changed_password_names_the_session_that_changed_it(
    alice: User, sign_in: Callable[[User], APIClient]
) -> None:
    client = sign_in(alice)
    mine = Session.objects.get().pk
    sign_in(alice)
    client.post(f"{AUTH}/password/change", {"current_password": PASSWORD, "new_password": NEW})

    changed, ended = SecurityEvent.objects.order_by("id")[2:]
    assert (changed.kind, changed.session_id) == ("password_changed", mine)
    assert (ended.kind, ended.facts) == ("session_ended", {"reason": "password_changed", "sessions": 1})


def test_asking_for_a_link_is_recorded_by_the_digest_for_any_email(alice: User) -> None:
    for email in (alice.email, "nobody@example.com"):
        APIClient().post(f"{AUTH}/password/reset", {"email": email})

    events = SecurityEvent.objects.order_by("id")
    assert [(event.kind, event.user_id, event.email_digest) for event in events] == [
        ("password_reset_requested", None, email_digest(alice.email)),
        ("password_reset_requested", None, email_digest("nobody@example.com")),
    ]


def test_a_verified_email_and_a_device_signed_out_are_recorded(
    alice: User, sign_in: Callable[[User], APIClient]
) -> None:
    token = links.verification_token(alice, now=clock.now())
    for _ in range(2):
        assert APIClient().post(f"{AUTH}/email/verify", {"token": token}).status_code == 204
    client = sign_in(alice)
    mine = Session.objects.get().pk
    client.delete(f"/api/v1/me/sessions/{mine}")

    assert [kind for kind, _ in _told()] == ["email_verified", "signed_in", "session_ended"]
    assert SecurityEvent.objects.order_by("-id")[0].session_id == mine


def test_an_email_that_staff_change_is_not_verified_yet(staff: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(email_verified_at=clock.now())

    staff.post(f"/admin/accounts/user/{alice.pk}/change/", {"email": "alicia@example.com", "name": alice.name})

    alice.refresh_from_db()
    assert (alice.email, alice.email_verified_at) == ("alicia@example.com", None)
