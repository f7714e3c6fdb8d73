"""From readings to what a person asks: how much, how fast, how many failed."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from nocturnal_project.colleagues import Instance, Step, total
from nocturnal_project.traffic import percentile_ms

# Six beats: long enough for a percentile, short enough to see what was just done.
RECENT_SECONDS = 30.0
LATE_AFTER_SECONDS = 8.0
ERROR_PERCENT = 1.0
_MIB = 1024 * 1024
_PERCENTILES = (0.5, 0.95, 0.99)


class Figures(NamedTuple):
    """Traffic of the last half minute; without any, there is nothing to say of its time and its errors."""

    rps: float
    average_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    error_percent: float | None
    requests: int = 0

    @property
    def failing(self) -> bool:
        """Whether so many requests fail that somebody should look."""
        return self.error_percent is not None and self.error_percent >= ERROR_PERCENT


class Row(NamedTuple):
    """One instance."""

    id: str
    state: str
    figures: Figures
    cpu_percent: float | None
    memory_mib: int | None
    version: str
    up_seconds: int
    hostname: str
    address: str
    beat_seconds_ago: float
    instance: Instance

    def said(self) -> dict[str, Any]:
        """Return everything but the readings, for machines."""
        told = self._asdict()
        del told["instance"]
        return told | {"figures": self.figures._asdict()}


class Cluster(NamedTuple):
    """All live instances. ``versions`` has more than one while a new one replaces another, or when a roll got stuck."""

    now: float
    rows: tuple[Row, ...]
    figures: Figures
    gone: tuple[Instance, ...]

    @property
    def versions(self) -> tuple[str, ...]:
        """What runs."""
        return tuple(sorted({row.version for row in self.rows}))


def cluster_of(now: float, instances: Iterable[Instance]) -> Cluster:
    """Work out the figures of each instance that lives and of all."""
    rows, rates, steps = [], [], []
    known = list(instances)
    for instance in (each for each in known if each.alive):
        recent = [step for step in instance.steps() if step.until > now - RECENT_SECONDS]
        row = _row(now, instance, recent)
        rows.append(row)
        rates.append(row.figures.rps)
        steps += recent
    gone = tuple(sorted((each for each in known if not each.alive), key=lambda each: -each.seen))
    return Cluster(now, tuple(rows), _figures(steps)._replace(rps=round(sum(rates), 1)), gone)


def _row(now: float, instance: Instance, recent: list[Step]) -> Row:
    latest, facts, ago = instance.latest, instance.facts, max(0.0, now - instance.seen)
    return Row(
        id=instance.id,
        state="draining" if facts.draining else "late" if ago > LATE_AFTER_SECONDS else "serving",
        figures=_figures(recent),
        cpu_percent=latest.cpu_percent if latest else None,
        memory_mib=round(latest.memory_bytes / _MIB) if latest else None,
        version=facts.version,
        up_seconds=max(0, int(now - facts.started)) if facts.started else 0,
        hostname=facts.hostname,
        address=facts.address,
        beat_seconds_ago=round(ago, 1),
        instance=instance,
    )


def _figures(steps: list[Step]) -> Figures:
    served, seconds = total(steps), sum(step.seconds for step in steps)
    rps = round(served.requests / seconds, 1) if seconds else 0.0
    if not served.requests:
        return Figures(rps, None, None, None, None, None)
    p50, p95, p99 = (percentile_ms(served.durations, share) for share in _PERCENTILES)
    return Figures(
        rps,
        average_ms=round(served.total_ms / served.requests, 2),
        p50_ms=_rounded(p50),
        p95_ms=_rounded(p95),
        p99_ms=_rounded(p99),
        error_percent=round(served.errors / served.requests * 100, 2),
        requests=served.requests,
    )


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 2)
