"""Reading uploads. Every query is the owner's: someone else's file does not exist."""

import uuid
from datetime import datetime

from django.db.models import QuerySet

from accounts.selectors import is_active
from nocturnal_project.errors import NotFound
from nocturnal_project.identifiers import first_uuid7
from uploads.models import Upload

# A key is made a moment after its row's created_at; this much is for a clock that was set back between them.
_CLOCK_SET_BACK_MS = 60_000


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
