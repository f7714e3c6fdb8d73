"""Redis, where it is configured: scripts in one round trip, and a breaker for when it is not there.

Every call waits 200 ms at most, for its connection and its answer together. The first that fails opens the breaker:
from then on nobody waits for Redis, until a thread of its own finds that it answers, quickly, *and* runs scripts that
write, which it tries twice a second. Then what had to wait for Redis is done, and only then it is used again.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.signals import setting_changed
from django.db import connections

from nocturnal_project.background import every
from nocturnal_project.redis_connections import FAILURES, OUTAGES, Connections, NoScriptError

__all__ = ["OUTAGES", "Link", "RedisAway", "Script", "link"]

_log = structlog.stdlib.get_logger("nocturnal.redis")
_PROBE_SECONDS = 0.5
# Back for a shorter time than this, it is tried again no earlier than after a pause: so a Redis that answers the
# probe and nothing else brings two log lines in half a second, and not a thousand.
_STEADY_SECONDS = 5.0
# So long may an answer to the one that looks take; three that take longer, one after the other, are an outage.
_SLOW_SECONDS = 0.1
_SLOW_TRIES = 3
# A script, because a replica, a full Redis, one whose disk is full or one that runs a script for ever answers reads.
_PROBE = "return redis.call('SET', KEYS[1], '1', 'PX', 1000)"


class RedisAway(Exception):
    """Redis is not configured, or does not answer, or takes no writes; use what does not need it."""


class SlowAnswers(OSError):
    """Redis answers, and so slowly that requests do better without it."""


class PrimaryMoved(OSError):
    """The sentinels name another primary than the one that is used."""


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
        self._connections = Connections()
        self._open = threading.Event()
        self._failing = threading.Lock()
        # Held while Redis comes into use again, and by those who may not be overtaken by that.
        self._coming_back = threading.Lock()
        self._on_return: list[Callable[[], None]] = []
        self._returning: int | None = None  # the thread that does what has to be done before others may use Redis
        self._back_at = float("-inf")
        self.errors = 0

    @property
    def configured(self) -> bool:
        """Whether there is a Redis to use at all."""
        return bool(settings.REDIS_URL)

    @property
    def closed(self) -> bool:
        """Whether Redis is in use: configured, and its last call did not fail."""
        return not self._open.is_set() and self.configured

    @property
    def server(self) -> str:
        """Which run of which Redis is in use, or was last."""
        return self._connections.server

    def on_return(self, act: Callable[[], None]) -> None:
        """Call ``act`` when Redis is back, before anybody uses it again; while it raises, Redis stays unused."""
        self._on_return.append(act)

    def while_away(self, act: Callable[[], None]) -> bool:
        """Call ``act`` and return True while Redis cannot come back into use; return False if it is in use.

        So whatever ``act`` leaves for those who are called ``on_return`` is there when they look.
        """
        with self._coming_back:
            if not self._open.is_set():
                return False
            act()
            return True

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

        Raises:
            RedisAway: with the breaker open now.
            NoScriptError: an EVALSHA of a script that Redis does not know.
        """
        if not self.closed and self._returning != threading.get_ident():
            raise RedisAway
        try:
            return self._connections.exchange(command)
        except FAILURES as error:
            if isinstance(error, NoScriptError):
                raise
            self._fail(error)
            raise RedisAway from error

    def look(self) -> None:
        """Leave a Redis that has become slow, or is the primary no longer, before requests find out one by one."""
        if not self.closed:
            return
        try:
            self._require_quick_answer()
            if self._connections.lead_elsewhere():
                raise PrimaryMoved
        except FAILURES as error:
            self._fail(error)

    def forget(self) -> None:
        """Use the Redis that the settings name now."""
        self._connections.forget()

    def _require_quick_answer(self) -> None:
        for _ in range(_SLOW_TRIES):
            try:
                self._connections.exchange(("PING",), seconds=_SLOW_SECONDS)
            except FAILURES as error:
                if not _is_timeout(error):
                    raise
            else:
                return
        raise SlowAnswers

    def _fail(self, error: Exception) -> None:
        with self._failing:
            self.errors += 1
            if self._open.is_set():
                return
            self._open.set()
        self._connections.drop_idle()
        _log.error("redis away: limits are counted locally until it is back", error=type(error).__name__)
        threading.Thread(target=self._wait_for_return, name="redis-probe", daemon=True).start()

    def _wait_for_return(self) -> None:
        pause = threading.Event()
        if time.monotonic() - self._back_at < _STEADY_SECONDS:
            pause.wait(_PROBE_SECONDS)
        while not self._came_back():
            if not self.configured:  # any more, which only tests bring about
                self._open.clear()
                return
            pause.wait(_PROBE_SECONDS)
        _log.warning("redis back")

    def _came_back(self) -> bool:
        """Try a write; then do what had to wait, and let others use Redis, unless a call has failed meanwhile."""
        errors = self.errors
        try:
            probe = ("EVAL", _PROBE, 1, f"nocturnal:probe:{settings.INSTANCE_ID}")
            self._connections.exchange(probe, seconds=_SLOW_SECONDS, adopting=True)
            with self._coming_back:
                self._returning = threading.get_ident()
                for act in self._on_return:
                    act()
                with self._failing:
                    if self.errors == errors:
                        self._back_at = time.monotonic()
                        self._open.clear()
        except Exception as error:  # noqa: BLE001  whatever keeps Redis from being used, the thread must go on trying
            _log.debug("redis not back yet", error=type(error).__name__)
            self._connections.drop_idle()
        finally:
            self._returning = None
            connections.close_all()
        return not self._open.is_set()


def _is_timeout(error: Exception) -> bool:
    """Tell whether an answer did not come in time: the client has a timeout of its own beside Python's."""
    return "Timeout" in type(error).__name__


link = Link()


@every(seconds=2)
def look_after_redis() -> None:
    """Find out early what requests would find out by waiting."""
    link.look()


def _settings_changed(*, setting: str, **_: Any) -> None:
    if setting in ("REDIS_URL", "CACHES"):
        link.forget()


setting_changed.connect(_settings_changed)  # sent by tests only
