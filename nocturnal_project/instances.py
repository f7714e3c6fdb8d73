"""The instances that are alive: each beats in Redis, and remembers the others for when Redis is away."""

from pathlib import Path

import structlog
from django.conf import settings

from nocturnal_project.redis import RedisAway, Script, link

BEAT_SECONDS = 5
GONE_AFTER_SECONDS = 15
_KEY = "nocturnal:instances"
_BEAT = Script(Path(__file__).parent / "lua" / "beat.lua")
_log = structlog.stdlib.get_logger("nocturnal.instances")

_living: tuple[str, ...] = ()


def beat() -> None:
    """Say that this instance lives and learn which others do; without Redis, what was last seen stands."""
    global _living  # noqa: PLW0603  one reference, replaced whole
    try:
        living = link.run(_BEAT, [_KEY], [settings.INSTANCE_ID, GONE_AFTER_SECONDS * 1000])
    except RedisAway:
        return
    _living = tuple(instance.decode() for instance in living)


def leave() -> None:
    """Be no longer counted, at a clean end."""
    try:
        link.call("ZREM", _KEY, settings.INSTANCE_ID)
    except RedisAway:
        _log.debug("left without saying so: redis is away")


def listed_instances() -> tuple[str, ...]:
    """Return the instances that live now, for who is none itself: a command must not take a share of the limits.

    Raises:
        RedisAway: nobody knows.
    """
    seconds, microseconds = link.call("TIME")
    since = int(seconds) * 1000 + int(microseconds) // 1000 - GONE_AFTER_SECONDS * 1000
    found = link.call("ZRANGEBYSCORE", _KEY, f"({since}", "+inf")
    return tuple(sorted(instance.decode() for instance in found))


def live_instances() -> tuple[str, ...]:
    """Return the instances last seen alive, sorted by name, this one among them."""
    if settings.INSTANCE_ID in _living:
        return _living
    return tuple(sorted({*_living, settings.INSTANCE_ID}))
