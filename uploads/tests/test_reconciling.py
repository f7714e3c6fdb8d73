"""What a crash between a row and its bytes leaves is found and set right, and nothing else is touched."""

import hashlib
import io
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from nocturnal_project import clock
from uploads import direct, keys, rows, storage, thumbnails
from uploads.direct_storage import Announced
from uploads.models import StorageUsage, Upload
from uploads.tests import samples

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("files")]
UploadAs = Callable[..., Upload]
HELLO = b"hello\n"


def reconcile(*arguments: str) -> tuple[list[str], int]:
    out = io.StringIO()
    try:
        call_command("reconcile_uploads", *arguments, stdout=out)
    except CommandError as error:
        return out.getvalue().splitlines(), error.returncode
    return out.getvalue().splitlines(), 0


def make_older(files: Path, *, hours: float) -> None:
    """Let everything have happened some hours ago."""
    for upload in Upload.objects.all():
        Upload.objects.filter(pk=upload.pk).update(created_at=upload.created_at - timedelta(hours=hours))
    StorageUsage.objects.update(changed_at=clock.now() - timedelta(hours=hours))
    for path in files.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - hours * 3600,) * 2)


def interrupted(owner: User, *, stored: bytes | None) -> Upload:
    """Return a row whose instance died, with what it had stored by then."""
    sha256 = hashlib.sha256(HELLO).hexdigest()
    upload = rows.new_row(
        idempotency_key="", now=clock.now(), owner_id=owner.pk, category="general", filename="hello.txt",
        content_type="text/plain", size_bytes=len(HELLO), sha256=sha256,
    )  # fmt: skip
    assert rows.create_row(upload)
    if stored is not None:
        storage.put(upload.key, io.BytesIO(stored), sha256=hashlib.sha256(stored).hexdigest())
    return upload


def announced(owner: User, content: bytes = HELLO) -> Upload:
    said = Announced("", "text/plain", len(content), hashlib.sha256(content).hexdigest())
    made, _ = direct.presign(owner_id=owner.pk, name="a.txt", announced=said, category="general", now=clock.now())
    return made.upload


def stored_keys(files: Path) -> list[str]:
    return sorted(path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_file())


def test_where_rows_and_bytes_agree_nothing_is_done(alice: User, upload_as: UploadAs, files: Path) -> None:
    kept = upload_as(alice)
    make_older(files, hours=2)

    assert reconcile() == (["Rows and bytes agree."], 0)
    assert stored_keys(files) == [kept.key]


def test_bytes_without_a_row_are_removed(alice: User, upload_as: UploadAs, files: Path) -> None:
    kept, orphan = upload_as(alice), upload_as(alice)
    Upload.objects.filter(pk=orphan.pk).delete()
    make_older(files, hours=2)

    said, code = reconcile()

    assert (code, said[0]) == (0, f"bytes without a row: {orphan.key} (6 bytes)")
    assert stored_keys(files) == [kept.key]
    assert StorageUsage.objects.get(pk=alice.pk).used_bytes == kept.size_bytes


def test_what_a_crash_left_half_written_on_a_disk_is_removed(alice: User, upload_as: UploadAs, files: Path) -> None:
    kept = upload_as(alice)
    (files / f"{kept.key}~0a1b2c").write_bytes(b"hel")
    make_older(files, hours=2)

    assert reconcile()[1] == 0
    assert stored_keys(files) == [kept.key]


def test_an_upload_whose_bytes_are_all_there_becomes_ready(alice: User, files: Path) -> None:
    cut_off = interrupted(alice, stored=HELLO)
    make_older(files, hours=2)

    assert reconcile()[1] == 0

    cut_off.refresh_from_db()
    assert (cut_off.status, stored_keys(files)) == ("ready", [cut_off.key])
    assert reconcile() == (["Rows and bytes agree."], 0)


@pytest.mark.parametrize("stored", [None, b"hel", b"HELLO\n"])
def test_an_upload_whose_bytes_are_not_all_there_is_removed(alice: User, files: Path, stored: bytes | None) -> None:
    interrupted(alice, stored=stored)
    make_older(files, hours=2)

    assert reconcile()[1] == 0

    assert (Upload.objects.count(), stored_keys(files)) == (0, [])
    assert StorageUsage.objects.get(pk=alice.pk).used_bytes == 0


def test_what_may_be_on_its_way_is_left_alone(alice: User, upload_as: UploadAs, files: Path) -> None:
    interrupted(alice, stored=b"hel")
    Upload.objects.filter(pk=upload_as(alice).pk).delete()
    before = stored_keys(files)
    make_older(files, hours=0.9)

    assert reconcile() == (["Rows and bytes agree."], 0)
    assert (stored_keys(files), Upload.objects.count()) == (before, 1)


