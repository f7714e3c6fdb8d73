"""Rows about what happened to whom are kept for a while, and then removed, a batch at a time."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import QuerySet

from nocturnal_project.identifiers import first_uuid7
from ratelimits.models import LimitEvent

KEPT_DAYS = 90
LONGEST_DAYS = 36_500
PRUNED_AT_ONCE = 500


def expired_events(*, now: datetime, days: int) -> QuerySet[LimitEvent]:
    """Return the events that are older than so many days, which their keys say."""
    return LimitEvent.objects.filter(pk__lt=first_uuid7(now - timedelta(days=days)))


def prune_events(*, now: datetime, days: int) -> Iterator[int]:
    """Remove the expired events, the oldest first, and yield how many each batch removed."""
    expired = expired_events(now=now, days=days)
    # Whole rows, because of a lone key MongoDB would sort every one that is expired, for each batch.
    while keys := [event.pk for event in expired.order_by("id")[:PRUNED_AT_ONCE]]:
        yield LimitEvent.objects.filter(pk__in=keys).delete()[0]
