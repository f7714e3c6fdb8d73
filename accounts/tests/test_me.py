from collections.abc import Callable

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User

pytestmark = pytest.mark.django_db
ME = "/api/v1/me"


def test_a_profile_shows_its_owner_and_no_more(alice: User, sign_in: Callable[[User], APIClient]) -> None:
    answer = sign_in(alice).get(ME)

    assert answer.status_code == 200
    assert set(answer.json()) == {"id", "email", "email_verified", "name", "created_at"}


def test_the_name_can_be_changed_and_nothing_else(alice: User, sign_in: Callable[[User], APIClient]) -> None:
    client = sign_in(alice)

    changed = client.patch(ME, {"name": "Alice Liddell"})
    refused = client.patch(ME, {"is_staff": True, "email": "root@example.com"})

    assert (changed.status_code, changed.json()["name"]) == (200, "Alice Liddell")
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == ["#/email", "#/is_staff"]
    alice.refresh_from_db()
    assert (alice.name, alice.email, alice.is_staff) == ("Alice Liddell", "alice@example.com", False)


def test_an_empty_change_changes_nothing(alice: User, sign_in: Callable[[User], APIClient]) -> None:
    assert sign_in(alice).patch(ME, {}).json()["name"] == "Alice"


def test_a_created_at_is_in_utc(alice: User, sign_in: Callable[[User], APIClient]) -> None:
    created_at = sign_in(alice).get(ME).json()["created_at"]

    assert created_at.endswith("Z")
    assert created_at < timezone.now().isoformat()
