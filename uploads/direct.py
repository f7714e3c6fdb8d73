"""Announcing files that their owners send straight to the storage, by a signed form or in parts.

They go under a staging key, which is all that forms and parts can write to: ``completion`` takes them from there.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from nocturnal_project.errors import NotFound
from uploads import keys, rows, storage
from uploads.content_types import require_agreement
from uploads.direct_storage import Announced, Form, part_sizes
from uploads.errors import FileTooLarge, UploadNotDirect, UploadRejected
from uploads.filenames import display_name
from uploads.metrics import counted
from uploads.models import Upload


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a file: whether it is there, and where to PUT it while it is not."""

    number: int
    size_bytes: int
    stored: bool
    url: str | None


@dataclass(frozen=True, slots=True)
class Presigned:
    """How to send an announced file until ``expires_at``: by one form, or in parts."""

    upload: Upload
    expires_at: datetime
    form: Form | None
    parts: list[Part]

    @property
    def method(self) -> str:
        """How the form, or each part, is sent."""
        return "PUT" if self.parts else "POST"

    @property
    def url(self) -> str | None:
        """Where the form goes."""
        return self.form.url if self.form else None

    @property
    def form_fields(self) -> dict[str, str] | None:
        """What the form says besides the file."""
        return self.form.fields if self.form else None


@counted
def presign(
    *,
    owner_id: uuid.UUID,
    name: str,
    announced: Announced,
    category: str,
    idempotency_key: str = "",
    now: datetime,
) -> tuple[Presigned, bool]:
    """Announce a file and return how to send it, and whether this call made its row.

    ``announced.key`` is not used: keys are made here. A repeated call with the same key and the same announcement is
    given the first one's row, and a fresh form.

    Raises:
        FileTooLarge, UnsupportedFileType, FileTypeMismatch: the file is not one that we keep.
        StorageQuotaExceeded: its owner may not store as much.
        IdempotencyConflict, IdempotencyMismatch: the key is in use.
        ServiceUnavailable: the storage did not answer.
    """
    if announced.size_bytes > settings.MAX_DIRECT_UPLOAD_BYTES:
        limit = settings.MAX_DIRECT_UPLOAD_BYTES
        raise FileTooLarge(f"A file has at most {limit:,} bytes.", max_bytes=limit)
    filename = display_name(name)
    require_agreement(announced.content_type, filename=filename)
    upload = rows.new_row(
        owner_id=owner_id,
        category=category,
        filename=filename,
        content_type=announced.content_type,
        size_bytes=announced.size_bytes,
        sha256=announced.sha256,
        idempotency_key=idempotency_key,
        now=now,
    )
    upload.staging_key = keys.new_staging_key(now=now)
    if not rows.create_row(upload):
        return how_to_send(rows.earlier_row(upload), now), False
    return how_to_send(upload, now), True


def how_to_send(upload: Upload, now: datetime) -> Presigned:
    """Return a fresh form, or which parts are there and fresh URLs for those that are not.

    Raises:
        UploadNotDirect: it comes through an instance.
        UploadRejected: it was refused; a ready one has every part and no URL.
        ServiceUnavailable: the storage did not answer.
    """
    if not upload.staging_key:
        raise UploadNotDirect
    if upload.status == Upload.Status.REJECTED:
        raise UploadRejected
    seconds = settings.SIGNED_URL_SECONDS
    expires_at = now + timedelta(seconds=seconds)
    if upload.size_bytes > settings.DIRECT_FORM_BYTES or upload.multipart_id:
        return Presigned(upload, expires_at, None, list(_parts(upload, seconds)))
    if upload.status in Upload.STORED:
        return Presigned(upload, expires_at, None, [])
    return Presigned(upload, expires_at, storage.signed_form(_announced(upload), seconds=seconds), [])


def _parts(upload: Upload, seconds: int) -> Iterator[Part]:
    ready = upload.status in Upload.STORED
    if not ready and not upload.multipart_id:
        _begin_parts(upload)
    there = {} if ready else storage.stored_parts(upload.staging_key, upload.multipart_id)
    for number, size in part_sizes(upload.size_bytes).items():
        if ready or there.get(number) == size:
            yield Part(number, size, stored=True, url=None)
        else:
            url = storage.signed_part(
                upload.staging_key, upload.multipart_id, number=number, size_bytes=size, seconds=seconds
            )
            yield Part(number, size, stored=False, url=url)


def _begin_parts(upload: Upload) -> None:
    """Have the storage begin a set of parts, once: of several calls at the same time, one's is kept."""
    begun = storage.begin_parts(_announced(upload))
    if Upload.objects.filter(pk=upload.pk, multipart_id="").update(multipart_id=begun):
        upload.multipart_id = begun
        return
    storage.abort_parts(upload.staging_key, begun)
    now_there = Upload.objects.filter(pk=upload.pk).first()
    if now_there is None:
        raise NotFound("There is no such upload.")
    upload.multipart_id = now_there.multipart_id


def _announced(upload: Upload) -> Announced:
    return Announced(upload.staging_key, upload.content_type, upload.size_bytes, upload.sha256)
