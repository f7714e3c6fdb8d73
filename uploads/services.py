"""Writing uploads: store, give out, remove."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO

import structlog
from django.conf import settings

from nocturnal_project.errors import InvalidInput, NotFound, ServiceUnavailable
from uploads import location, quota, rows, scanning, selectors, storage, thumbnails
from uploads.content_types import accepted_type
from uploads.errors import (
    FileTooLarge,
)
from uploads.filenames import as_attachment, display_name
from uploads.metrics import counted
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


@counted
def store_upload(
    *,
    owner_id: uuid.UUID,
    incoming: Incoming,
    category: str,
    strip_location: bool = False,
    idempotency_key: str = "",
    now: datetime,
) -> tuple[Upload, bool]:
    """Store a file; return its row and whether this call made it.

    The row is ``pending`` until the bytes are stored and verified, so a crash in between leaves nothing that
    claims to be a file. A repeated call with the same key and the same bytes is given the first one's row.
    With ``strip_location`` the bytes are those of the picture without where it was taken.

    Raises:
        FileTooLarge, FileRefused: the file is not one that we keep.
        InvalidInput: the place cannot be taken out of a file like this.
        StorageQuotaExceeded: its owner may not store as much.
        IdempotencyConflict, IdempotencyMismatch: the key is in use.
        ServiceUnavailable: the virus scanner failed, or the storage did; no row is left, and bytes that it may have
            kept all the same are found by ``reconcile_uploads``: to ask a storage that hangs to remove them would
            take as long again.
    """
    if incoming.size_bytes > settings.MAX_UPLOAD_BYTES:
        raise FileTooLarge(
            f"A file has at most {settings.MAX_UPLOAD_BYTES:,} bytes.", max_bytes=settings.MAX_UPLOAD_BYTES
        )
    filename = display_name(incoming.name)
    content_type = accepted_type(incoming.file, filename=filename, declared=incoming.declared_type)
    scanning.require_clean(incoming.file)
    with _as_wanted(incoming.file, content_type, strip_location=strip_location) as file:
        sha256, size_bytes = storage.digest(file)
        upload = rows.new_row(
            owner_id=owner_id,
            category=category,
            filename=filename,
            content_type=content_type,
            size_bytes=size_bytes,
            sha256=sha256,
            idempotency_key=idempotency_key,
            now=now,
        )
        if not rows.create_row(upload):
            return rows.earlier_row(upload), False
        _store_bytes(upload, file)
    return upload, True


@contextmanager
def _as_wanted(file: IO[bytes], content_type: str, *, strip_location: bool) -> Iterator[IO[bytes]]:
    if not strip_location:
        yield file
        return
    if content_type not in location.POSSIBLE:
        says = f"The place can be taken out of JPEG, PNG and WebP, and this is {content_type}. Nothing was stored."
        raise InvalidInput.at("#/strip_location", code="not_possible", detail=says)
    with ExitStack() as stack:
        try:
            without = stack.enter_context(location.without_location(file, content_type))
        except location.Unreadable as error:
            says = "The picture is broken, so that nobody can tell whether it says a place. Nothing was stored."
            raise InvalidInput.at("#/strip_location", code="not_possible", detail=says) from error
        yield without


def _store_bytes(upload: Upload, file: IO[bytes]) -> None:
    try:
        storage.put(upload.key, file, sha256=upload.sha256)
    except ServiceUnavailable:
        rows.remove_row(upload)
        raise
    rows.make_ready(upload)


def remove_pending(upload: Upload) -> bool:
    """Remove a row that will not become ready, and what there is of its bytes; False where it was settled meanwhile.

    The row goes first: a request that makes it ready at the same moment finds it gone, and removes its bytes itself.

    Raises:
        ServiceUnavailable: the storage failed, and the bytes are left without a row.
    """
    quota.announce_release(upload.owner_id)
    removed, _ = Upload.objects.filter(pk=upload.pk, status=Upload.Status.PENDING).delete()
    if removed:
        rows.count_no_longer(upload)
        _remove_bytes(upload)
    return bool(removed)


def signed_url(*, upload: Upload, seconds: int, now: datetime) -> tuple[str, datetime]:
    """Return a URL that gives out the file to whoever has it, and when it ends: after half of ``seconds`` at least.

    Raises:
        UploadNotReady, UploadQuarantined: there are no bytes yet, or staff hold them back.
    """
    selectors.require_ready(upload)
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
    if not rows.remove_row(upload):
        raise NotFound("There is no such upload.")
    try:
        _remove_bytes(upload)
    except ServiceUnavailable:
        _log.warning("bytes left without a row", key=upload.key)


def _remove_bytes(upload: Upload) -> None:
    storage.remove(upload.key)
    thumbnails.remove(upload)
    if upload.multipart_id:
        storage.abort_parts(upload.staging_key, upload.multipart_id)
    if upload.staging_key and upload.status not in Upload.STORED:
        storage.remove(upload.staging_key)


def delete_uploads_of(*, owner_id: uuid.UUID) -> int:
    """Remove every file of an owner and return how many there were.

    The bytes go first, because nothing would find them once the rows are gone with their owner.

    Raises:
        ServiceUnavailable: the storage failed; what is left still has its row, and trying again is safe.
    """
    removed = 0
    for upload in Upload.objects.filter(owner_id=owner_id).iterator():
        _remove_bytes(upload)
        removed += rows.remove_row(upload)
    return removed
