"""The application behind gunicorn: a master that only watches, and one worker with threads."""

import signal
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from nocturnal_project import draining, lifecycle
from nocturnal_project.serving import options as limits
from nocturnal_project.serving.options import ServerOptions

_log = structlog.stdlib.get_logger("nocturnal.serving")
# What the master waits longer than its worker may take, because at its limit it kills.
_SPARE_SECONDS = 5


class DrainingWorker(ThreadWorker):
    """gunicorn's worker with threads, which drains, loses nothing at its end and answers pipelined requests.

    gunicorn's own takes no request after SIGTERM, waits its whole grace for idle connections, and leaves new ones
    unanswered meanwhile. The master closes its listener at SIGTERM, but the worker's is a copy that goes on listening.
    """

    alive: bool
    wsgi: Any
    drain_seconds = 0
    _drained_at = float("inf")

    def init_process(self) -> None:
        """Take the grace for requests alone; the master's also covers the drain."""
        self.cfg.set("graceful_timeout", limits.GRACE_SECONDS)
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application, so that its answers close their connections while the worker drains."""
        super().load_wsgi()
        self.wsgi = _closing_while_draining(self.wsgi)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to drain at SIGTERM; a second one changes nothing."""
        if not draining.begin():
            return
        if not self.drain_seconds:
            super().handle_exit(sig, frame)
            return
        self._drained_at = time.monotonic() + self.drain_seconds
        # Not logged here: a signal may come in the middle of another line.
        self.method_queue.defer(lambda: _log.info("draining", seconds=self.drain_seconds))

    def set_accept_enabled(self, enabled: bool) -> None:
        """Stop taking connections; at the end, take those that wait already, and refuse the next."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                self._take_what_waits(listener)
                listener.close()
            self._let_go_of_idle_connections()

    def is_parent_alive(self) -> bool:
        """Tell whether to go on, once a second at least: not without the master, and not when drained."""
        drained = time.monotonic() >= self._drained_at
        self.alive = self.alive and not drained and bool(super().is_parent_alive())
        return self.alive

    def handle(self, conn: Any) -> Any:
        """Answer the next request of a connection, and those that came with it."""
        keep = super().handle(conn)
        while keep is True and conn.parser.unreader.buf.getbuffer().nbytes:
            keep = super().handle(conn)
        return keep

    def _take_what_waits(self, listener: Any) -> None:
        before = -1
        while before != self.nr_conns:  # accept() says nothing when there is no more
            before = self.nr_conns
            self.accept(listener)

    def _let_go_of_idle_connections(self) -> None:
        for conn in (*self.keepalived_conns, *self.pending_conns):
            conn.timeout = 0
        self.murder_keepalived()
        self.murder_pending()


def _closing_while_draining(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return the application with answers that say ``Connection: close`` when the drain has begun before their head.

    gunicorn takes no such field from an application; its own response, whose method is called here, knows how.
    """

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def start(*head: Any) -> Any:
            if draining.has_begun():
                start_response.__self__.force_close()
            return start_response(*head)

        return application(environ, start)

    return serve


class ProcessLog(Logger):
    """gunicorn's own lines, among the application's and in their form."""

    def setup(self, cfg: Any) -> None:
        """Hand the lines to the root logger."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class _Gunicorn(BaseApplication):
    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in settings_for(self._options).items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from nocturnal_project.wsgi import application

        return application


def settings_for(options: ServerOptions) -> dict[str, Any]:
    """Return gunicorn's settings."""
    return {
        "bind": options.host_and_port,
        "worker_class": DrainingWorker,
        "workers": 1,
        "threads": options.threads,
        "backlog": limits.BACKLOG,
        "keepalive": limits.KEEP_ALIVE_SECONDS,
        "graceful_timeout": options.drain_seconds + limits.GRACE_SECONDS + _SPARE_SECONDS,
        "timeout": 60,
        "limit_request_line": limits.MOST_BYTES_IN_A_FIELD,
        "limit_request_fields": limits.MOST_FIELDS,
        "limit_request_field_size": limits.MOST_BYTES_IN_A_FIELD,
        # Nobody's header decides the scheme or the script's name: TRUSTED_PROXIES does, in Django.
        "forwarded_allow_ips": "",
        "control_socket_disable": True,
        "http_parser": "fast",
        "accesslog": None,  # the application writes its own line a request
        "loglevel": "warning",
        "logger_class": ProcessLog,
        "when_ready": lambda _server: options.announce(),
        "post_fork": lambda _server, worker: setattr(worker, "drain_seconds", options.drain_seconds),
        "post_worker_init": _ignore_ctrl_c,
        "worker_exit": lambda _server, _worker: lifecycle.stop(),
    }


def _ignore_ctrl_c(_worker: ThreadWorker) -> None:
    """Ctrl-C goes to a whole group: the master's word is enough, and a second one would cut the end short."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def serve(options: ServerOptions) -> int:
    """Serve until told to end.

    Raises:
        SystemExit: with gunicorn's code.
    """
    _Gunicorn(options).run()
    return 0
