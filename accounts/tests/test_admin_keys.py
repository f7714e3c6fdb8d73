from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from accounts import keyring
from accounts.key_rotation import ring_in_database, rotate_signing_key
from accounts.models import SigningKey, User

pytestmark = pytest.mark.django_db
_LIST = "/admin/accounts/signingkey/"


@pytest.fixture
def row() -> SigningKey:
    rotate_signing_key(at_once=True, revoke_older=False, now=timezone.now())
    return SigningKey.objects.get()


def test_a_superuser_sees_each_key_with_its_state_and_nothing_that_it_is_made_of(
    staff: Client, row: SigningKey, settings: Any
) -> None:
    pages = [staff.get(path).content.decode() for path in (_LIST, f"{_LIST}{row.pk}/change/")]

    key = ring_in_database().keys[0]
    for page in pages:
        assert row.kid in page
        assert "Signing" in page
        for secret in (row.sealed, str(key.backend.signing_key), settings.JWT_SECRET):
            assert secret not in page


def test_the_states_in_the_list_are_those_of_the_ring(staff: Client, row: SigningKey) -> None:
    keyring.refresh(timezone.now())  # what this instance knows, before the next two
    rotate_signing_key(at_once=True, revoke_older=True, now=timezone.now())
    SigningKey.objects.create(generation=9, kid="of-another", algorithm="HS256", sealed="x", signs_from=timezone.now())

    page = staff.get(_LIST).content.decode()

    for state in ("Revoked", "Signing", "Of another JWT_SECRET"):
        assert state in page


def test_a_key_can_neither_be_added_nor_changed_nor_deleted(staff: Client, row: SigningKey) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
    tries = [
        staff.get(f"{_LIST}add/"),
        staff.post(f"{_LIST}add/", {"kid": "mine"}),
        staff.post(f"{_LIST}{row.pk}/change/", {"kid": "mine"}),
        staff.get(f"{_LIST}{row.pk}/delete/"),
        staff.post(f"{_LIST}{row.pk}/delete/", {"post": "yes"}),
    ]
    staff.post(_LIST, chosen)

    assert [answer.status_code for answer in tries] == [403] * 5
    assert SigningKey.objects.get().kid == row.kid


def test_other_staff_do_not_see_keys_whatever_they_were_permitted(
    make_user: Callable[..., User], row: SigningKey
) -> None:
    group = Group.objects.create(name="Everything")
    group.permissions.set(Permission.objects.filter(content_type__app_label="accounts"))
    tina = make_user("Tina", is_staff=True)
    tina.groups.add(group)
    browser = Client()
    browser.force_login(tina)

    assert browser.get("/admin/accounts/user/").status_code == 200
    assert browser.get(_LIST).status_code == 403
    assert browser.get(f"{_LIST}{row.pk}/change/").status_code == 403
    assert "Signing keys" not in browser.get("/admin/").content.decode()


def test_a_superuser_finds_the_list_in_the_menu(staff: Client) -> None:
    assert f'href="{_LIST}"' in staff.get("/admin/").content.decode()
