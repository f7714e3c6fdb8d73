"""The worker that empties the outbox: one daemon thread a process, started and stopped with it."""

import threading

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections

from accounts import outbox
from accounts.delivery import MailServerAway, deliver_due

_log = structlog.stdlib.get_logger("nocturnal.mail")
# Another process may have left the mail, or died over it: look without being woken.
_POLL_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_STOP_SECONDS = 15.0

_lock = threading.Lock()
_worker: "MailWorker | None" = None


class MailWorker(threading.Thread):
    """Delivers until it is told to stop. Nothing that fails ends it: it waits, longer each time, and goes on."""

    def __init__(self) -> None:
        super().__init__(name="mail", daemon=True)
        self._stopping = threading.Event()
        self._pause_seconds = _POLL_SECONDS

    def run(self) -> None:
        """Look, deliver, wait."""
        while not self._stopping.is_set():
            self._pause_seconds = self._deliver()
            if self._pause_seconds > _POLL_SECONDS:
                self._stopping.wait(self._pause_seconds)  # new mails are no reason to try earlier
            else:
                outbox.posted.wait(self._pause_seconds)
            outbox.posted.clear()

    def stop(self) -> None:
        """End after the mail that is being sent."""
        self._stopping.set()
        outbox.posted.set()

    def _deliver(self) -> float:
        """Send what is due and return how long to wait before the next look."""
        longer = min(self._pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
        try:
            deliver_due(must_stop=self._stopping.is_set)
        except MailServerAway as error:
            _log.warning("mail server away", reason=str(error), pause_seconds=longer)
            return longer
        except (OperationalError, InterfaceError) as error:
            _log.warning("mail worker waits for the database", error=type(error).__name__, pause_seconds=longer)
            return longer
        except Exception as error:  # noqa: BLE001  a bug must not end it
            _log.error("mail worker failed", error=type(error).__name__, exc_info=error, pause_seconds=longer)
            return longer
        finally:
            connections.close_all()
        return _POLL_SECONDS


def start() -> None:
    """Start this process's worker unless it runs already or MAIL_WORKER says no. After a fork, not before."""
    global _worker  # noqa: PLW0603  one a process
    with _lock:
        if settings.MAIL_WORKER and (_worker is None or not _worker.is_alive()):
            _worker = MailWorker()
            _worker.start()


def stop() -> None:
    """Let the mail that is being sent end, for a bounded time; what is left is for the other processes."""
    with _lock:
        worker = _worker
    if worker and worker.is_alive():
        worker.stop()
        worker.join(_STOP_SECONDS)
