"""redis-server, with what the limiter needs of it: no eviction, a password, and data that may persist."""

import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.servers.base import Keeper, Process, Service, program
from tests.servers.clock import Clock

_DAWN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class RedisServer(Service):
    """One redis-server on 127.0.0.1."""

    def __init__(
        self,
        *,
        password: str | None = None,
        maxmemory: str | None = None,
        persist: bool = False,
        settings: Sequence[str] = (),
        own_clock: bool = False,
        root: Path | None = None,
    ) -> None:
        """Keep the data over `kill` and `start` when `persist`; `maxmemory` is Redis' own ("8mb").

        `settings` are further lines of its configuration. With `own_clock` it lives by `clock`, which stands still
        until a test sets it; its memory is then not as ever.
        """
        super().__init__(root)
        self._program = program("redis-server", install="apt-get install redis-server")
        self._password, self._maxmemory, self._persist = password, maxmemory, persist
        self._settings = settings
        self._own_clock = own_clock
        self.process: Process
        self.clock: Clock

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.process.port

    @property
    def pid(self) -> int:
        """The id of the process that runs now."""
        return self.process.pid

    @property
    def url(self) -> str:
        """The address with the password, as REDIS_URL takes it."""
        secret = f":{self._password}@" if self._password else ""
        return f"redis://{secret}127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it again."""
        self.process.start()

    def stop(self) -> None:
        """End it as an operator would."""
        self.process.stop()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()

    def freeze(self) -> None:
        """Leave connections open and answer nothing."""
        self.process.freeze()

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self.process.thaw()

    def _start(self, keeper: Keeper) -> None:
        env = None
        if self._own_clock:
            self.clock = Clock(keeper.folder / "clock", at=_DAWN)
            env = dict(os.environ) | self.clock.environment
        self.process = Process(keeper, "redis-server", self._command, answers=self._answers, env=env)
        self.process.start()

    def _command(self, ports: list[int]) -> list[str]:
        lines = [
            f"port {ports[0]}",
            "bind 127.0.0.1",
            'save ""',
            f"appendonly {'yes' if self._persist else 'no'}",
            "maxmemory-policy noeviction",
        ]
        lines += [f"requirepass {self._password}"] if self._password else []
        lines += [f"maxmemory {self._maxmemory}"] if self._maxmemory else []
        lines += self._settings
        file = self.folder / "redis.conf"
        file.touch(mode=0o600)  # the password stays out of the process list
        file.write_text("\n".join(lines) + "\n")
        return [self._program, str(file)]

    def _answers(self) -> bool:
        """PONG, or a demand for the password: both say that it serves, LOADING does not."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False
