"""Staff's actions ask first, name whom they touch, and are recorded with who did them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts import staff_actions
from accounts.admin.confirmation import MOST_AT_ONCE
from accounts.models import SecurityEvent, User
from conftest import PASSWORD

pytestmark = pytest.mark.django_db
USERS = "/admin/accounts/user/"


@pytest.fixture
def sam(staff: Client) -> User:
    return User.objects.get(email="sam@example.com")


def _last() -> SecurityEvent:
    return SecurityEvent.objects.order_by("-id")[0]


@pytest.mark.parametrize("action", ["deactivate", "end_sessions", "require_password_reset"])
def test_an_action_asks_first_says_how_many_and_names_them(
    staff: Client, sam: User, alice: User, bob: User, sign_in: Callable[[User], Any], action: str
) -> None:
    client = sign_in(alice)
    chosen = [str(user.pk) for user in (alice, bob, sam)]

    page = staff.post(USERS, {"action": action, "_selected_action": chosen}).content.decode()

    assert "2 users?" in page
    assert "<li>bob@example.com</li><li>alice@example.com</li>" in page
    assert "sam@example.com: it is your own account" in page
    assert client.get("/api/v1/me").status_code == 200
    assert User.objects.filter(is_active=True, password_reset_required=False).count() == 3


def test_an_action_on_a_users_page_asks_and_leads_back_to_it(staff: Client, alice: User) -> None:
    page = f"{USERS}{alice.pk}/change/"
    asked = staff.get(f"{USERS}{alice.pk}/deactivate/").content.decode()
    form = {"action": "deactivate", "_selected_action": [str(alice.pk)], "confirmed": "yes", "came_from": str(alice.pk)}

    done = staff.post(USERS, form, follow=True)

    assert "Deactivate 1 user?" in asked
    assert done.redirect_chain == [(page, 302)]
    assert "Deactivated" in done.content.decode()
    assert f"{USERS}{alice.pk}/reactivate/" in done.content.decode()
    assert f"{USERS}{alice.pk}/deactivate/" not in done.content.decode()


def test_an_action_on_someone_who_is_not_there_is_not_found(staff: Client) -> None:
    for key in ("019b2c3d-4e5f-7a6b-8c7d-9e0f1a2b3c4d", "nonsense"):
        assert staff.get(f"{USERS}{key}/deactivate/").status_code == 404


def test_too_many_at_once_are_refused_whole(staff: Client) -> None:
    User.objects.bulk_create(User(email=f"user{n}@example.com", password="!") for n in range(MOST_AT_ONCE))
    form = {"action": "deactivate", "_selected_action": ["x"], "select_across": "1", "confirmed": "yes"}

    page = staff.post(USERS, {**form, "_selected_action": [str(User.objects.all()[0].pk)]}, follow=True)

    assert f"Choose at most {MOST_AT_ONCE} at once" in page.content.decode()
    assert not User.objects.filter(is_active=False).exists()


def test_an_edit_is_recorded_by_the_names_of_its_fields_and_writes_only_these(
    staff: Client, sam: User, alice: User
) -> None:
    group = Group.objects.create(name="Readers")
    staff.post(
        f"{USERS}{alice.pk}/change/",
        {"email": "Alicia@Example.com", "name": alice.name, "is_staff": "on", "groups": [str(group.pk)]},
    )

    changed = User.objects.get(pk=alice.pk)
    assert (changed.email, changed.is_staff, list(changed.groups.all())) == ("alicia@example.com", True, [group])
    assert changed.check_password(PASSWORD)
    assert (_last().kind, _last().actor_id, _last().user_id) == ("staff_changed_user", sam.pk, alice.pk)
    assert _last().facts == {"fields": "email, groups, is_staff"}


def test_an_edit_does_not_bring_back_the_password_of_when_the_form_was_read(sam: User, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(password="changed meanwhile")

    staff_actions.change_account(user=alice, changes={"name": "Alicia"}, actor=sam, now=timezone.now())

    changed = User.objects.get(pk=alice.pk)
    assert (changed.name, changed.password) == ("Alicia", "changed meanwhile")


def test_a_save_that_changes_nothing_is_no_event(staff: Client, alice: User) -> None:
    staff.post(f"{USERS}{alice.pk}/change/", {"email": alice.email, "name": alice.name})

    assert not SecurityEvent.objects.exists()


def test_an_email_that_is_taken_is_refused_in_any_case(staff: Client, alice: User, bob: User) -> None:
    answer = staff.post(f"{USERS}{alice.pk}/change/", {"email": "BOB@example.com", "name": ""})

    assert answer.status_code == 200
    assert "has an account already" in answer.content.decode()


def test_making_and_closing_accounts_is_recorded(staff: Client, sam: User) -> None:
    staff.post(f"{USERS}add/", {"email": "carol@example.com", "password": PASSWORD})
    carol = User.objects.get(email="carol@example.com")
    staff.post(f"{USERS}{carol.pk}/delete/", {"post": "yes"})

    events = SecurityEvent.objects.order_by("id")
    assert [(event.kind, event.user_id, event.actor_id) for event in events] == [
        ("staff_added_user", carol.pk, sam.pk),
        ("account_closed", carol.pk, sam.pk),
    ]


def test_what_groups_may_do_is_recorded(staff: Client, sam: User) -> None:
    staff.post("/admin/auth/group/add/", {"name": "Readers"})
    group = Group.objects.get()
    staff.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Viewers"})
    staff.post("/admin/auth/group/", {"action": "delete_selected", "_selected_action": [str(group.pk)], "post": "yes"})

    assert [event.description for event in SecurityEvent.objects.order_by("id")] == [
        "Group of staff changed: made, Readers",
        "Group of staff changed: changed, Viewers",
        "Group of staff changed: deleted, Viewers",
    ]


def test_pages_write_times_short_and_names_as_they_are(staff: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(last_login=datetime(2026, 3, 4, 21, 5, tzinfo=UTC))

    listed = staff.get(USERS).content.decode()
    page = staff.get(f"{USERS}{alice.pk}/change/").content.decode()

    assert "4 Mar 2026, 21:05" in listed
    assert "4 Mar 2026, 21:05" in page
    assert "Alice@example.com" not in page
