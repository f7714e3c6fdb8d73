"""What staff can do to chosen files, in words; the services do it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from accounts.admin.confirmation import StaffAction
from accounts.events import Origin
from nocturnal_project import clock
from nocturnal_project.errors import ServiceUnavailable
from uploads import staff
from uploads.models import Upload


def by(request: HttpRequest) -> staff.By:
    """Return who asks."""
    actor: Any = request.user
    return staff.By(actor, Origin.of(request), clock.now())


def _done(service: Callable[..., bool], failed: str) -> Callable[[HttpRequest, Upload], int]:
    def do(request: HttpRequest, upload: Upload) -> int:
        try:
            return int(service(upload=upload, by=by(request)))
        except ServiceUnavailable:
            messages.error(request, f"{upload}: the storage did not answer. {failed}")
            return 0

    return do


def _not_ready(request: HttpRequest, upload: Upload) -> str:
    # One that is held back already may have bytes that an earlier try could not move.
    return "" if upload.status in Upload.STORED else f"it is {upload.get_status_display().lower()}"


def _not_held_back(request: HttpRequest, upload: Upload) -> str:
    return "" if upload.status == Upload.Status.QUARANTINED else "it is not held back"


def _nothing_against(request: HttpRequest, upload: Upload) -> str:
    return ""


QUARANTINE = StaffAction(
    name="quarantine",
    verb="Hold back",
    consequence="Nobody can download them any more, also by links that they have. Their owners see that staff hold "
    "them back, and may delete them. You can release them again.",
    done="Files held back",
    do=_done(staff.quarantine, "No new links are made, but those of the last hour may still work: hold it back again."),
    spare=_not_ready,
)
RELEASE = StaffAction(
    name="release",
    verb="Release",
    consequence="Their owners can download them again.",
    done="Files released",
    do=_done(staff.release, "It is still held back."),
    spare=_not_held_back,
)
DELETE = StaffAction(
    name="delete_files",
    verb="Delete",
    consequence="Rows and bytes are gone at once, for their owners too, and there is no way back. To keep a file and "
    "give it to nobody, hold it back instead.",
    done="Files deleted",
    do=_done(staff.delete, "Nothing was deleted."),
    spare=_nothing_against,
)
