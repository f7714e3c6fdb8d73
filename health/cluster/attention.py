"""What somebody on call should know first, in sentences; the worst first."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.conf import settings

from health.cluster.figures import LATE_AFTER_SECONDS, Cluster
from health.dependencies import Outcome

_MANY_ERRORS_PERCENT = 5.0
_SLOW_MS = 500.0  # the promise on latency
_BUSY_PERCENT = 90.0
_ENOUGH_REQUESTS = 100  # of fewer, the slowest hundredth is a single one
_RECENTLY_SECONDS = 120


class Notice(NamedTuple):
    """``level`` is danger, warning or info."""

    level: str
    sentence: str


_RANKS = ("danger", "warning", "info")


def notices(cluster: Cluster, outcomes: Sequence[Outcome], *, shared: bool) -> list[Notice]:
    """Return what is not as it should be; nothing, when all is well."""
    found = [*_of_dependencies(outcomes, shared=shared), *_of_instances(cluster), *_of_traffic(cluster)]
    return sorted(found, key=lambda notice: _RANKS.index(notice.level))


def _of_dependencies(outcomes: Sequence[Outcome], *, shared: bool) -> Iterator[Notice]:
    for outcome in outcomes:
        if not outcome.reached:
            level = "danger" if outcome.dependency.needed else "warning"
            yield Notice(level, f"The {outcome.dependency.name} ({outcome.dependency.kind}) does not answer.")
    if not shared and settings.REDIS_URL:
        yield Notice("danger", "Redis is away: limits are counted by each instance, and only this one is seen here.")
    elif not shared:
        yield Notice("info", "No Redis is configured: this process is alone, and only it is seen here.")


def _of_instances(cluster: Cluster) -> Iterator[Notice]:
    rows = cluster.rows
    serving = sum(row.state != "draining" for row in rows)
    if settings.PRODUCTION and serving < 2:  # noqa: PLR2004  one is none when it fails
        yield Notice("danger", f"Only {serving} instance takes requests." if serving else "No instance takes requests.")
    for row in rows:
        if row.state == "late":
            yield Notice("warning", f"{row.id} has not beaten for more than {LATE_AFTER_SECONDS:.0f} seconds.")
        if row.cpu_percent is not None and row.cpu_percent >= _BUSY_PERCENT:
            yield Notice("warning", f"{row.id} uses {row.cpu_percent:.0f} % of a core.")
    for gone in cluster.gone:
        ago = cluster.now - gone.seen
        if not gone.left and ago < _RECENTLY_SECONDS:
            yield Notice("danger", f"{gone.id} was lost {ago:.0f} seconds ago, without a word.")
    draining = [row.id for row in rows if row.state == "draining"]
    if draining:
        yield Notice("info", f"Draining: {', '.join(draining)}.")
    if len(cluster.versions) > 1:
        counts = Counter(row.version for row in rows)
        told = ", ".join(f"{version} on {number}" for version, number in sorted(counts.items()))
        yield Notice("warning", f"Versions differ: {told}. Right during a roll, and only then.")


def _of_traffic(cluster: Cluster) -> Iterator[Notice]:
    figures = cluster.figures
    if figures.failing and figures.error_percent is not None:
        level = "danger" if figures.error_percent >= _MANY_ERRORS_PERCENT else "warning"
        yield Notice(level, f"{figures.error_percent:.1f} % of the requests fail.")
    enough = figures.requests >= _ENOUGH_REQUESTS
    if enough and figures.p99_ms is not None and figures.p99_ms > _SLOW_MS:
        yield Notice("warning", f"One request in a hundred takes more than {figures.p99_ms:,.0f} ms.")
