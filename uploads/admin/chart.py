"""Who and what needs the most storage, as bars drawn by the server: no script, and no other host."""

from typing import NamedTuple

from django.template.defaultfilters import filesizeformat
from django.urls import reverse

from accounts.models import User
from uploads import selectors
from uploads.quota import quota_of

# What fits beside each other on a screen; the list below the chart has the rest.
_MOST = 8
_WIDTH = 100
# One file among thousands must still be seen.
_NARROWEST = 0.6


class Bar(NamedTuple):
    """One user or category. ``part`` of a quota is None where there is none."""

    title: str
    size: str
    width: float
    detail: str
    part: int | None = None
    page: str = ""

    @property
    def colour(self) -> str:
        """How near the quota is, as a word."""
        if self.part is None or self.part < 80:  # noqa: PLR2004  percent: there is time to talk to them
            return "plenty"
        return "near" if self.part < 100 else "full"  # noqa: PLR2004  percent


def bars_of_users() -> list[Bar]:
    """Return the users that need the most."""
    rows = list(selectors.largest_users()[:_MOST])
    emails = dict(User.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", "email"))
    most = max([row.used_bytes for row in rows], default=0)
    bars = []
    for row in rows:
        quota = quota_of(row)
        detail = f"{percent(row.used_bytes, quota)} of {filesizeformat(quota)}" if quota else "no limit"
        part = row.used_bytes * 100 // quota if quota else None
        page = reverse("admin:uploads_storageusage_change", args=[row.pk])
        size = filesizeformat(row.used_bytes)
        bars.append(Bar(emails.get(row.pk, str(row.pk)), size, _width(row.used_bytes, most), detail, part, page))
    return bars


def bars_of_categories() -> list[Bar]:
    """Return the categories that need the most, whoever's."""
    rows = list(selectors.largest_categories()[:_MOST])
    most = max([row.used_bytes for row in rows], default=0)
    return [
        Bar(
            row.category,
            filesizeformat(row.used_bytes),
            _width(row.used_bytes, most),
            f"{row.files:,} file{'' if row.files == 1 else 's'}",
        )
        for row in rows
    ]


def percent(used_bytes: int, quota_bytes: int) -> str:
    """Return how much of a quota is used, so that something never looks like nothing."""
    part = max(used_bytes, 0) * 100 // quota_bytes
    return f"{part} %" if part or used_bytes <= 0 else "<1 %"


def _width(used_bytes: int, most: int) -> float:
    return round(max(used_bytes / most * _WIDTH, _NARROWEST), 2)
