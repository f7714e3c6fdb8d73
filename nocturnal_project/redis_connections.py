"""Connections to Redis that are ready: made by django-redis, aside from the request that needs one, and kept.

Before a connection is there it can hang in many ways: a name that nobody resolves, sentinels that are silent, a server
that takes connections and greets nobody. Not all of these have a timeout. So each is made on a thread of its own, and
who needs it waits 200 ms in all, for the connection and for the answer together.
"""

import re
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import Any

from django.core.cache import caches

OUTAGES: tuple[type[Exception], ...] = ()
try:
    import hiredis
    from django_redis.client import DefaultClient
    from django_redis.exceptions import ConnectionInterrupted
    from redis.exceptions import NoPermissionError, NoScriptError, RedisError, ResponseError
    from redis.sentinel import MasterNotFoundError, SentinelConnectionPool
except ImportError:  # requirements/base.txt alone: local memory, and nothing below is reached

    class NoScriptError(Exception):  # type: ignore[no-redef]  # the client's, where there is one
        """Redis does not know a script."""
else:
    OUTAGES = (ConnectionInterrupted, RedisError)

__all__ = ["FAILURES", "OUTAGES", "Connections", "NoScriptError", "ServerChanged"]

PATIENCE_SECONDS = 0.2
# OSError: a connection that breaks while it is made, and builtin timeouts. ValueError: an answer that is no Redis'.
FAILURES: tuple[type[Exception], ...] = (*OUTAGES, OSError, ValueError)
_RUN_ID = re.compile(rb"run_id:(\w+)")


class ServerChanged(OSError):
    """Another Redis answers than before: it was started again, or another one took over."""


class Connections:
    """The connections of a process. ``server`` is the run id of the Redis that they lead to; empty: not known yet.

    A Redis that was started again, or took over from another, may have forgotten what the one before had confirmed. So
    it is not used before somebody who knows what then has to be done has adopted it.
    """

    def __init__(self) -> None:
        """Have none yet."""
        self.server = ""
        # Replaced by a new one when they are dropped, so that one that was in use meanwhile does not come back.
        self._idle: deque[Any] = deque()
        self._pool: Any = None

    def exchange(self, command: tuple[Any, ...], *, seconds: float | None = None, adopting: bool = False) -> Any:
        """Send one command and return its answer, bytes undecoded, after 200 ms at most, or ``seconds``.

        Who adopts has time: the connection is made at once on this thread, and whatever Redis it leads to is taken.

        Raises:
            NoScriptError: an EVALSHA of a script that Redis does not know; it did not run.
            ServerChanged: the Redis that answers is not the one that was known.
            Exception: any of FAILURES; whether the command was carried out is unknown.
        """
        if adopting:
            self.drop_idle()
        idle = self._idle
        connection = self._ready(idle)
        if connection is None:
            started = time.monotonic()
            connection = self._adopted() if adopting else self._made()
            left = max(0.01, PATIENCE_SECONDS - time.monotonic() + started)
            seconds = left if seconds is None else seconds
        patience = {} if seconds is None else {"timeout": seconds}
        try:
            connection.send_packed_command([hiredis.pack_command(command)], check_health=False)
            # Asked for by name: a connection by Sentinel would stay open by default, and the late answer to this
            # command would be taken for the next one's.
            answer = connection.read_response(disable_decoding=True, disconnect_on_error=True, **patience)
        except ResponseError:
            self._keep(connection, idle)
            raise
        except BaseException:
            self._drop(connection)
            raise
        self._keep(connection, idle)
        return answer

    def drop_idle(self) -> None:
        """Close those that nobody is using now, and those in use as soon as they are not."""
        idle, self._idle = self._idle, deque()
        while True:
            try:
                self._drop(idle.pop())
            except IndexError:  # others may have taken the last
                return

    def forget(self) -> None:
        """Close all, and know nothing of where they led."""
        self.drop_idle()
        self.server, self._pool = "", None

    def lead_elsewhere(self) -> bool:
        """Tell whether the sentinels name another primary than the one in use; False where they say nothing."""
        if self._pool is None or not isinstance(self._pool, SentinelConnectionPool):
            return False
        try:
            primary = self._pool.get_master_address()  # type: ignore[no-untyped-call]  # of redis-py
        except MasterNotFoundError:
            return False
        return any((connection.host, connection.port) != primary for connection in list(self._idle))

    def _ready(self, idle: deque[Any]) -> Any:
        """Return the one that was used last and can be used now: not closed by Redis, and with no answer unread."""
        while True:
            try:
                connection = idle.pop()
            except IndexError:
                return None
            try:
                if not connection.can_read():
                    return connection
            except FAILURES:
                pass  # closed by the other side, which is what was asked
            self._drop(connection)

    def _adopted(self) -> Any:
        connection, self.server = self._connect()
        return connection

    def _made(self) -> Any:
        making: Future[tuple[Any, str]] = Future()

        def make() -> None:
            try:
                making.set_result(self._connect())
            except BaseException as error:  # noqa: BLE001  raised again where it is waited for
                making.set_exception(error)

        threading.Thread(target=make, name="redis-connect", daemon=True).start()
        try:
            connection, server = making.result(PATIENCE_SECONDS)
        except TimeoutError:
            making.add_done_callback(self._abandon)
            raise
        if self.server and server != self.server:
            self._drop(connection)
            raise ServerChanged
        self.server = server
        return connection

    def _connect(self) -> tuple[Any, str]:
        """Return a new connection, and the run id of the server that it leads to."""
        cache: Any = caches["default"]
        # The class's own method, because the one of redis_cache.py refuses while Redis is away.
        self._pool = pool = DefaultClient.get_client(cache.client, write=True).connection_pool
        connection = pool.get_connection()
        try:
            connection.send_command("INFO", "server")
            found = _RUN_ID.search(connection.read_response(disable_decoding=True, disconnect_on_error=True))
        except NoPermissionError:
            found = None  # then one server is as good as another
        except BaseException:
            self._drop(connection)
            raise
        return connection, found[1].decode() if found else "unknown"

    def _abandon(self, making: Future[tuple[Any, str]]) -> None:
        if making.exception() is None:
            self._drop(making.result()[0])

    def _keep(self, connection: Any, idle: deque[Any]) -> None:
        if idle is self._idle:
            idle.append(connection)
        else:
            self._drop(connection)

    def _drop(self, connection: Any) -> None:
        connection.disconnect()
        if self._pool is not None:
            self._pool.release(connection)
