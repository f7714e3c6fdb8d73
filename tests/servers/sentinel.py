"""Redis that fails over: a primary, a replica, and three sentinels that choose."""

from collections.abc import Callable
from pathlib import Path

import redis

from tests.servers.base import Keeper, Process, Service, program, wait_until

MASTER = "mymaster"
_SENTINELS = 3
_QUORUM = 2
_DOWN_AFTER_MS = 1000


class RedisTrio(Service):
    """A primary and a replica with a password, and three sentinels with another one."""

    password = "the servers' own"
    sentinel_password = "the sentinels' own"

    def __init__(self, root: Path | None = None) -> None:
        """Start nothing yet."""
        super().__init__(root)
        self._program = program("redis-server", install="apt-get install redis-server")
        self.servers: list[Process] = []
        self.sentinels: list[Process] = []

    @property
    def variables(self) -> dict[str, str]:
        """The variables that make an instance use it."""
        return {
            "REDIS_SENTINELS": ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels),
            "REDIS_PASSWORD": self.password,
            "REDIS_SENTINEL_PASSWORD": self.sentinel_password,
        }

    @property
    def primary(self) -> Process:
        """The server that the sentinels name."""
        port = self._named_port()
        return next(server for server in self.servers if server.port == port)

    def client(self, server: Process) -> "redis.Redis":
        """Return a client of one of the servers."""
        return redis.Redis(port=server.port, password=self.password, socket_timeout=1)

    def fail_over(self) -> None:
        """Have the sentinels choose another primary although this one is well, as operators do."""
        with redis.Redis(port=self.sentinels[0].port, password=self.sentinel_password, socket_timeout=1) as client:
            client.sentinel_failover(MASTER)

    def wait_for_another_primary(self, than: Process, *, within_s: float = 20) -> None:
        """Return when the sentinels have elected, and the elected one takes writes."""

        def elected() -> bool:
            if (port := self._named_port()) == than.port:
                return False
            with redis.Redis(port=port, password=self.password, socket_timeout=1) as client:
                return bool(client.role()[0] == b"master")

        wait_until(elected, within_s=within_s, failure=lambda: "no other primary was elected")

    def _named_port(self) -> int:
        for sentinel in self.sentinels:
            with redis.Redis(port=sentinel.port, password=self.sentinel_password, socket_timeout=1) as client:
                try:
                    return int(client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)[1])
                except (redis.ConnectionError, redis.TimeoutError):
                    continue
        raise LookupError("no sentinel answers")

    def _start(self, keeper: Keeper) -> None:
        for name in ("redis-a", "redis-b"):
            self._run(keeper, name, self._server_lines, self.servers)
        for number in range(_SENTINELS):
            self._run(keeper, f"sentinel-{number + 1}", self._sentinel_lines, self.sentinels)
        wait_until(self._know_each_other, within_s=20, failure=lambda: "the sentinels did not find each other")

    def _run(self, keeper: Keeper, name: str, lines: Callable[[int], list[str]], among: list[Process]) -> None:
        mode = ["--sentinel"] if among is self.sentinels else []

        def command(ports: list[int]) -> list[str]:
            folder = self.folder / name
            folder.mkdir(exist_ok=True)
            file = folder / "redis.conf"
            text = "\n".join([f"port {ports[0]}", "bind 127.0.0.1", f"dir {folder}", *lines(ports[0])]) + "\n"
            # A sentinel keeps what it knows in its own configuration, which stands when it is started again.
            if not (file.exists() and f"port {ports[0]}\n" in file.read_text()):
                file.touch(mode=0o600)
                file.write_text(text)
            return [self._program, str(file), *mode]

        process = Process(keeper, name, command, answers=lambda: self._answers(process))
        among.append(process)
        process.start()

    def _answers(self, process: Process) -> bool:
        secret = self.sentinel_password if process in self.sentinels else self.password
        try:
            with redis.Redis(port=process.port, password=secret, socket_timeout=1) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def _know_each_other(self) -> bool:
        with redis.Redis(port=self.sentinels[-1].port, password=self.sentinel_password, socket_timeout=1) as client:
            state = client.sentinel_master(MASTER)
        return bool(state["num-other-sentinels"] == _SENTINELS - 1 and state["num-slaves"] == 1)

    def _server_lines(self, port: int) -> list[str]:
        lines = [
            'save ""',
            "maxmemory-policy noeviction",
            f'requirepass "{self.password}"',
            f'masterauth "{self.password}"',
            "repl-diskless-sync-delay 0",
        ]
        first = self.servers[0].port
        return lines if port == first else [*lines, f"replicaof 127.0.0.1 {first}"]

    def _sentinel_lines(self, port: int) -> list[str]:
        return [
            f'requirepass "{self.sentinel_password}"',
            f"sentinel monitor {MASTER} 127.0.0.1 {self.servers[0].port} {_QUORUM}",
            f"sentinel down-after-milliseconds {MASTER} {_DOWN_AFTER_MS}",
            f"sentinel failover-timeout {MASTER} 6000",
            f'sentinel auth-pass {MASTER} "{self.password}"',
        ]
