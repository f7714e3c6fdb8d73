"""The application behind granian's WSGI mode: a master that only watches, and one worker with threads."""

import ctypes
import logging
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer

from nocturnal_project import draining, lifecycle
from nocturnal_project.serving import options as limits
from nocturnal_project.serving.options import ServerOptions

_log = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1
_DRAIN = signal.SIGUSR1  # from the master: SIGTERM ends granian's worker
# All fields together; granian has no limit for one, and takes 100 at most.
_HEAD_BYTES = 16 * 1024
# Its lines go to the root logger, and so to standard error in the application's form.
_LOGGING = {"formatters": {}, "handlers": {}, "loggers": {"_granian": {"propagate": True}}}


def _load(_target: str) -> Any:
    """Return the application in the worker, once the worker is ready to serve."""
    from nocturnal_project.wsgi import application

    return _closing_while_draining(application)


def _closing_while_draining(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return the application with answers that say ``Connection: close`` when the drain has begun before their head."""

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, fields: list[tuple[str, str]], *failure: Any) -> Any:
            last = [("Connection", "close")] if draining.has_begun() else []
            return start_response(status, [*fields, *last], *failure)

        return application(environ, start)

    return serve


def _begin_to_drain(*_: Any) -> None:
    """The worker's main thread only waits, so that nothing is interrupted here."""
    if draining.begin():
        structlog.stdlib.get_logger("nocturnal.serving").info("draining")


def _work(*arguments: Any) -> None:
    """Run granian's worker; end it when the master was killed, because it would go on serving on its own.

    Ctrl-C goes to a whole group, and the worker hangs when it hears of its end twice: a group of its own hears once.
    """
    signal.signal(_DRAIN, _begin_to_drain)
    os.setpgrp()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    master = multiprocessing.parent_process()
    if master is None or os.getppid() != master.pid:
        return  # it was killed before the line above
    try:
        MPServer._spawn_wsgi_worker(*arguments)  # noqa: SLF001  what serve() itself would call
    finally:
        lifecycle.stop()


class _Granian(MPServer):
    """granian, which drains, and ends with the code of a worker that would not start, as gunicorn does."""

    drain_seconds = 0

    def shutdown(self, exit_code: int = 0) -> None:
        """Drain when told to end, and end, with the worker's own code where it had one."""
        if self.interrupt_signal and self.drain_seconds:
            for worker in self.wrks:
                os.kill(worker.inner.pid, _DRAIN)
                worker.inner.join(self.drain_seconds)  # there is one
        codes = [worker.inner.exitcode or 0 for worker in self.wrks]
        super().shutdown(max([exit_code, *codes]))  # type: ignore[no-untyped-call]  # granian's is not typed


def serve(options: ServerOptions) -> int:
    """Serve until told to end.

    Raises:
        SystemExit: 3 when the configuration is not complete, 1 when the worker was killed; granian makes no other
            worker, and whoever started this process starts it again.
    """
    try:
        address = _free_address(options)
    except OSError as error:
        _log.error("%s: %s", options.host_and_port, error.strerror)
        return 1
    server = _Granian(
        "nocturnal_project.wsgi:application",
        address=address,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=options.threads,
        backlog=limits.BACKLOG,
        http=HTTPModes.http1,
        websockets=False,
        # hyper counts the pause between two requests as reading the second one's head.
        http1_settings=HTTP1Settings(header_read_timeout=limits.KEEP_ALIVE_SECONDS * 1000, max_buffer_size=_HEAD_BYTES),
        workers_kill_timeout=limits.GRACE_SECONDS,
        log_level=LogLevels.error,  # warnings are about the number of threads, at each start
        log_dictconfig=_LOGGING,
    )
    server.drain_seconds = options.drain_seconds
    server.on_startup(options.announce)
    server.serve(spawn_target=_work, target_loader=_load)
    return 0


def _free_address(options: ServerOptions) -> str:
    """Return the IP address to listen on.

    granian takes no names, and shares its port with whoever else asks for it, an older instance of ours too.

    Raises:
        OSError: there is no such address here, or somebody listens there.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(options.address, options.port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
    return str(address[0])
