"""Django's admin, with its groups, permissions and log, works on this engine."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import NotSupportedError
from django.test import Client
from django.urls import reverse

from accounts.models import User
from nocturnal_project.mongodb.tests.rows import make_session, make_user, new_upload
from uploads.models import Upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def root() -> User:
    """A superuser."""
    user = make_user("root@example.com", is_staff=True, is_superuser=True)
    user.set_password("correct horse")
    user.save()
    return user


@pytest.fixture
def staff(root: User) -> Client:
    """A client signed in as the superuser."""
    client = Client()
    client.force_login(root)
    return client


@pytest.fixture
def uploads() -> list[Upload]:
    """Uploads of two owners."""
    owners = [make_user(f"{name}@example.com") for name in ("alice", "bob")]
    return list(Upload.objects.bulk_create(new_upload(owners[number % 2], number) for number in range(5)))


def text_of(client: Client, path: str, **query: Any) -> str:
    """Return a page."""
    response = client.get(path, query)
    assert response.status_code == 200
    return str(response.content.decode())


def test_signing_in_by_the_form(root: User) -> None:
    client = Client()
    form = {"username": root.email, "password": "correct horse", "next": "/admin/"}
    assert client.post(reverse("admin:login"), form).status_code == 302
    assert "root@example.com" in text_of(client, reverse("admin:index"))


def test_lists_with_search_filters_and_pages(staff: Client, uploads: list[Upload]) -> None:
    for name in ("accounts_user", "accounts_session", "uploads_upload", "auth_group"):
        text_of(staff, reverse(f"admin:{name}_changelist"))
    page = reverse("admin:uploads_upload_changelist")
    assert "file-00003" in text_of(staff, page, q="file-00003")
    assert "file-00003" not in text_of(staff, page, q="file-00002")
    assert "file-00001" in text_of(staff, page, q="bob@example.com")
    assert "file-00001" in text_of(staff, page, status__exact="ready", o="2.1")
    assert "alice@" in text_of(staff, reverse("admin:accounts_user_changelist"), q="alice", is_active__exact=1)


def test_deleting_what_is_selected_where_the_list_joins(staff: Client, uploads: list[Upload]) -> None:
    chosen = {"action": "delete_files", "_selected_action": [str(one.pk) for one in uploads[:3]]}
    page = reverse("admin:uploads_upload_changelist")
    assert "file-00001" in staff.post(page, chosen).content.decode()
    assert staff.post(page, {**chosen, "confirmed": "yes"}).status_code == 302
    assert Upload.objects.count() == 2


def test_deleting_a_searched_selection(staff: Client, uploads: list[Upload]) -> None:
    chosen = {"action": "delete_files", "_selected_action": [str(uploads[1].pk)], "confirmed": "yes"}
    page = reverse("admin:uploads_upload_changelist") + "?q=bob@example.com"
    assert staff.post(page, chosen).status_code == 302
    assert Upload.objects.count() == 4


def test_deleting_a_user_takes_what_is_theirs(staff: Client, uploads: list[Upload]) -> None:
    owner = uploads[0].owner
    make_session(owner)
    owner.groups.add(Group.objects.create(name="Readers"))
    page = reverse("admin:accounts_user_delete", args=[owner.pk])
    text_of(staff, page)
    assert staff.post(page, {"post": "yes"}).status_code == 302
    assert Upload.objects.count() == 2
    assert not User.objects.filter(pk=owner.pk).exists()


def test_groups_permissions_and_the_log(staff: Client, root: User) -> None:
    permission = Permission.objects.get(codename="view_upload")
    form = {"name": "Readers", "permissions": [str(permission.pk)]}
    assert staff.post(reverse("admin:auth_group_add"), form).status_code == 302
    group = Group.objects.get(name="Readers")
    assert [one.codename for one in group.permissions.all()] == ["view_upload"]
    page = text_of(staff, reverse("admin:auth_group_change", args=[group.pk]))
    assert re.findall(r'<option value="(\w+)" selected', page) == [str(permission.pk)]
    form["name"] = "Viewers"
    assert staff.post(reverse("admin:auth_group_change", args=[group.pk]), form).status_code == 302
    assert "Viewers" in text_of(staff, reverse("admin:index"))
    assert "Name" in text_of(staff, reverse("admin:auth_group_history", args=[group.pk]))
    assert [entry.user for entry in LogEntry.objects.select_related("content_type", "user")] == [root, root]


def test_a_group_gives_its_permission_to_a_user(staff: Client) -> None:
    alice = make_user("alice@example.com", is_staff=True)
    group = Group.objects.create(name="Readers")
    group.permissions.set(Permission.objects.filter(codename__in=["view_upload", "view_user"]))
    assert not User.objects.get(pk=alice.pk).has_perm("uploads.view_upload")
    alice.groups.add(group)
    alice.user_permissions.add(Permission.objects.get(codename="add_upload"))
    alice = User.objects.get(pk=alice.pk)
    assert alice.get_all_permissions() == {"uploads.view_upload", "accounts.view_user", "uploads.add_upload"}
    assert list(User.objects.filter(groups__name="Readers")) == [alice]
    assert list(group.user_set.all()) == [alice]
    client = Client()
    client.force_login(alice)
    assert client.get(reverse("admin:uploads_upload_changelist")).status_code == 200
    assert client.get(reverse("admin:accounts_session_changelist")).status_code == 403
    alice.groups.clear()
    assert User.objects.get(pk=alice.pk).get_group_permissions() == set()


def test_children_can_be_fetched_ahead_and_many_to_many_cannot(staff: Client) -> None:
    alice = make_user("alice@example.com")
    session = make_session(alice)
    alice.groups.add(Group.objects.create(name="Readers"))
    (fetched,) = User.objects.prefetch_related("sessions").filter(pk=alice.pk)
    assert list(fetched.sessions.all()) == [session]
    with pytest.raises(NotSupportedError):
        list(User.objects.prefetch_related("groups"))
