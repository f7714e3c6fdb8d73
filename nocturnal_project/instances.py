"""The instances that are alive: each beats in Redis, and remembers the others for when Redis is away."""

import time
from pathlib import Path

import structlog
from django.conf import settings

from nocturnal_project.redis import RedisAway, Script, link

BEAT_SECONDS = 5
GONE_AFTER_SECONDS = 15
_KEY = "nocturnal:instances"
_BEAT = Script(Path(__file__).parent / "lua" / "beat.lua")
_log = structlog.stdlib.get_logger("nocturnal.instances")

# Each of those that were seen, and when (of time.monotonic). Replaced whole.
_seen: dict[str, float] = {}
_server = ""
_server_since = 0.0


def beat() -> None:
    """Say that this instance lives and learn which others do; without Redis, what was last seen stands.

    A Redis that was started again knows nobody before their next beat: until then, those of before stand.
    """
    global _seen, _server, _server_since  # noqa: PLW0603  written by one thread, read as one reference
    try:
        living = link.run(_BEAT, [_KEY], [settings.INSTANCE_ID, GONE_AFTER_SECONDS * 1000])
    except RedisAway:
        return
    now = time.monotonic()
    if link.server != _server:
        _server, _server_since = link.server, now
    stand = now - _server_since < GONE_AFTER_SECONDS
    earlier = {instance: at for instance, at in _seen.items() if stand and now - at < GONE_AFTER_SECONDS}
    _seen = earlier | {instance.decode(): now for instance in living}


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
    return tuple(sorted({*_seen, settings.INSTANCE_ID}))


def others_were_seen() -> bool:
    """Tell whether this instance has ever looked who else lives; not, when it was started while Redis was away."""
    return bool(_seen)
