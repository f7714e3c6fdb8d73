"""Completing a file that was sent straight to the storage: verify, copy, and only then ready.

What lies under the staging key is verified, and the storage itself copies exactly that to the final key, so that
whatever is sent to the staging key later changes no ready file.
"""

import hashlib
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO

import structlog
from django.db.models import Q

from nocturnal_project import clock
from nocturnal_project.errors import NotFound, ServiceUnavailable
from uploads import rows, scanning, storage
from uploads.content_types import accepted_type
from uploads.direct_storage import Stored, part_sizes
from uploads.errors import (
    ContentMismatch,
    FileRefused,
    FileTypeMismatch,
    IdempotencyConflict,
    UploadNotDirect,
    UploadNotStored,
    UploadQuarantined,
    UploadRejected,
)
from uploads.metrics import counted
from uploads.models import Upload

_log = structlog.stdlib.get_logger("nocturnal.uploads")
_CHUNK = 4 * 1024 * 1024
# One request has an upload in hand until this long after it last said so; then its instance counts as dead.
_CLAIM = timedelta(seconds=30)
_CLAIM_AGAIN_SECONDS = 10.0
_WAIT_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.1


@counted
def complete(*, upload: Upload) -> Upload:
    """Verify what was sent, have it copied to its final key and make it ready; return the row. Safe to repeat.

    Of calls at the same time one does the work, and the others wait a while for what comes of it.

    Raises:
        UploadNotDirect: it comes through an instance.
        UploadNotStored: nothing, or not every part, was sent yet; send and complete again.
        FileRefused: what was sent is not what was announced, or nothing that we keep. The upload is rejected, and
            what was sent is removed.
        UploadRejected: that was so before.
        UploadQuarantined: it was made ready, and staff hold it back since.
        IdempotencyConflict: another call is still at it.
        NotFound: it was deleted meanwhile.
        ServiceUnavailable: the storage or the virus scanner failed; nothing was decided.
    """
    if not upload.staging_key:
        raise UploadNotDirect
    deadline = time.monotonic() + _WAIT_SECONDS
    while not (claim := _claim(upload)):
        settled = _settled(upload.pk)
        if settled:
            return settled
        if time.monotonic() > deadline:
            raise IdempotencyConflict("Another request is completing this upload.", headers={"Retry-After": "2"})
        time.sleep(_LOOK_AGAIN_SECONDS)
    try:
        return _carried_out(upload, claim)
    finally:
        claim.give_up()


def _settled(upload_id: uuid.UUID) -> Upload | None:
    upload = Upload.objects.filter(pk=upload_id).first()
    if upload is None:
        raise NotFound("There is no such upload.")
    if upload.status == Upload.Status.REJECTED:
        raise UploadRejected
    if upload.status == Upload.Status.QUARANTINED:
        raise UploadQuarantined
    return upload if upload.status == Upload.Status.READY else None


def _carried_out(upload: Upload, claim: "_Claim") -> Upload:
    found = _sent(upload)
    try:
        _verify(upload, found, claim)
    except FileRefused:
        rows.reject(upload)
        _clear_staging(upload)
        raise
    storage.copy_stored(upload.staging_key, upload.key, found)
    rows.make_ready(upload)
    _clear_staging(upload)
    return upload


def _sent(upload: Upload) -> Stored:
    """Return what lies under the staging key, its parts joined.

    Raises:
        UploadNotStored: not everything is there.
    """
    if upload.multipart_id:
        there = storage.stored_parts(upload.staging_key, upload.multipart_id)
        missing = [number for number, size in part_sizes(upload.size_bytes).items() if there.get(number) != size]
        if there and missing:
            raise UploadNotStored(f"{len(missing):,} parts are missing.", missing_parts=missing)
        if there:  # none are after a crash between this and the end: they are joined already
            storage.join_parts(upload.staging_key, upload.multipart_id)
    found = storage.stored(upload.staging_key)
    if found is None:
        raise UploadNotStored
    return found


def _verify(upload: Upload, found: Stored, claim: "_Claim") -> None:
    if found.size_bytes != upload.size_bytes:
        raise ContentMismatch(f"{upload.size_bytes:,} bytes were announced, and {found.size_bytes:,} sent.")
    with storage.answering_for("verify"), storage.read_stored(upload.staging_key, found) as file:
        sha256 = found.sha256 or _digest(file, claim)
        if sha256 != upload.sha256:
            raise ContentMismatch("What was sent has another SHA-256 than was announced.")
        file.seek(0)
        content_type = accepted_type(file, filename=upload.filename, declared=upload.content_type)
        if content_type != upload.content_type:
            raise FileTypeMismatch(
                f"The file was announced as {upload.content_type} but its bytes are {content_type}.", found=content_type
            )
        scanning.require_clean(file, between_chunks=claim.keep)


def _digest(file: IO[bytes], claim: "_Claim") -> str:
    hasher = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        hasher.update(chunk)
        claim.keep()
    return hasher.hexdigest()


def _clear_staging(upload: Upload) -> None:
    try:
        storage.remove(upload.staging_key)
    except ServiceUnavailable:
        _log.warning("staged bytes left", key=upload.staging_key)  # they expire


@dataclass(slots=True)
class _Claim:
    """This request has the upload in hand, and says so again while it works."""

    upload_id: uuid.UUID
    until: datetime
    said_at: float

    def keep(self) -> None:
        """Say so again, from time to time; what another took over meanwhile is verified twice, and stored alike."""
        if time.monotonic() - self.said_at < _CLAIM_AGAIN_SECONDS:
            return
        later = clock.now() + _CLAIM
        if Upload.objects.filter(pk=self.upload_id, claimed_until=self.until).update(claimed_until=later):
            self.until = later
        self.said_at = time.monotonic()

    def give_up(self) -> None:
        """Let the next one have it at once."""
        Upload.objects.filter(pk=self.upload_id, claimed_until=self.until).update(claimed_until=None)


def _claim(upload: Upload) -> _Claim | None:
    now = clock.now()
    until = now + _CLAIM
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    taken = Upload.objects.filter(free, pk=upload.pk, status=Upload.Status.PENDING).update(claimed_until=until)
    return _Claim(upload.pk, until, time.monotonic()) if taken else None
