"""The rows of uploads on their way: pending, then ready or rejected, each step by one conditional update."""

import hashlib
from datetime import datetime
from typing import Any

import structlog
from django.db import IntegrityError

from accounts.selectors import is_active
from nocturnal_project.errors import NotFound
from nocturnal_project.transaction import atomic, refusable_write
from uploads import category_usage, keys, quota, storage
from uploads.errors import IdempotencyConflict, IdempotencyMismatch, StorageQuotaExceeded
from uploads.metrics import ready
from uploads.models import Upload

_log = structlog.stdlib.get_logger("nocturnal.uploads")


def new_row(*, idempotency_key: str, now: datetime, **facts: Any) -> Upload:
    """Return a row that is not written yet, with the key that its bytes will have."""
    upload = Upload(created_at=now, **facts)
    upload.key = keys.new_key(upload.category, upload.content_type, now=now)
    upload.request_key = upload.pk.hex
    if idempotency_key:
        upload.request_key = hashlib.sha256(f"{upload.owner_id}\n{idempotency_key}".encode()).hexdigest()
    return upload


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
    category_usage.count(upload, files=1)
    return True


def earlier_row(upload: Upload) -> Upload:
    """Return the row that another call with the same ``request_key`` wrote.

    Raises:
        IdempotencyConflict: that call is still at it.
        IdempotencyMismatch: it was about another file.
        NotFound: there is none: the account was closed.
    """
    # In a block, because MongoDB then confirms that a majority holds what was read: the first call may have been
    # told 503 for a row that only the primary has, and that is lost with it.
    with atomic():
        earlier = Upload.objects.filter(request_key=upload.request_key, owner_id=upload.owner_id).first()
    if earlier is None and upload.request_key == upload.pk.hex:
        raise NotFound("The account was closed.")
    if earlier is None or (earlier.status == Upload.Status.PENDING and not earlier.staging_key):
        raise IdempotencyConflict(headers={"Retry-After": "1"})
    same = ("sha256", "category", "size_bytes", "content_type")
    if [getattr(earlier, fact) for fact in same] != [getattr(upload, fact) for fact in same]:
        raise IdempotencyMismatch
    if bool(earlier.staging_key) != bool(upload.staging_key):
        raise IdempotencyMismatch
    return earlier


def make_ready(upload: Upload) -> None:
    """Say that the bytes are stored under the row's key and verified; once it is said, it is said.

    Raises:
        NotFound: the row, or its owner's account, went meanwhile; the bytes are removed.
    """
    pending = Upload.objects.filter(pk=upload.pk, status=Upload.Status.PENDING)
    made = pending.update(status=Upload.Status.READY, claimed_until=None)
    there = made or Upload.objects.filter(pk=upload.pk, status__in=Upload.STORED).exists()
    if not there or not is_active(upload.owner_id):
        # Deleted while its bytes were on the way. Closing an account deactivates it before it looks for files, so
        # either it finds this one ready, or this finds the account closing: nothing stays behind.
        remove_row(upload)
        storage.remove(upload.key)
        raise NotFound("The upload was deleted before it was complete.")
    upload.status = Upload.Status.READY
    if made:
        ready.inc()
    _log.debug("upload stored", upload=str(upload.pk), content_type=upload.content_type, size_bytes=upload.size_bytes)


def reject(upload: Upload) -> None:
    """Say that what was sent is not kept; its bytes count no longer."""
    quota.announce_release(upload.owner_id)
    pending = Upload.objects.filter(pk=upload.pk, status=Upload.Status.PENDING)
    if pending.update(status=Upload.Status.REJECTED, claimed_until=None):
        count_no_longer(upload)
    upload.status = Upload.Status.REJECTED


def remove_row(upload: Upload) -> bool:
    """Remove a file's row, its bytes counted no longer; return False where another call did."""
    quota.announce_release(upload.owner_id)
    removed, _ = Upload.objects.filter(pk=upload.pk).delete()
    if removed and upload.status != Upload.Status.REJECTED:
        count_no_longer(upload)
    return bool(removed)


def count_no_longer(upload: Upload) -> None:
    """Take a file out of its owner's and its category's counters, once its row says so."""
    quota.release(upload.owner_id, upload.size_bytes)
    category_usage.count(upload, files=-1)
