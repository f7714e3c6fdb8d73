"""This process, as the world may know it."""

import time

from django.conf import settings

_started = time.monotonic()


def uptime_seconds() -> int:
    """Return how long this process has been serving."""
    return int(time.monotonic() - _started)


def identity() -> dict[str, str | int]:
    """Return who answers: instance, version and uptime."""
    return {"instance": settings.INSTANCE_ID, "version": settings.VERSION, "uptime_seconds": uptime_seconds()}
