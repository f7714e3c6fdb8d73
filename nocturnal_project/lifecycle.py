"""What begins and ends with the process that serves, whatever server it runs in."""

import structlog

from nocturnal_project import background, clock, instances, tracing

_log = structlog.stdlib.get_logger("nocturnal.lifecycle")
_KEYS_SECONDS = 2
_started = False


def start() -> None:
    """Make this process ready before its first request: wsgi.py calls it once; a second call does nothing.

    Clients of the database, the cache and the storage are made here, and not by the first requests, each of which
    would make its own. One that cannot be reached is logged and no reason not to start: readiness tells, and it is
    tried again. Threads begin here too: the background's, and the one that sends mails.
    """
    global _started  # noqa: PLW0603  one process is one instance
    if _started:
        return
    from accounts import mail
    from health.dependencies import warm_up
    from ratelimits import staff

    _started = True
    warm_up()
    background.every(seconds=instances.BEAT_SECONDS)(instances.beat)
    background.every(seconds=1)(instances.tell_of_drain)
    background.every(seconds=_KEYS_SECONDS)(_follow_signing_keys)
    background.every(seconds=staff.FOLLOW_SECONDS)(staff.follow_changes)
    background.start()
    mail.start()
    _log.info("instance started")


def stop() -> None:
    """Undo ``start``: called on a clean end, when the last request has been answered; safe without a start."""
    global _started  # noqa: PLW0603  the same
    if _started:
        from accounts import mail

        _started = False
        mail.stop()
        background.stop()
        instances.leave()  # after the last beat
        tracing.stop()
        _log.info("instance stopped")


def _follow_signing_keys() -> None:
    from accounts import keyring

    keyring.refresh(clock.now())
