"""Reading uploads. Every query is the owner's: someone else's file does not exist."""

import uuid
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q, QuerySet

from accounts.selectors import is_active
from nocturnal_project.errors import NotFound
from nocturnal_project.identifiers import first_uuid7
from uploads import keys
from uploads.errors import UploadNotReady, UploadQuarantined
from uploads.models import CategoryUsage, StorageUsage, Upload

# A key is made a moment after its row's created_at; this much is for a clock that was set back between them.
_CLOCK_SET_BACK_MS = 60_000
# Sorts after every character that a key has.
_AFTER_ALL = "~~"


def uploads_of(
    owner_id: uuid.UUID, *, category: str = "", status: str = "", created_after: datetime | None = None
) -> QuerySet[Upload]:
    """Return the owner's uploads, newest first, narrowed by what is given."""
    found = Upload.objects.filter(owner_id=owner_id)
    if category:
        found = found.filter(category=category)
    if status:
        found = found.filter(status=status)
    if created_after:
        # The key bounds the walk along the index, because it says when it was made; created_at decides.
        earliest = first_uuid7(created_after, earlier_ms=_CLOCK_SET_BACK_MS)
        found = found.filter(pk__gte=earliest, created_at__gt=created_after)
    return found.order_by("-id")


def upload_of(owner_id: uuid.UUID, upload_id: str) -> Upload:
    """Return one upload of the owner.

    Raises:
        NotFound: there is none with this id, it is someone else's, or the id is no id.
    """
    try:
        found = Upload.objects.filter(pk=uuid.UUID(upload_id), owner_id=owner_id).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound("There is no such upload.")
    return found


def downloadable(upload_id: str) -> Upload:
    """Return an upload that a signed URL may still give out.

    Raises:
        NotFound: it was removed or taken back, or its owner's account is closed or deactivated.
    """
    found = Upload.objects.filter(pk=uuid.UUID(upload_id), status=Upload.Status.READY).first()
    if found is None or not is_active(found.owner_id):
        raise NotFound("The file is no longer there.")
    return found


def require_ready(upload: Upload) -> None:
    """Refuse a file whose bytes are not given out.

    Raises:
        UploadNotReady: there are none yet.
        UploadQuarantined: staff hold it back.
    """
    if upload.status == Upload.Status.QUARANTINED:
        raise UploadQuarantined
    if upload.status != Upload.Status.READY:
        raise UploadNotReady


def folders_of_rows() -> Iterator[str]:
    """Return each ``category/day/`` that has rows, by one step along the index of keys each."""
    after = ""
    while found := Upload.objects.filter(key__gt=after).order_by("key").values_list("key", flat=True).first():
        folder = found.rpartition("/")[0] + "/"
        yield folder
        after = folder + _AFTER_ALL


def uploads_under(folder: str) -> QuerySet[Upload]:
    """Return the uploads of a folder, whoever's."""
    return Upload.objects.filter(key__gt=folder, key__lt=folder + _AFTER_ALL).order_by("key")


def uploads_in(category: str) -> QuerySet[Upload]:
    """Return the uploads of a category, whoever's, along the index of keys: they begin with it."""
    beginnings = (f"{category}/", keys.quarantined(f"{category}/"))
    between = [Q(key__gt=beginning, key__lt=beginning + _AFTER_ALL) for beginning in beginnings]
    return Upload.objects.filter(between[0] | between[1])


def largest_users() -> QuerySet[StorageUsage]:
    """Return who has stored how much, the most first."""
    return StorageUsage.objects.order_by("-used_bytes")


def largest_categories() -> QuerySet[CategoryUsage]:
    """Return what each category needs, of all users, the most first."""
    return CategoryUsage.objects.order_by("-used_bytes")


def awaited() -> dict[str, str]:
    """Return the staging key of every upload that is still to be completed, with the storage's name for its parts."""
    pending = Upload.objects.filter(status=Upload.Status.PENDING).exclude(staging_key="")
    return dict(pending.order_by("-id").values_list("staging_key", "multipart_id"))


def rejected_before(moment: datetime) -> QuerySet[Upload]:
    """Return what was refused before a moment."""
    return _older(Upload.Status.REJECTED, moment)


def abandoned_before(moment: datetime, *, now: datetime) -> QuerySet[Upload]:
    """Return what was announced before a moment and never completed; not what a request has in hand now."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    return _older(Upload.Status.PENDING, moment).exclude(staging_key="").filter(free)


def stored_uploads(after: uuid.UUID | None = None) -> QuerySet[Upload]:
    """Return stored uploads, those held back too, in the order in which they were made, after one or from the first."""
    ready = Upload.objects.filter(status__in=Upload.STORED)
    return (ready.filter(pk__gt=after) if after else ready).order_by("id")


def _older(status: Upload.Status, moment: datetime) -> QuerySet[Upload]:
    return Upload.objects.filter(status=status, pk__lt=first_uuid7(moment)).order_by("id")
