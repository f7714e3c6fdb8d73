"""Reading what happened to whom under the limits."""

from collections.abc import Iterable

from ratelimits.models import LimitEvent


def latest_events(names: Iterable[str], most: int) -> list[LimitEvent]:
    """Return the latest events of subjects, newest first.

    One query a name, because each then walks its index from the end.
    """
    found = [event for name in names for event in LimitEvent.objects.filter(subject=name).order_by("-id")[:most]]
    return sorted(found, key=lambda event: event.id, reverse=True)[:most]
