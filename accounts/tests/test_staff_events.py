"""Staff search what happened, and what they do at the admin's door is there too."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.events import Kind, Origin, record
from accounts.models import SecurityEvent, User
from accounts.tests.test_admin import LOGIN
from conftest import PASSWORD
from nocturnal_project import clock
from nocturnal_project.identifiers import uuid7

pytestmark = pytest.mark.django_db
EVENTS = "/admin/accounts/securityevent/"


def _log_in(client: Client, email: str, password: str = PASSWORD) -> None:
    client.post(f"{LOGIN}?next=/admin/", {"username": email, "password": password})


def test_signing_in_and_out_of_the_admin_is_recorded(make_user: Callable[..., User]) -> None:
    sam = make_user("Sam", is_staff=True)
    client = Client(REMOTE_ADDR="203.0.113.7")
    _log_in(client, "SAM@example.com")
    client.post("/admin/logout/")
    client.post("/admin/logout/")

    events = SecurityEvent.objects.order_by("id")
    assert [(event.kind, event.user_id, event.address) for event in events] == [
        ("staff_signed_in", sam.pk, "203.0.113.7"),
        ("staff_signed_out", sam.pk, "203.0.113.7"),
    ]


def test_refusals_at_the_admin_are_recorded_with_their_reason(make_user: Callable[..., User], alice: User) -> None:
    sam = make_user("Sam", is_staff=True)
    for email, password in ((sam.email, "wrong"), (alice.email, PASSWORD), ("nobody@example.com", PASSWORD)):
        _log_in(Client(), email, password)

    events = SecurityEvent.objects.order_by("id")
    assert {event.kind for event in events} == {"staff_sign_in_refused"}
    assert [(event.user_id, event.facts["reason"]) for event in events] == [
        (sam.pk, "wrong_password"),
        (alice.pk, "not_staff"),
        (None, "unknown_account"),
    ]


def test_a_changed_password_of_staff_is_recorded_and_ends_their_sessions(
    make_user: Callable[..., User], sign_in: Callable[[User], APIClient]
) -> None:
    sam = make_user("Sam", is_staff=True)
    api, here, there = sign_in(sam), Client(), Client()
    for client in (here, there):
        client.force_login(sam)
    new = "seven lanterns at midnight"
    here.post("/admin/password_change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})

    assert [event.kind for event in SecurityEvent.objects.order_by("id")][1:] == ["password_changed", "session_ended"]
    assert api.get("/api/v1/me").status_code == 401
    assert (here.get("/admin/").status_code, there.get("/admin/").status_code) == (200, 302)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("alice@example.com", {"198.51.100.1", "198.51.100.3"}),
        ("ALICE@", {"198.51.100.1"}),
        ("nobody@example.com", {"198.51.100.4"}),
        ("198.51.100.1", {"198.51.100.1"}),
        ("198.51.100.", {"198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"}),
        ("2001:0DB8::1", {"2001:db8::1"}),
        ("somewhere", set()),
    ],
)
def test_staff_find_events_by_email_and_by_address(
    staff: Client, alice: User, bob: User, query: str, found: set[str]
) -> None:
    now = clock.now()
    record(Kind.SIGNED_IN, user_id=alice.pk, origin=Origin("198.51.100.1"), now=now)
    record(Kind.SIGNED_IN, user_id=bob.pk, origin=Origin("198.51.100.2"), now=now)
    record(Kind.SIGN_IN_REFUSED, email=alice.email, origin=Origin("198.51.100.3"), now=now)  # before she had an account
    record(Kind.SIGN_IN_REFUSED, email="nobody@example.com", origin=Origin("198.51.100.4"), now=now)
    record(Kind.SIGNED_IN, user_id=bob.pk, origin=Origin("2001:db8::1"), now=now)

    events = staff.get(EVENTS, {"q": query}).context["cl"].result_list

    assert {event.address for event in events} == found


def test_staff_find_events_by_the_id_of_a_session_or_of_a_closed_account(staff: Client) -> None:
    session, user = uuid7(), uuid7()
    record(Kind.SIGNED_IN, user_id=user, session_id=session, now=clock.now())
    record(Kind.ACCOUNT_CLOSED, user_id=user, now=clock.now())

    pages = [staff.get(EVENTS, {"q": str(key)}) for key in (session, user)]

    assert [len(page.context["cl"].result_list) for page in pages] == [1, 2]
    assert "closed account" in pages[1].content.decode()


def test_staff_narrow_events_by_kind_and_time(staff: Client, alice: User) -> None:
    record(Kind.SIGNED_IN, user_id=alice.pk, now=clock.now() - timedelta(days=3))
    record(Kind.REFRESH_TOKEN_REUSED, user_id=alice.pk, now=clock.now())

    page = staff.get(EVENTS, {"kind__exact": "refresh_token_reused", "created": "week"})

    assert [event.kind for event in page.context["cl"].result_list] == ["refresh_token_reused"]
    assert "alice@example.com" in page.content.decode()


def test_nobody_changes_or_removes_an_event(staff: Client, alice: User) -> None:
    record(Kind.SIGNED_IN, user_id=alice.pk, origin=Origin("198.51.100.1"), now=clock.now())
    event = SecurityEvent.objects.get()

    page = staff.get(f"{EVENTS}{event.pk}/change/")
    answers = [
        staff.post(f"{EVENTS}{path}").status_code for path in ("add/", f"{event.pk}/change/", f"{event.pk}/delete/")
    ]
    staff.post(EVENTS, {"action": "delete_selected", "_selected_action": [str(event.pk)], "post": "yes"})

    assert "198.51.100.1" in page.content.decode()
    assert answers == [403, 403, 403]
    assert SecurityEvent.objects.exists()
