"""What instances said with their last beats, for who looks at them: staff, operators and the cluster page."""

from itertools import pairwise, zip_longest
from typing import Any, NamedTuple

import orjson

from nocturnal_project.instances import (
    FACTS_KEY,
    GONE_AFTER_SECONDS,
    KEPT_SECONDS,
    KEY,
    LUA,
    READINGS_KEPT,
    READINGS_KEY,
    RECENT_KEY,
)
from nocturnal_project.redis import Script, link
from nocturnal_project.traffic import Traffic
from nocturnal_project.vitals import Facts, Reading

_LOOK = Script(LUA / "look_at_instances.lua")
_LEFT = b"left"
_NOBODY = Facts(version="?", hostname="?", address="?", started=0.0, draining=False)


class Step(NamedTuple):
    """What an instance did between two beats, or over several."""

    until: float
    seconds: float
    traffic: Traffic


class Instance(NamedTuple):
    """An instance. ``readings`` are by time (seconds since 1970), oldest first; ``seen`` is its last beat.

    One that is gone is remembered for five minutes, without its facts; ``left`` if it said so: others were lost.
    """

    id: str
    facts: Facts
    seen: float
    readings: tuple[tuple[float, Reading], ...]
    alive: bool = True
    left: bool = False

    @property
    def latest(self) -> Reading | None:
        """The last reading."""
        return self.readings[-1][1] if self.readings else None

    def steps(self) -> list[Step]:
        """Return what it did between each two beats, oldest first."""
        return [_step(earlier, later) for earlier, later in pairwise(self.readings)]


def instances_now(readings: int = READINGS_KEPT) -> tuple[float, list[Instance]]:
    """Return the time of Redis and the instances of the last five minutes, by name, each with its last ``readings``.

    Raises:
        RedisAway: nobody knows.
    """
    arguments = [GONE_AFTER_SECONDS * 1000, READINGS_KEY, readings, KEPT_SECONDS * 1000]
    now_ms, *found = link.run(_LOOK, [KEY, FACTS_KEY, RECENT_KEY], arguments)
    return now_ms / 1000, sorted(map(_instance, found))


def total(steps: list[Step]) -> Traffic:
    """Add up what was served; between versions that count durations in other steps, percentiles are rough."""
    counts = [step.traffic for step in steps]
    durations = tuple(map(sum, zip_longest(*(count.durations for count in counts), fillvalue=0)))
    requests, errors = (sum(column) for column in ([c.requests for c in counts], [c.errors for c in counts]))
    return Traffic(requests, errors, sum(count.total_ms for count in counts), durations)


def _step(earlier: tuple[float, Reading], later: tuple[float, Reading]) -> Step:
    (began, before), (ended, after) = earlier, later
    # One that was started again counts from nothing.
    old = before.traffic if before.traffic.requests <= after.traffic.requests else None
    return Step(ended, max(ended - began, 0.001), _less(after.traffic, old) if old else after.traffic)


def _less(now: Traffic, before: Traffic) -> Traffic:
    # Versions may have other edges while one replaces the other.
    same = len(now.durations) == len(before.durations)
    durations = tuple(a - b for a, b in zip(now.durations, before.durations, strict=True)) if same else now.durations
    return Traffic(
        now.requests - before.requests, now.errors - before.errors, now.total_ms - before.total_ms, durations
    )


def _instance(found: list[Any]) -> Instance:
    name, seen_ms, said, lines = found
    facts = orjson.loads(said) if said else {}
    known = _NOBODY._replace(**{field: value for field, value in facts.items() if field in Facts._fields})
    readings = tuple(_reading(line) for line in reversed(lines) if line != _LEFT)
    left = bool(lines) and lines[0] == _LEFT
    return Instance(name.decode(), known, float(seen_ms) / 1000, readings, alive=said is not None, left=left)


def _reading(line: bytes) -> tuple[float, Reading]:
    at_ms, _, text = line.partition(b" ")
    traffic, cpu_percent, memory_bytes = orjson.loads(text)[:3]  # a newer version may say more
    requests, errors, total_ms, durations = traffic[:4]
    return int(at_ms) / 1000, Reading(Traffic(requests, errors, total_ms, tuple(durations)), cpu_percent, memory_bytes)
