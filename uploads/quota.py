"""How much each user may store: one counter a user, the same for all instances.

Bytes are reserved before their row is written and released after it is gone, each by one conditional update, so that
fifty uploads at once on ten instances never pass the quota together. A crash in between leaves the counter too high,
until ``recount`` sets it right.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError
from django.db.models import F, Sum

from nocturnal_project import clock
from nocturnal_project.errors import NotFound
from nocturnal_project.transaction import refusable_write
from uploads.errors import StorageQuotaExceeded
from uploads.models import StorageUsage, Upload

# For longer than any request lives: within it, bytes may be reserved whose row is still to come.
SETTLED_AFTER = timedelta(minutes=15)
COUNTED = (Upload.Status.PENDING, *Upload.STORED)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a user has stored and may store, in bytes; a quota of None is without a limit."""

    used_bytes: int
    quota_bytes: int | None


def usage_of(owner_id: uuid.UUID) -> Usage:
    """Return where the user stands."""
    usage = StorageUsage.objects.filter(pk=owner_id).first()
    if usage is None:
        return Usage(_stored_by(owner_id), settings.UPLOAD_QUOTA_BYTES or None)
    return Usage(max(usage.used_bytes, 0), quota_of(usage))


def reserve(owner_id: uuid.UUID, size_bytes: int) -> None:
    """Count bytes that are about to be stored.

    Raises:
        StorageQuotaExceeded: they do not fit; nothing was counted.
        NotFound: the account was closed.
    """
    usage = _counter_of(owner_id)
    quota = quota_of(usage)
    counter = StorageUsage.objects.filter(pk=owner_id)
    if quota is not None:
        counter = counter.filter(used_bytes__lte=quota - size_bytes)
    if not counter.update(used_bytes=F("used_bytes") + size_bytes, changed_at=clock.now()):
        now = StorageUsage.objects.filter(pk=owner_id).first()
        if now is None:
            raise NotFound("The account was closed.")
        used = max(now.used_bytes, 0)
        raise StorageQuotaExceeded(
            f"{size_bytes:,} bytes do not fit: {used:,} of {quota or 0:,} are in use. Delete other files first.",
            quota_bytes=quota,
            used_bytes=used,
        )


def announce_release(owner_id: uuid.UUID) -> None:
    """Say before a row goes that its bytes will be released: a recount in between would take them off twice."""
    StorageUsage.objects.filter(pk=owner_id).update(changed_at=clock.now())


def release(owner_id: uuid.UUID, size_bytes: int) -> None:
    """Count bytes no longer whose row is gone."""
    StorageUsage.objects.filter(pk=owner_id).update(used_bytes=F("used_bytes") - size_bytes, changed_at=clock.now())


def set_quota(owner_id: uuid.UUID, quota_bytes: int | None) -> None:
    """Give one user a quota of their own: bytes, 0 for no limit, or None for everybody's."""
    _counter_of(owner_id)
    StorageUsage.objects.filter(pk=owner_id).update(quota_bytes=quota_bytes)


def recount(
    usage: StorageUsage, *, now: datetime, settled_after: timedelta = SETTLED_AFTER, dry_run: bool = False
) -> int:
    """Set a counter to what the rows say; return by how many bytes it was wrong, 0 for one that is in use right now.

    Exact also beside uploads: one that changes while its rows are added up is left for the next time.
    """
    if usage.changed_at > now - settled_after:
        return 0
    stored = _stored_by(usage.pk)
    if stored == usage.used_bytes or dry_run:
        return usage.used_bytes - stored
    unchanged = StorageUsage.objects.filter(pk=usage.pk, used_bytes=usage.used_bytes, changed_at=usage.changed_at)
    return usage.used_bytes - stored if unchanged.update(used_bytes=stored) else 0


def _counter_of(owner_id: uuid.UUID) -> StorageUsage:
    usage = StorageUsage.objects.filter(pk=owner_id).first()
    if usage is not None:
        return usage
    # Of an account from before there were counters, what it has. Its rows are then read once in its life.
    try:
        with refusable_write():
            return StorageUsage.objects.create(pk=owner_id, used_bytes=_stored_by(owner_id))
    except IntegrityError:  # another request was quicker, or the account is gone
        usage = StorageUsage.objects.filter(pk=owner_id).first()
    if usage is None:
        raise NotFound("The account was closed.")
    return usage


def quota_of(usage: StorageUsage) -> int | None:
    """Return what the user may store, or None without a limit."""
    quota = settings.UPLOAD_QUOTA_BYTES if usage.quota_bytes is None else usage.quota_bytes
    return int(quota) or None


def _stored_by(owner_id: uuid.UUID) -> int:
    rows = Upload.objects.filter(owner_id=owner_id, status__in=COUNTED).order_by()
    return int(rows.aggregate(total=Sum("size_bytes"))["total"] or 0)
