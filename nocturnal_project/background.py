"""What a process does beside requests: short jobs, again and again, on one thread.

``@every(seconds=5)`` registers a function when its module is loaded; ``start`` runs all of them once, so that a first
request finds everything known, and then each at its time. A job that fails is logged and tried again at its next time.
Jobs are short: one that may wait for long (mail) has a thread of its own.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.db import connections

_log = structlog.stdlib.get_logger("nocturnal.background")
_TICK_SECONDS = 0.25
Job = Callable[[], None]


@dataclass(slots=True)
class _Scheduled:
    job: Job
    seconds: float
    due: float = 0.0


_jobs: list[_Scheduled] = []
_stopping = threading.Event()
_thread: threading.Thread | None = None


def every(*, seconds: float) -> Callable[[Job], Job]:
    """Register a job to be run every so many seconds in each process that serves."""

    def register(job: Job) -> Job:
        _jobs.append(_Scheduled(job, seconds))
        return job

    return register


def start() -> None:
    """Run every job once, then go on with them on a thread; a second call does nothing."""
    global _thread  # noqa: PLW0603  one thread a process
    if _thread is not None:
        return
    _stopping.clear()
    run_due(time.monotonic())
    _thread = threading.Thread(target=_run, name="background", daemon=True)
    _thread.start()


def stop() -> None:
    """Let the running job end, and run no other."""
    global _thread  # noqa: PLW0603  the same
    if _thread is not None:
        _stopping.set()
        _thread.join(timeout=5)
        _thread = None


def run_due(now: float) -> None:
    """Run what is due at ``now`` (of time.monotonic)."""
    ran = False
    for scheduled in _jobs:
        if scheduled.due <= now:
            scheduled.due = now + scheduled.seconds
            ran = True
            try:
                scheduled.job()
            except Exception as error:  # noqa: BLE001  no job may end the others
                _log.warning("job failed", job=scheduled.job.__qualname__, error=type(error).__name__)
    if ran:
        connections.close_all()


def _run() -> None:
    while not _stopping.wait(_TICK_SECONDS):
        run_due(time.monotonic())
