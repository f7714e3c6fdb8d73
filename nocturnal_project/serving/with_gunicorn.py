"""The application behind gunicorn: a master that only watches, and one worker with threads."""

import signal
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from nocturnal_project import lifecycle
from nocturnal_project.serving import options as limits
from nocturnal_project.serving.options import ServerOptions


class DrainingWorker(ThreadWorker):
    """gunicorn's worker with threads, which loses nothing at its end and answers pipelined requests.

    gunicorn's own waits its whole grace for idle connections, and leaves new ones unanswered meanwhile.
    """

    alive: bool

    def set_accept_enabled(self, enabled: bool) -> None:
        """Stop taking connections; at the end, take those that wait already, and refuse the next."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                self._take_what_waits(listener)
                listener.close()
            self._let_go_of_idle_connections()

    def is_parent_alive(self) -> bool:
        """Tell whether the master is there; without it this process ends as if told to."""
        there = bool(super().is_parent_alive())
        self.alive = self.alive and there
        return there

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
        "graceful_timeout": limits.GRACE_SECONDS,
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
