"""Verifying what is stored, and pruning what never became a file."""

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from accounts.events import NO_REQUEST
from accounts.models import User
from nocturnal_project import clock
from nocturnal_project.identifiers import first_uuid7
from uploads import rows, staff, storage, verification
from uploads.models import StorageUsage, Upload
from uploads.tests.test_reconciling import HELLO, announced, stored_keys

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("files")]
UploadAs = Callable[..., Upload]


def run(command: str, *arguments: str) -> tuple[str, int]:
    out = io.StringIO()
    try:
        call_command(command, *arguments, stdout=out)
    except CommandError as error:
        return f"{out.getvalue()}{error}", error.returncode
    return out.getvalue(), 0


def _made(upload: Upload, *, days_ago: float) -> Upload:
    """Return it as it would be, had it been made some days ago: its id says when."""
    moment = clock.now() - timedelta(days=days_ago)
    Upload.objects.filter(pk=upload.pk).delete()
    upload.pk, upload.created_at = first_uuid7(moment), moment
    upload.request_key = upload.pk.hex
    upload.save(force_insert=True)
    return upload


def test_every_file_that_is_as_it_came_in_is_counted(alice: User, upload_as: UploadAs) -> None:
    for number in range(5):
        upload_as(alice, b"x" * (number + 1))

    assert run("verify_uploads", "--all") == ("5 file(s) are as they came in.\n", 0)


def test_flipped_bits_and_lost_bytes_are_told_and_nothing_is_changed(
    alice: User, upload_as: UploadAs, files: Path
) -> None:
    good, flipped, lost = (upload_as(alice) for _ in range(3))
    (files / flipped.key).write_bytes(b"hellO\n")
    (files / lost.key).unlink()

    said, code = run("verify_uploads", "--all")

    assert (code, "2 of 3 file(s) are damaged" in said) == (2, True)
    assert f"{flipped.key} (upload {flipped.pk}): its bytes are others" in said
    assert f"{lost.key} (upload {lost.pk}): its bytes are not there" in said
    assert good.key not in said
    assert Upload.objects.filter(status="ready").count() == 3


def test_what_staff_hold_back_is_verified_as_well(
    alice: User, upload_as: UploadAs, files: Path, make_user: Callable[..., User]
) -> None:
    held = upload_as(alice)
    staff.quarantine(upload=held, by=staff.By(make_user("Sam", is_staff=True), NO_REQUEST, clock.now()))
    assert run("verify_uploads", "--all")[1] == 0

    (files / "quarantine" / held.key).write_bytes(b"hellO\n")

    assert run("verify_uploads", "--all")[1] == 2


def test_a_sample_is_of_different_files_and_of_all_when_there_are_no_more(alice: User, upload_as: UploadAs) -> None:
    uploads = {_made(upload_as(alice), days_ago=number).pk for number in range(1, 9)}

    some = [upload.pk for upload in verification.sample(3)]

    assert (len(some), len(set(some))) == (3, 3)
    assert set(some) < uploads
    assert len(list(verification.sample(100))) <= 8


def test_a_sample_of_nothing_is_wrong_use() -> None:
    assert run("verify_uploads", "--sample", "0")[1] == 1


def test_long_refused_and_abandoned_uploads_are_pruned_and_younger_ones_stay(alice: User, files: Path) -> None:
    old, young = (_made(announced(alice), days_ago=days) for days in (3, 1))
    refused, lately = (_made(announced(alice), days_ago=days) for days in (31, 29))
    for upload in (refused, lately):
        rows.reject(upload)
    storage.put(old.staging_key, io.BytesIO(HELLO), sha256=old.sha256)
    used = StorageUsage.objects.get(pk=alice.pk).used_bytes

    dry, _ = run("prune_uploads", "--dry-run")
    said, code = run("prune_uploads")

    assert dry == "Would remove 1 rejected and 1 abandoned upload(s).\n"
    assert (said, code) == ("Removed 1 rejected upload(s).\nRemoved 1 abandoned upload(s).\n", 0)
    assert set(Upload.objects.values_list("pk", flat=True)) == {young.pk, lately.pk}
    assert stored_keys(files) == []
    assert StorageUsage.objects.get(pk=alice.pk).used_bytes == used - len(HELLO)


def test_what_a_request_has_in_hand_is_not_pruned(alice: User) -> None:
    held = _made(announced(alice), days_ago=5)
    Upload.objects.filter(pk=held.pk).update(claimed_until=clock.now() + timedelta(seconds=20))

    assert run("prune_uploads")[1] == 0
    assert Upload.objects.filter(pk=held.pk).exists()


@pytest.mark.parametrize("category", ["staging", "thumbnails", "quarantine"])
def test_a_reserved_category_is_refused(
    alice: User, sign_in: Callable[[User], APIClient], category: str, tmp_path: Path
) -> None:
    file: Any = io.BytesIO(HELLO)
    file.name = "a.txt"

    answer = sign_in(alice).post("/api/v1/uploads", {"file": file, "category": category}, format="multipart")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/category")
    assert not Upload.objects.exists()