def test_a_ready_file_without_its_bytes_is_told_and_kept_for_a_person(
    alice: User, upload_as: UploadAs, files: Path
) -> None:
    lost, cut = upload_as(alice), upload_as(alice)
    (files / lost.key).unlink()
    (files / cut.key).write_bytes(b"hel")
    make_older(files, hours=2)

    said, code = reconcile()

    assert code == 2
    assert sorted(said[:2]) == [
        f"a ready row whose bytes have another size: {cut.key} (3 bytes, not 6)",
        f"a ready row without its bytes: {lost.key} (upload {lost.pk})",
    ]
    assert Upload.objects.filter(status="ready").count() == 2


def test_what_somebody_else_put_there_is_told_and_left(alice: User, upload_as: UploadAs, files: Path) -> None:
    kept = upload_as(alice)
    foreign = (files / kept.key).with_name("backup.tar")
    foreign.write_bytes(b"mine")
    make_older(files, hours=2)

    said, code = reconcile()

    assert (code, foreign.exists()) == (2, True)
    assert said[0].startswith("something that is not ours: ")


def test_staged_bytes_that_nothing_waits_for_are_removed_and_others_stay(alice: User, files: Path) -> None:
    waiting, gone = announced(alice), announced(alice)
    for upload in (waiting, gone):
        storage.put(upload.staging_key, io.BytesIO(HELLO), sha256=upload.sha256)
    Upload.objects.filter(pk=gone.pk).delete()
    make_older(files, hours=2)

    assert reconcile()[1] == 0

    assert stored_keys(files) == [waiting.staging_key]
    assert Upload.objects.get().status == "pending"


def test_parts_that_nothing_waits_for_are_removed_and_others_stay(alice: User, files: Path, settings: Any) -> None:
    settings.DIRECT_FORM_BYTES = 1
    waiting, gone = announced(alice), announced(alice)
    for upload in (waiting, gone):
        (files / f"{upload.staging_key}.{upload.multipart_id}.1").parent.mkdir(parents=True, exist_ok=True)
        (files / f"{upload.staging_key}.{upload.multipart_id}.1").write_bytes(HELLO)
    Upload.objects.filter(pk=gone.pk).delete()
    make_older(files, hours=2)

    assert reconcile()[1] == 0

    assert stored_keys(files) == [f"{waiting.staging_key}.{waiting.multipart_id}.1"]


def test_a_counter_that_a_crash_left_too_high_is_set_right(alice: User, upload_as: UploadAs, files: Path) -> None:
    kept = upload_as(alice)
    StorageUsage.objects.filter(pk=alice.pk).update(used_bytes=1000)
    make_older(files, hours=2)

    said, code = reconcile()

    assert (code, said[0]) == (0, f"a user's bytes miscounted: {alice.pk} (by +994 bytes)")
    assert StorageUsage.objects.get(pk=alice.pk).used_bytes == kept.size_bytes


def test_a_dry_run_tells_everything_and_touches_nothing(alice: User, upload_as: UploadAs, files: Path) -> None:
    Upload.objects.filter(pk=upload_as(alice).pk).delete()
    interrupted(alice, stored=b"hel")
    StorageUsage.objects.filter(pk=alice.pk).update(used_bytes=1000)
    make_older(files, hours=2)
    before = stored_keys(files)

    said, code = reconcile("--dry-run")

    assert (code, len(said)) == (2, 3)
    assert (stored_keys(files), Upload.objects.count()) == (before, 1)
    assert StorageUsage.objects.get(pk=alice.pk).used_bytes == 1000


def test_a_negative_grace_is_wrong_use() -> None:
    assert reconcile("--grace", "-1") == ([], 1)


def test_a_picture_without_its_file_is_removed_and_one_that_is_lost_is_made_again(
    alice: User, upload_as: UploadAs, files: Path
) -> None:
    gone, lost, good = (upload_as(alice, samples.PNG, f"{number}.png") for number in range(3))
    for upload in (gone, lost, good):
        thumbnails.signed_url(upload=upload, now=clock.now())
    Upload.objects.filter(pk=gone.pk).delete()
    (files / keys.thumbnail_key(lost.key)).unlink()
    make_older(files, hours=2)

    said, code = reconcile()

    assert (code, len(said)) == (0, 5)
    assert stored_keys(files) == sorted([good.key, lost.key, keys.thumbnail_key(good.key)])
    lost.refresh_from_db()
    thumbnails.signed_url(upload=lost, now=clock.now())
    assert (files / keys.thumbnail_key(lost.key)).exists()
