"""Redis, where it is configured: scripts in one round trip, and a breaker for when it is not there.

django-redis makes the connections (settings.py has the timeouts); without its packages there is no Redis to lose.
Every call waits 200 ms at most. The first that fails opens the breaker: from then on nobody waits for Redis, until a
thread of its own finds that it answers *and* takes writes, which it tries twice a second.
"""

import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import connections

OUTAGES: tuple[type[Exception], ...] = ()
try:
    import hiredis
    from django_redis import get_redis_connection
    from django_redis.exceptions import ConnectionInterrupted
    from redis.exceptions import NoScriptError, RedisError
except ImportError:  # requirements/base.txt alone: local memory, and nothing below is reached

    class NoScriptError(Exception):  # type: ignore[no-redef]  # the client's, where there is one
        """Redis does not know a script."""
else:
    OUTAGES = (ConnectionInterrupted, RedisError)

_log = structlog.stdlib.get_logger("nocturnal.redis")
_PROBE_SECONDS = 0.5
# OSError: a connection that breaks while it is being made. ValueError: an answer that is no Redis'.
_FAILURES: tuple[type[Exception], ...] = (*OUTAGES, OSError, ValueError)


class RedisAway(Exception):
    """Redis is not configured, or does not answer, or takes no writes; use what does not need it."""


class Script:
    """A Lua script from a file, called by its digest."""

    def __init__(self, path: Path, **constants: int) -> None:
        """Read it, with the constants that it shares with Python before its first line."""
        head = "".join(f"local {name} = {value}\n" for name, value in constants.items())
        self.text = head + path.read_text(encoding="utf-8")
        self.digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Link:
    """The way to Redis for what decides on every request."""

    def __init__(self) -> None:
        """Start with the breaker closed: the first call finds out."""
        self._open = threading.Event()
        self._opening = threading.Lock()
        self._on_return: list[Callable[[], None]] = []
        self._returning: int | None = None  # the thread that does what has to be done before others may use Redis
        self.errors = 0

    @property
    def configured(self) -> bool:
        """Whether there is a Redis to use at all."""
        return bool(settings.REDIS_URL)

    @property
    def closed(self) -> bool:
        """Whether Redis is in use: configured, and its last call did not fail."""
        return not self._open.is_set() and self.configured

    def on_return(self, act: Callable[[], None]) -> None:
        """Call ``act`` when Redis is back, before anybody uses it again; while it raises, Redis stays unused."""
        self._on_return.append(act)

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run a script once and return its answer, bytes undecoded.

        A script that Redis has forgotten (NOSCRIPT: it did not run) is sent whole. Nothing else is sent twice,
        because what timed out may have been done.

        Raises:
            RedisAway: with the breaker open now.
        """
        tail = (len(keys), *keys, *arguments)
        try:
            return self.call("EVALSHA", script.digest, *tail)
        except NoScriptError:
            return self.call("EVAL", script.text, *tail)

    def call(self, *command: Any) -> Any:
        """Send one command and return its answer.

        Leaner than the client's own execute_command, which costs a fifth of a round trip in hooks that are not used.

        Raises:
            RedisAway: with the breaker open now.
            NoScriptError: an EVALSHA of a script that Redis does not know.
        """
        if not self.closed and self._returning != threading.get_ident():
            raise RedisAway
        try:
            return self._send(command)
        except _FAILURES as error:
            if isinstance(error, NoScriptError):
                raise
            self._fail(error)
            raise RedisAway from error

    @staticmethod
    def _send(command: tuple[Any, ...]) -> Any:
        pool: Any = get_redis_connection("default").connection_pool
        connection = pool.get_connection()
        try:
            connection.send_packed_command([hiredis.pack_command(command)], check_health=False)
            return connection.read_response(disable_decoding=True)
        finally:
            pool.release(connection)

    def _fail(self, error: Exception) -> None:
        self.errors += 1
        with self._opening:
            if self._open.is_set():
                return
            self._open.set()
        _log.error("redis away: limits are counted locally until it is back", error=type(error).__name__)
        threading.Thread(target=self._wait_for_return, name="redis-probe", daemon=True).start()

    def _wait_for_return(self) -> None:
        pause = threading.Event()
        while not self._answers():
            pause.wait(_PROBE_SECONDS)
        self._open.clear()
        _log.warning("redis back")

    def _answers(self) -> bool:
        """Try a write, because a replica or a full Redis answers reads; then do what had to wait."""
        try:
            self._send(("SET", f"nocturnal:probe:{settings.INSTANCE_ID}", "1", "PX", 1000))
            self._returning = threading.get_ident()
            for act in self._on_return:
                act()
        except Exception as error:  # noqa: BLE001  whatever keeps Redis from being used, the thread must go on trying
            _log.debug("redis not back yet", error=type(error).__name__)
            return False
        finally:
            self._returning = None
            connections.close_all()
        return True


link = Link()
