"""How much all files of a category need together: counters for staff's chart, which nothing is decided by.

They are counted as files come and go, because adding up rows would read them all. A crash in between leaves one wrong
until ``recount``, which ``reconcile_uploads`` does.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError
from django.db.models import Count, F, Sum

from nocturnal_project import clock
from nocturnal_project.transaction import refusable_write
from uploads import selectors
from uploads.models import CategoryUsage, Upload
from uploads.quota import COUNTED


def count(upload: Upload, *, files: int) -> None:
    """Count a file that came (1) or went (-1)."""
    by = {"used_bytes": files * upload.size_bytes, "files": files}
    if _add(upload.category, by):
        return
    try:
        with refusable_write():
            CategoryUsage.objects.create(pk=upload.category, **by)
    except IntegrityError:  # another request was quicker
        _add(upload.category, by)


def recount(usage: CategoryUsage, *, now: datetime, settled_after: timedelta, dry_run: bool = False) -> bool:
    """Set a counter to what the rows say; tell whether it was wrong. One that changes meanwhile is left alone."""
    if usage.changed_at > now - settled_after:
        return False
    rows = selectors.uploads_in(usage.pk).filter(status__in=COUNTED).order_by()
    found = rows.aggregate(total=Sum("size_bytes"), files=Count("pk"))
    said = {"used_bytes": int(found["total"] or 0), "files": int(found["files"])}
    if (usage.used_bytes, usage.files) == tuple(said.values()):
        return False
    unchanged = CategoryUsage.objects.filter(pk=usage.pk, changed_at=usage.changed_at)
    return dry_run or bool(unchanged.update(**said))


def _add(category: str, by: dict[str, int]) -> int:
    counter = CategoryUsage.objects.filter(pk=category)
    added = {name: F(name) + number for name, number in by.items()}
    return counter.update(**added, changed_at=clock.now())
