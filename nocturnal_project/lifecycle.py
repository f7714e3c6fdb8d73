"""What begins and ends with the process that serves, whatever server it runs in."""

import structlog

_log = structlog.stdlib.get_logger("nocturnal.lifecycle")
_started = False


def start() -> None:
    """Make this process ready: called once by the process that serves, before its first request.

    Clients of the database, the cache and the storage are made here, and not by the first requests, each of which
    would make its own. One that cannot be reached is logged and no reason not to start: readiness tells, and it is
    tried again. Threads begin here too.
    """
    global _started  # noqa: PLW0603  one process is one instance
    from health.dependencies import warm_up

    warm_up()
    _started = True
    _log.info("instance started")


def stop() -> None:
    """Undo ``start``: called on a clean end, when the last request has been answered; safe without a start."""
    global _started  # noqa: PLW0603  the same
    if _started:
        _started = False
        _log.info("instance stopped")
