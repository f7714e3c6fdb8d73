"""Staff see everything of a user on one page, whichever app knows it, and what they remove is recorded."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import SecurityEvent, User
from uploads.models import Upload

pytestmark = pytest.mark.django_db
USERS = "/admin/accounts/user/"


def test_a_file_that_staff_delete_is_recorded_for_its_owner(
    staff: Client, alice: User, upload_as: Callable[..., Upload]
) -> None:
    upload = upload_as(alice)
    form = {"action": "delete_files", "_selected_action": [str(upload.pk)], "confirmed": "yes"}

    staff.post("/admin/uploads/upload/", form)

    sam, event = User.objects.get(email="sam@example.com"), SecurityEvent.objects.get()
    assert (event.kind, event.user_id, event.actor_id) == ("staff_deleted_upload", alice.pk, sam.pk)
    assert event.facts == {"upload": str(upload.pk)}


class TestUserPage:
    def test_it_has_sessions_events_limits_and_files_in_one_place(
        self, staff: Client, alice: User, bob: User, sign_in: Callable[[User], Any], upload_as: Callable[..., Upload]
    ) -> None:
        client = sign_in(alice)
        upload_as(alice, name="hers.txt")
        sent = SimpleUploadedFile("sent.txt", b"hello\n", "text/plain")
        assert client.post("/api/v1/uploads", {"file": sent}, format="multipart").status_code == 201
        upload_as(bob, name="his.txt")

        page = staff.get(f"{USERS}{alice.pk}/change/").content.decode()

        for heading in ("Sessions", "Security events", "Limits", "Uploads"):
            assert f'aria-label="{heading}"' in page
        assert "hers.txt" in page
        assert "his.txt" not in page
        assert "Signed in" in page
        assert "1 of 10 used in 1 h" in page
        assert "/admin/rate-limits/?q=alice%40example.com" in page
        assert "argon2" not in page

    def test_it_shows_only_what_the_member_of_staff_may_see(self, make_user: Callable[..., User], alice: User) -> None:
        lou = make_user("Lou", is_staff=True)
        lou.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "view_upload"]))
        client = Client()
        client.force_login(lou)

        page = client.get(f"{USERS}{alice.pk}/change/").content.decode()

        assert 'aria-label="Uploads"' in page
        assert 'aria-label="Sessions"' not in page
        assert 'aria-label="Security events"' not in page
        assert 'aria-label="Limits"' not in page
