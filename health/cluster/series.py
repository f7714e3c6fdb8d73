"""How it went in the last five minutes, in steps of a beat: of each instance, and of all together."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from nocturnal_project.colleagues import Instance, Step, total
from nocturnal_project.instances import BEAT_SECONDS, KEPT_SECONDS
from nocturnal_project.traffic import Traffic, percentile_ms
from nocturnal_project.vitals import Reading

SLOTS = KEPT_SECONDS // BEAT_SECONDS
Values = list[float | None]


class Course(NamedTuple):
    """One instance's course, a value a slot, oldest first; None where nothing is known of it."""

    rps: Values
    cpu_percent: Values
    memory_mib: Values


class Together(NamedTuple):
    """What all did together."""

    rps: Values
    p95_ms: Values
    error_percent: Values


class Window:
    """The slots up to the moment that every instance has told of, so that nothing seems to drop at the end."""

    def __init__(self, now: float, instances: Iterable[Instance]) -> None:
        """End with the oldest of the last beats that are in time."""
        beats = [each.seen for each in instances if each.alive and now - each.seen < 2 * BEAT_SECONDS]
        self._start = min(beats, default=now) - KEPT_SECONDS

    def together(self, instances: Iterable[Instance]) -> Together:
        """Add up what instances did, those that are gone too, until they were."""
        slots: list[list[Step]] = [[] for _ in range(SLOTS)]
        for instance in instances:
            for step in instance.steps():
                for slot in self._slots(step.until - step.seconds, step.until):
                    slots[slot].append(step)
        served = [total(steps) for steps in slots]
        rps = [sum(step.traffic.requests / step.seconds for step in steps) if steps else None for steps in slots]
        return Together(
            rps, [percentile_ms(each.durations, 0.95) for each in served], [_errors(each) for each in served]
        )

    def course(self, instance: Instance) -> Course:
        """Return what one instance did and used."""
        rps: Values = [None] * SLOTS
        for step in instance.steps():
            for slot in self._slots(step.until - step.seconds, step.until):
                rps[slot] = step.traffic.requests / step.seconds
        cpu = self._read(instance, lambda reading: reading.cpu_percent)
        return Course(rps, cpu, self._read(instance, lambda reading: reading.memory_bytes / 1024**2))

    def _read(self, instance: Instance, value: Callable[[Reading], float]) -> Values:
        values: Values = [None] * SLOTS
        before = instance.readings[0][0] - BEAT_SECONDS if instance.readings else 0.0
        for at, reading in instance.readings:
            for slot in self._slots(before, at):
                values[slot] = value(reading)
            before = at
        return values

    def _slots(self, begin: float, end: float) -> range:
        """Return the slots whose middle lies in that time."""
        first = math.ceil((begin - self._start) / BEAT_SECONDS - 0.5)
        last = math.floor((end - self._start) / BEAT_SECONDS - 0.5)
        return range(max(0, first), min(SLOTS - 1, last) + 1)


def _errors(served: Traffic) -> float | None:
    return served.errors / served.requests * 100 if served.requests else None
