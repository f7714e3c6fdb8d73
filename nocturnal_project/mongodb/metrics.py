"""MongoDB's operations in django-prometheus's database figures.

Its own backends wrap SQL cursors, of which there are none here, and nothing of our engine is replaced. The driver could
tell a listener of each command, for 20 µs a command; this costs 2 µs. What a cursor fetches after its first batch, and
what only pings, is not counted.
"""

import time
from types import TracebackType

from django.db import DEFAULT_DB_ALIAS
from django_prometheus.db.metrics import errors_total, execute_total, query_duration_seconds

_OF_OURS = (DEFAULT_DB_ALIAS, "mongodb")
_executed = execute_total.labels(*_OF_OURS)
_seconds = query_duration_seconds.labels(*_OF_OURS)


class Counted:
    """Counts one operation, how long it took, and Django's error that it ended with."""

    __slots__ = ("_started",)

    def __enter__(self) -> None:
        """Begin to measure."""
        self._started = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Count; an error goes on."""
        _executed.inc()
        _seconds.observe(time.perf_counter() - self._started)
        if kind is not None:
            errors_total.labels(*_OF_OURS, kind.__name__).inc()
