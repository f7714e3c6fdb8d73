"""An account goes with everything that belongs to it, whoever closes it."""

from collections.abc import Callable

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Session, User
from conftest import PASSWORD
from uploads import storage
from uploads.models import Upload

pytestmark = pytest.mark.django_db
ME = "/api/v1/me"


def test_an_owner_removes_account_sessions_and_files_and_nobody_elses(
    alice: User, bob: User, sign_in: Callable[[User], APIClient], upload_as: Callable[..., Upload]
) -> None:
    hers, his = upload_as(alice), upload_as(bob)
    client = sign_in(alice)

    answer = client.delete(ME)

    assert answer.status_code == 204
    assert [user.email for user in User.objects.all()] == [bob.email]
    assert not Session.objects.filter(user_id=alice.pk).exists()
    assert [upload.pk for upload in Upload.objects.all()] == [his.pk]
    with pytest.raises(FileNotFoundError):
        storage.open_bytes(hers.key)
    assert client.get(ME).status_code == 401


def test_the_email_of_a_closed_account_is_free_again(alice: User, sign_in: Callable[[User], APIClient]) -> None:
    sign_in(alice).delete(ME)

    again = APIClient().post("/api/v1/auth/register", {"email": alice.email, "password": PASSWORD})

    assert again.status_code == 201


def test_staff_remove_accounts_with_their_files(
    staff: Client, alice: User, bob: User, upload_as: Callable[..., Upload]
) -> None:
    upload_as(alice)
    upload_as(bob)

    staff.post(
        "/admin/accounts/user/",
        {"action": "delete_selected", "_selected_action": [str(alice.pk), str(bob.pk)], "post": "yes"},
    )

    assert [user.email for user in User.objects.all()] == ["sam@example.com"]
    assert not Upload.objects.exists()
