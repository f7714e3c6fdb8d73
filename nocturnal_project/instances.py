"""The instances that are alive: each beats in Redis, and remembers the others for when Redis is away.

A beat is one call, with what the instance says of itself and a reading of how it is. ``colleagues.py`` looks at them.
"""

import json
import time
from collections import deque
from pathlib import Path

import structlog
from django.conf import settings

from nocturnal_project import draining
from nocturnal_project.redis import RedisAway, Script, link
from nocturnal_project.vitals import Facts, Meter, Reading, facts

BEAT_SECONDS = 5
GONE_AFTER_SECONDS = 15
READINGS_KEPT = 60
KEY = "nocturnal:instances"
FACTS_KEY = f"{KEY}:facts"
READINGS_KEY = f"{KEY}:readings:"
RECENT_KEY = f"{KEY}:recent"
KEPT_SECONDS = READINGS_KEPT * BEAT_SECONDS
_MARK_KEY = f"{KEY}:mark"
LUA = Path(__file__).parent / "lua"
_BEAT, _LEAVE = Script(LUA / "beat.lua"), Script(LUA / "leave.lua")
_log = structlog.stdlib.get_logger("nocturnal.instances")

# Each of those that were seen, and when (of time.monotonic). Replaced whole.
_seen: dict[str, float] = {}
# When those of ``_known`` were last known to live.
_confirmed = 0.0
_server = ""
_server_since = 0.0
# Who lived when somebody last came or went, and the mark that Redis gave to that moment.
_known: tuple[str, ...] = ()
_mark = 0
_meter = Meter()
_drain_told = False
_own: deque[tuple[float, Reading]] = deque(maxlen=READINGS_KEPT)


def beat() -> None:
    """Say that this instance lives and learn which others do; without Redis, what was last seen stands.

    A Redis that was started again knows nobody before their next beat: until then, those of before stand.
    """
    global _seen, _confirmed, _server, _server_since  # noqa: PLW0603  written by one thread, read as one reference
    reading, before = _meter.read(), _known
    _own.append((time.time(), reading))
    try:
        living = _send(reading)
    except RedisAway:
        return
    now = time.monotonic()
    last, _confirmed = _confirmed, now
    if living is before and link.server == _server and len(_seen) == len(living):
        return  # nobody came or went, and nobody stands who was not named
    if link.server != _server:
        _server, _server_since = link.server, now
    stand = now - _server_since < GONE_AFTER_SECONDS
    was = _seen | dict.fromkeys(before, last)
    earlier = {instance: at for instance, at in was.items() if stand and now - at < GONE_AFTER_SECONDS}
    _seen = earlier | dict.fromkeys(living, now)


def tell_of_drain() -> None:
    """Beat at once when this instance begins to drain, and not up to five seconds later."""
    global _drain_told  # noqa: PLW0603  the same
    if draining.has_begun() and not _drain_told:
        _drain_told = True
        beat()


def _send(reading: Reading) -> tuple[str, ...]:
    """Beat, and return who lives; Redis names them only when that has changed.

    Raises:
        RedisAway: whether the beat counts is unknown.
    """
    global _known, _mark  # noqa: PLW0603  the same
    instance, kept = settings.INSTANCE_ID, KEPT_SECONDS * 1000
    said, how = json.dumps(facts()._asdict()), json.dumps(reading, separators=(",", ":"))
    keys = [KEY, FACTS_KEY, _MARK_KEY, f"{READINGS_KEY}{instance}", RECENT_KEY]
    arguments = [instance, GONE_AFTER_SECONDS * 1000, said, how, READINGS_KEPT, kept, _mark, len(_known)]
    _mark, *changed = link.run(_BEAT, keys, arguments)
    if changed:
        _known = tuple(name.decode() for name in changed[0])
    return _known


def leave() -> None:
    """Be no longer counted, at a clean end."""
    try:
        instance = settings.INSTANCE_ID
        link.run(_LEAVE, [KEY, FACTS_KEY, _MARK_KEY, f"{READINGS_KEY}{instance}"], [instance])
    except RedisAway:
        _log.debug("left without saying so: redis is away")


def listed_instances() -> tuple[str, ...]:
    """Return the instances that live now, for who is none itself: a command must not take a share of the limits.

    Raises:
        RedisAway: nobody knows.
    """
    seconds, microseconds = link.call("TIME")
    since = int(seconds) * 1000 + int(microseconds) // 1000 - GONE_AFTER_SECONDS * 1000
    found = link.call("ZRANGEBYSCORE", KEY, f"({since}", "+inf")
    return tuple(sorted(instance.decode() for instance in found))


def live_instances() -> tuple[str, ...]:
    """Return the instances last seen alive, sorted by name, this one among them."""
    return tuple(sorted({*_seen, settings.INSTANCE_ID}))


def others_were_seen() -> bool:
    """Tell whether this instance has ever looked who else lives; not, when it was started while Redis was away."""
    return bool(_seen)


def own_readings() -> tuple[Facts, list[tuple[float, Reading]]]:
    """Return who this instance is and how it was at its last beats, by the time of each, oldest first."""
    return facts(), list(_own)
