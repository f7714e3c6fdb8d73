"""Writing uploads: store, give out, remove."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO

import structlog
from django.conf import settings
from django.db import IntegrityError

from accounts.selectors import is_active
from nocturnal_project.errors import NotFound, ServiceUnavailable
from nocturnal_project.identifiers import uuid7
from nocturnal_project.transaction import atomic, refusable_write
from uploads import quota, storage
from uploads.content_types import EXTENSIONS, accepted_type
from uploads.errors import (
    FileTooLarge,
    IdempotencyConflict,
    IdempotencyMismatch,
    StorageQuotaExceeded,
    UploadNotReady,
)
from uploads.filenames import as_attachment, display_name
from uploads.models import Upload
from uploads.signing import Download, issued_at

_log = structlog.stdlib.get_logger("nocturnal.uploads")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file on its way in: its bytes, and what the client says of them."""

    file: IO[bytes]
    size_bytes: int
    name: str
    declared_type: str


def store_upload(
    *, owner_id: uuid.UUID, incoming: Incoming, category: str, idempotency_key: str = "", now: datetime
) -> tuple[Upload, bool]:
    """Store a file; return its row and whether this call made it.

    The row is ``pending`` until the bytes are stored and verified, so a crash in between leaves nothing that
    claims to be a file. A repeated call with the same key and the same bytes is given the first one's row.

    Raises:
        FileTooLarge, UnsupportedFileType, FileTypeMismatch: the file is not one that we keep.
        StorageQuotaExceeded: its owner may not store as much.
        IdempotencyConflict, IdempotencyMismatch: the key is in use.
        ServiceUnavailable: the storage failed; nothing is left.
    """
    if incoming.size_bytes > settings.MAX_UPLOAD_BYTES:
        raise FileTooLarge(
            f"A file has at most {settings.MAX_UPLOAD_BYTES:,} bytes.", max_bytes=settings.MAX_UPLOAD_BYTES
        )
    filename = display_name(incoming.name)
    content_type = accepted_type(incoming.file, filename=filename, declared=incoming.declared_type)
    sha256, size_bytes = storage.digest(incoming.file)
    upload = Upload(
        owner_id=owner_id,
        category=category,
        filename=filename,
        content_type=content_type,
        size_bytes=size_bytes,
        sha256=sha256,
        key=_new_key(category, content_type, now),
        created_at=now,
    )
    upload.request_key = _request_key(upload, idempotency_key)
    if not create_row(upload):
        return _earlier(upload), False
    _store_bytes(upload, incoming.file)
    return upload, True


def create_row(upload: Upload) -> bool:
    """Write a new file's row, its bytes counted; return False where its ``request_key`` has one already.

    Raises:
        StorageQuotaExceeded: the owner may not store as much.
    """
    try:
        quota.reserve(upload.owner_id, upload.size_bytes)
    except StorageQuotaExceeded:
        if Upload.objects.filter(request_key=upload.request_key).exists():
            return False
        raise
    try:
        with refusable_write():
            upload.save(force_insert=True)
    except IntegrityError:
        quota.release(upload.owner_id, upload.size_bytes)
        return False
    return True


def remove_row(upload: Upload) -> bool:
    """Remove a file's row, its bytes counted no longer; return False where another call did."""
    removed, _ = Upload.objects.filter(pk=upload.pk).delete()
    if removed and upload.status != Upload.Status.REJECTED:
        quota.release(upload.owner_id, upload.size_bytes)
    return bool(removed)


def _new_key(category: str, content_type: str, now: datetime) -> str:
    return f"{category}/{now:%Y-%m-%d}/{uuid7()}{EXTENSIONS[content_type][0]}"


def _request_key(upload: Upload, idempotency_key: str) -> str:
    if not idempotency_key:
        return upload.pk.hex
    return hashlib.sha256(f"{upload.owner_id}\n{idempotency_key}".encode()).hexdigest()


def _earlier(upload: Upload) -> Upload:
    # In a block, because MongoDB then confirms that a majority holds what was read: the first call may have been
    # told 503 for a row that only the primary has, and that is lost with it.
    with atomic():
        earlier = Upload.objects.filter(request_key=upload.request_key, owner_id=upload.owner_id).first()
    if earlier is None and upload.request_key == upload.pk.hex:
        raise NotFound("The account was closed.")
    if earlier is None or earlier.status == Upload.Status.PENDING:
        raise IdempotencyConflict(headers={"Retry-After": "1"})
    if (earlier.sha256, earlier.category) != (upload.sha256, upload.category):
        raise IdempotencyMismatch
    return earlier


def _store_bytes(upload: Upload, file: IO[bytes]) -> None:
    try:
        storage.put(upload.key, file, sha256=upload.sha256)
    except ServiceUnavailable:
        remove_row(upload)
        raise
    stored = Upload.objects.filter(pk=upload.pk, status=Upload.Status.PENDING).update(status=Upload.Status.READY)
    if not stored or not is_active(upload.owner_id):
        # Deleted while its bytes were on the way. Closing an account deactivates it before it looks for files, so
        # either it finds this one ready, or this finds the account closing: nothing stays behind.
        remove_row(upload)
        storage.remove(upload.key)
        raise NotFound("The upload was deleted before it was complete.")
    upload.status = Upload.Status.READY
    _log.debug("upload stored", upload=str(upload.pk), content_type=upload.content_type, size_bytes=upload.size_bytes)


def signed_url(*, upload: Upload, seconds: int, now: datetime) -> tuple[str, datetime]:
    """Return a URL that gives out the file to whoever has it, and when it ends: after half of ``seconds`` at least.

    Raises:
        UploadNotReady: there are no bytes yet.
    """
    if upload.status != Upload.Status.READY:
        raise UploadNotReady
    issued = issued_at(upload.created_at, seconds=seconds, now=now)
    download = Download(
        upload_id=str(upload.pk),
        key=upload.key,
        content_type=upload.content_type,
        disposition=as_attachment(upload.filename),
    )
    return storage.signed_url(download, seconds=seconds, issued=issued), issued + timedelta(seconds=seconds)


def delete_upload(*, upload: Upload) -> None:
    """Remove a file. The row goes first: what a client can see is then gone whatever happens to the bytes.

    Raises:
        NotFound: someone else removed it meanwhile.
    """
    if not remove_row(upload):
        raise NotFound("There is no such upload.")
    try:
        storage.remove(upload.key)
    except ServiceUnavailable:
        _log.warning("bytes left without a row", key=upload.key)


def delete_uploads_of(*, owner_id: uuid.UUID) -> int:
    """Remove every file of an owner and return how many there were.

    The bytes go first, because nothing would find them once the rows are gone with their owner.

    Raises:
        ServiceUnavailable: the storage failed; what is left still has its row, and trying again is safe.
    """
    removed = 0
    for upload in Upload.objects.filter(owner_id=owner_id).iterator():
        storage.remove(upload.key)
        removed += remove_row(upload)
    return removed
