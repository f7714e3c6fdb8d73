"""What this process has served: how many requests, how many failed, and how long they took.

Counted for each request, so it is one lock and four additions: under 1 µs. Probes are left out: they come at any load.
"""

import threading
from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

# The upper edges of what is counted together, in ms; what took longer than the last is counted behind it. Steps of at
# most a half, so that a percentile is told to within that.
EDGES_MS = (
    1, 1.5, 2, 3, 4, 6, 8, 10, 15, 20, 30, 40, 60, 80, 100, 150, 200, 300, 400, 600, 800,
    1000, 1500, 2000, 3000, 4000, 6000, 8000, 10_000, 15_000, 20_000, 30_000, 60_000,
)  # fmt: skip
_SERVER_ERROR = 500
_PROBES = ("/api/health", "/metrics")


class Traffic(NamedTuple):
    """Everything since the process started. ``durations`` are numbers of requests, one for each edge and one behind."""

    requests: int
    errors: int
    total_ms: float
    durations: tuple[int, ...]


_lock = threading.Lock()
_requests = _errors = 0
_total_ms = 0.0
_durations = [0] * (len(EDGES_MS) + 1)


def count(path: str, status: int, elapsed_ms: float) -> None:
    """Count one request, unless it is a probe; an answer of 500 or more is an error."""
    global _requests, _errors, _total_ms  # noqa: PLW0603  one process is one instance
    if path.startswith(_PROBES):
        return
    place = bisect_left(EDGES_MS, elapsed_ms)
    with _lock:
        _requests += 1
        _errors += status >= _SERVER_ERROR
        _total_ms += elapsed_ms
        _durations[place] += 1


def traffic() -> Traffic:
    """Return what was served until now."""
    with _lock:
        return Traffic(_requests, _errors, _total_ms, tuple(_durations))


def percentile_ms(durations: tuple[int, ...], share: float) -> float | None:
    """Return how long the quickest ``share`` of the requests took at most; None when there were none.

    Estimated as if those between two edges were spread evenly, like Prometheus' histogram_quantile.
    """
    rank, before = share * sum(durations), 0
    if not rank:
        return None
    for (low, high), number in zip(pairwise((0.0, *EDGES_MS)), durations, strict=False):
        if number and before + number >= rank:
            return low + (high - low) * (rank - before) / number
        before += number
    return float(EDGES_MS[-1])
