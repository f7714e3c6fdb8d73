"""What a user may store is held to, also by fifty uploads at once, and is right again after a crash."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.models import User
from nocturnal_project import clock
from uploads import quota, rows, services
from uploads.errors import StorageQuotaExceeded
from uploads.models import StorageUsage, Upload

pytestmark = pytest.mark.django_db
PATH = "/api/v1/uploads"
SignIn = Callable[[User], APIClient]
UploadAs = Callable[..., Upload]


@pytest.fixture(autouse=True)
def a_hundred_bytes(settings: Any) -> None:
    """Everybody may store 100 bytes."""
    settings.UPLOAD_QUOTA_BYTES = 100


def _post(client: APIClient, size: int, key: str = "") -> Any:
    file = SimpleUploadedFile("notes.txt", b"x" * size, "text/plain")
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(PATH, {"file": file}, format="multipart", headers=headers)


def test_a_file_that_does_not_fit_is_refused_and_says_why(alice: User, sign_in: SignIn, upload_as: UploadAs) -> None:
    upload_as(alice, b"x" * 60)
    client = sign_in(alice)

    refused, fitting = _post(client, 41), _post(client, 40)

    assert (refused.status_code, refused.json()["code"]) == (403, "storage_quota_exceeded")
    assert (refused.json()["quota_bytes"], refused.json()["used_bytes"]) == (100, 60)
    assert fitting.status_code == 201
    assert Upload.objects.count() == 2


def test_the_owner_reads_what_is_used(alice: User, bob: User, sign_in: SignIn, upload_as: UploadAs) -> None:
    upload_as(alice, b"x" * 60)
    upload_as(bob, b"x" * 10)

    assert sign_in(alice).get(f"{PATH}/usage").json() == {"used_bytes": 60, "quota_bytes": 100}


def test_whoever_never_stored_anything_uses_nothing(alice: User, sign_in: SignIn) -> None:
    assert sign_in(alice).get(f"{PATH}/usage").json() == {"used_bytes": 0, "quota_bytes": 100}


def test_deleting_makes_room(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    first = _post(client, 100).json()["id"]

    client.delete(f"{PATH}/{first}")

    assert _post(client, 100).status_code == 201


def test_a_repeated_request_is_answered_also_when_nothing_more_fits(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    first, again = _post(client, 100, key="once"), _post(client, 100, key="once")

    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert quota.usage_of(alice.pk).used_bytes == 100


def test_a_repeated_request_is_counted_once(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    _post(client, 10, key="once")
    _post(client, 10, key="once")

    assert quota.usage_of(alice.pk).used_bytes == 10


def test_a_user_may_have_a_quota_of_their_own_or_none(alice: User, bob: User, upload_as: UploadAs) -> None:
    quota.set_quota(alice.pk, 0)
    quota.set_quota(bob.pk, 5)

    upload_as(alice, b"x" * 200)
    with pytest.raises(StorageQuotaExceeded):
        upload_as(bob, b"x" * 6)

    quota.set_quota(bob.pk, None)
    upload_as(bob, b"x" * 6)
    assert quota.usage_of(alice.pk) == quota.Usage(200, None)
    assert quota.usage_of(bob.pk) == quota.Usage(6, 100)


def test_files_from_before_there_were_counters_count(alice: User, upload_as: UploadAs) -> None:
    upload_as(alice, b"x" * 60)
    StorageUsage.objects.all().delete()

    with pytest.raises(StorageQuotaExceeded):
        upload_as(alice, b"x" * 41)

    assert quota.usage_of(alice.pk).used_bytes == 60


def test_a_counter_that_a_crash_left_wrong_is_recounted_once_it_rests(alice: User, upload_as: UploadAs) -> None:
    upload_as(alice, b"x" * 60)
    quota.reserve(alice.pk, 30)  # and then the instance died
    later = clock.now() + quota.SETTLED_AFTER + timedelta(seconds=1)

    at_once = quota.recount(_counter(alice), now=clock.now())
    previewed = quota.recount(_counter(alice), now=later, dry_run=True)
    before = _counter(alice).used_bytes
    set_right = quota.recount(_counter(alice), now=later)

    assert (at_once, previewed, before, set_right) == (0, 30, 90, 30)
    assert _counter(alice).used_bytes == 60


def test_a_counter_that_moves_while_it_is_recounted_is_left_alone(alice: User, upload_as: UploadAs) -> None:
    upload_as(alice, b"x" * 60)
    quota.reserve(alice.pk, 30)
    seen = _counter(alice)
    quota.reserve(alice.pk, 10)

    assert quota.recount(seen, now=clock.now() + quota.SETTLED_AFTER * 2) == 0
    assert _counter(alice).used_bytes == 100


def test_a_closed_account_takes_its_counter_with_it(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    _post(client, 10)

    assert client.delete("/api/v1/me").status_code == 204
    assert not StorageUsage.objects.exists()


def test_a_failing_storage_counts_nothing(alice: User, sign_in: SignIn, files: Any) -> None:
    files.write_text("in the way")

    assert _post(sign_in(alice), 10).status_code == 503
    assert quota.usage_of(alice.pk).used_bytes == 0


def _counter(user: User) -> StorageUsage:
    return StorageUsage.objects.get(pk=user.pk)


@pytest.mark.parametrize("remove", [rows.remove_row, rows.reject, services.remove_pending])
def test_a_recount_in_the_middle_of_a_removal_takes_nothing_off_twice(
    alice: User, upload_as: UploadAs, monkeypatch: pytest.MonkeyPatch, remove: Callable[[Upload], object]
) -> None:
    kept, gone = upload_as(alice, b"x" * 10), upload_as(alice, b"x" * 30)
    Upload.objects.filter(pk=gone.pk).update(status="pending")
    gone.status = Upload.Status.PENDING
    StorageUsage.objects.update(changed_at=clock.now() - timedelta(hours=1))
    release = quota.release

    def recounted_before(*arguments: Any) -> None:
        quota.recount(StorageUsage.objects.get(pk=alice.pk), now=clock.now())
        release(*arguments)

    monkeypatch.setattr(quota, "release", recounted_before)
    remove(gone)

    assert StorageUsage.objects.get(pk=alice.pk).used_bytes == kept.size_bytes
