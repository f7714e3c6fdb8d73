"""What staff do to files and quotas. Each names who did it, and is recorded among the owner's security events."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from accounts.events import Kind, Origin, record
from accounts.models import User
from nocturnal_project.errors import NotFound, ServiceUnavailable
from uploads import keys, quota, services, storage, thumbnails
from uploads.models import Upload


@dataclass(frozen=True, slots=True)
class By:
    """Who of the staff does it, from where and when."""

    actor: User
    origin: Origin
    now: datetime

    def record(self, kind: Kind, owner_id: uuid.UUID, facts: Mapping[str, str]) -> None:
        """Record it."""
        record(kind, user_id=owner_id, actor_id=self.actor.pk, origin=self.origin, now=self.now, facts=facts)


def is_held_back(upload: Upload) -> bool:
    """Tell whether a file is held back, and its bytes are out of reach of links from before."""
    return upload.status == Upload.Status.QUARANTINED and upload.key == keys.quarantined(upload.key)


def quarantine(*, upload: Upload, by: By) -> bool:
    """Give a file out no longer; return whether this call changed that.

    The row first, so that no new link is made; then the bytes are moved, because a signed URL of S3 cannot be taken
    back, and its small picture goes. Repeating it carries on where a failure ended it.

    Raises:
        ServiceUnavailable: the storage failed. No link is made any more, but those of the last hour still work.
    """
    ready = Upload.objects.filter(pk=upload.pk, status=Upload.Status.READY)
    changed = ready.update(status=Upload.Status.QUARANTINED, has_thumbnail=False)
    if changed:
        by.record(Kind.STAFF_QUARANTINED_UPLOAD, upload.owner_id, {"upload": str(upload.pk)})
    held = Upload.objects.filter(pk=upload.pk, status=Upload.Status.QUARANTINED).first()
    if held:
        thumbnails.remove(upload)
        if not is_held_back(held):
            _move(held, keys.quarantined(held.key), Upload.Status.QUARANTINED)
        _remove_unless_kept(keys.released(held.key))  # left by an earlier try that failed
    return bool(changed)


def release(*, upload: Upload, by: By) -> bool:
    """Give a file out again; return whether this call changed that.

    Raises:
        ServiceUnavailable: the storage failed; the file is still held back.
    """
    held = Upload.objects.filter(pk=upload.pk, status=Upload.Status.QUARANTINED).first()
    if held is None or not _move(held, keys.released(held.key), Upload.Status.READY):
        return False
    by.record(Kind.STAFF_RELEASED_UPLOAD, upload.owner_id, {"upload": str(upload.pk)})
    return True


def delete(*, upload: Upload, by: By) -> bool:
    """Delete a file as its owner would; return False where that had happened already."""
    try:
        services.delete_upload(upload=upload)
    except NotFound:
        return False
    by.record(Kind.STAFF_DELETED_UPLOAD, upload.owner_id, {"upload": str(upload.pk)})
    return True


def set_quota(*, owner_id: uuid.UUID, quota_bytes: int | None, by: By) -> None:
    """Give a user a quota of their own: bytes, 0 for no limit, or None for everybody's.

    Raises:
        NotFound: the account was closed.
    """
    quota.set_quota(owner_id, quota_bytes)
    words = {None: "as everybody's", 0: "without a limit"}.get(quota_bytes, f"{quota_bytes or 0:,} bytes")
    by.record(Kind.STAFF_CHANGED_QUOTA, owner_id, {"quota": words})


def _move(held: Upload, target: str, status: Upload.Status) -> bool:
    """Bring the bytes of a file that is held back under another key, then say so in the row; return whether it was.

    A crash leaves bytes that the row says nothing of, which ``reconcile_uploads`` removes, and never a row without.
    """
    source = held.key
    if source != target:
        found = storage.stored(source)
        if found is None:
            raise ServiceUnavailable("The bytes are not where they should be: run reconcile_uploads.")
        storage.copy_stored(source, target, found)
    unchanged = Upload.objects.filter(pk=held.pk, status=Upload.Status.QUARANTINED, key=source)
    moved = bool(unchanged.update(status=status, key=target))
    if source != target:
        _remove_unless_kept(source if moved else target)
    return moved


def _remove_unless_kept(key: str) -> None:
    """Remove what was left behind, unless somebody else of the staff has just put it there."""
    if not Upload.objects.filter(key=key).exists():
        storage.remove(key)
