"""A member of staff who is no superuser is below superusers and beside other staff: no form or action leads up."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from accounts.models import SecurityEvent, Session, User
from conftest import PASSWORD

pytestmark = pytest.mark.django_db
USERS = "/admin/accounts/user/"


@pytest.fixture
def root(make_user: Callable[..., User]) -> User:
    return make_user("Root", is_staff=True, is_superuser=True)


@pytest.fixture
def helen(make_user: Callable[..., User]) -> User:
    """A member of staff with every permission, and a group that has them."""
    helen = make_user("Helen", is_staff=True)
    group = Group.objects.create(name="Support")
    group.permissions.set(Permission.objects.all())
    helen.groups.add(group)
    return helen


@pytest.fixture
def hers(helen: User) -> Client:
    client = Client()
    client.force_login(helen)
    return client


def _act(client: Client, action: str, *users: User) -> str:
    form = {"action": action, "_selected_action": [str(user.pk) for user in users], "confirmed": "yes"}
    return client.post(USERS, form, follow=True).content.decode()


def _edit(client: Client, user: User, **changes: Any) -> Any:
    return client.post(f"{USERS}{user.pk}/change/", {"email": user.email, "name": user.name, **changes})


def test_they_cannot_make_anyone_staff_or_more(hers: Client, alice: User) -> None:
    group = Group.objects.get()

    answer = _edit(hers, alice, name="Alicia", is_staff="on", is_superuser="on", groups=[str(group.pk)])

    alice.refresh_from_db()
    assert (answer.status_code, alice.name) == (302, "Alicia")
    assert (alice.is_staff, alice.is_superuser, alice.groups.count()) == (False, False, 0)


def test_they_cannot_add_staff(hers: Client) -> None:
    form = {
        "email": "new@example.com",
        "password": PASSWORD,
        "is_staff": "on",
        "is_superuser": "on",
    }
    hers.post(f"{USERS}add/", form)

    new = User.objects.get(email="new@example.com")
    assert (new.is_staff, new.is_superuser) == (False, False)


def test_they_cannot_raise_themselves(hers: Client, helen: User) -> None:
    answer = _edit(hers, helen, is_superuser="on")

    helen.refresh_from_db()
    assert (answer.status_code, helen.is_superuser) == (403, False)


@pytest.mark.parametrize("above", ["superuser", "colleague"])
def test_they_cannot_touch_superusers_or_colleagues(
    hers: Client, root: User, make_user: Callable[..., User], sign_in: Callable[[User], Any], above: str
) -> None:
    user = root if above == "superuser" else make_user("Carl", is_staff=True)
    session = sign_in(user)

    pages = [_act(hers, action, user) for action in ("deactivate", "end_sessions", "require_password_reset")]
    pages.append(_act(hers, "reactivate", user))
    edited = _edit(hers, user, email="mine@example.com")
    deleted = hers.post(f"{USERS}{user.pk}/delete/", {"post": "yes"})
    bulk = hers.post(USERS, {"action": "delete_selected", "_selected_action": [str(user.pk)], "post": "yes"})

    before, email = user.password, user.email
    user.refresh_from_db()
    assert all("only a superuser may do this to staff" in page for page in pages)
    assert (edited.status_code, deleted.status_code, bulk.status_code) == (403, 403, 200)
    assert (user.is_active, user.password_reset_required, user.email, user.password) == (True, False, email, before)
    assert session.get("/api/v1/me").status_code == 200
    assert not SecurityEvent.objects.filter(actor_id__isnull=False).exists()


def test_they_cannot_end_the_sessions_of_superusers_one_by_one(
    hers: Client, root: User, sign_in: Callable[[User], Any]
) -> None:
    session = sign_in(root)
    form = {"action": "end", "_selected_action": [str(Session.objects.get().pk)], "confirmed": "yes"}

    page = hers.post("/admin/accounts/session/", form, follow=True)

    assert "was left alone" in page.content.decode()
    assert session.get("/api/v1/me").status_code == 200


def test_they_cannot_change_what_a_group_may_do(hers: Client) -> None:
    group = Group.objects.get()
    answers = [hers.get(f"/admin/auth/group/{path}").status_code for path in ("add/", f"{group.pk}/delete/")]

    changed = hers.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Kings"})

    assert answers == [403, 403]
    assert changed.status_code == 403
    assert Group.objects.get().name == "Support"


def test_they_can_do_all_of_it_to_users(hers: Client, helen: User, alice: User, sign_in: Callable[[User], Any]) -> None:
    sign_in(alice)

    assert "Password resets required: 1." in _act(hers, "require_password_reset", alice)
    assert "Accounts deactivated: 1." in _act(hers, "deactivate", alice)
    assert "Accounts reactivated: 1." in _act(hers, "reactivate", alice)
    events = SecurityEvent.objects.filter(actor_id=helen.pk).order_by("id")
    assert [(event.kind, event.user_id) for event in events] == [
        ("password_reset_required", alice.pk),
        ("session_ended", alice.pk),
        ("account_deactivated", alice.pk),
        ("account_reactivated", alice.pk),
    ]


def test_staff_who_may_only_look_are_offered_and_allowed_no_action(make_user: Callable[..., User], alice: User) -> None:
    looking = make_user("Lou", is_staff=True)
    looking.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "view_session"]))
    client = Client()
    client.force_login(looking)

    page = client.get(f"{USERS}{alice.pk}/change/").content.decode()
    _act(client, "deactivate", alice)

    alice.refresh_from_db()
    assert alice.is_active
    assert f"{USERS}{alice.pk}/deactivate/" not in page
    assert client.get(f"{USERS}{alice.pk}/deactivate/").status_code == 403


def test_superusers_raise_others_but_neither_lower_nor_remove_themselves(alice: User, root: User) -> None:
    client = Client()
    client.force_login(root)

    _edit(client, alice, is_staff="on", is_superuser="on")
    _edit(client, root, name="Rooty")
    page = _act(client, "deactivate", root)
    deleted = client.post(USERS, {"action": "delete_selected", "_selected_action": [str(root.pk)], "post": "yes"})

    alice.refresh_from_db()
    root.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser) == (True, True)
    assert (root.name, root.is_staff, root.is_superuser, root.is_active) == ("Rooty", True, True, True)
    assert "it is your own account" in page
    assert deleted.status_code == 200
