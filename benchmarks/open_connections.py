"""Ten thousand connections open at nginx at the same time, each of which asks more than once.

    .venv/bin/python -m benchmarks.open_connections [--connections 10000] [--rounds 3] [--at-once 200] [--instances 3]

nginx with the project's configuration, on one machine with the instances (development settings, no servers besides) and
with who asks. Every connection is opened, asks once, stays open while all others do the same, and asks again in each
round; --at-once of them at the same time. A request that gets no 200 counts as failed, and so does a connection that
nginx has closed. What nginx itself counts as open is read from stub_status when all are.

Connections of idle clients are nginx's to hold; the instances see as many as are asked at once.
"""

import argparse
import asyncio
import http.client
import re
import resource
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from tests.live_server import live_servers
from tests.services import NginxServer

_REQUEST = b"GET /api/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_SPARE_FILES = 200
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Figures:
    """What the clients saw in one round."""

    ms: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main() -> None:
    arguments = _arguments()
    _allow_files(arguments.connections + _SPARE_FILES)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nocturnal-connections-")))
        names = [f"instance-{number}" for number in range(1, arguments.instances + 1)]
        variables = {name: {"INSTANCE_ID": name, "TRUSTED_PROXIES": "1", "LOG_LEVEL": "warning"} for name in names}
        running = stack.enter_context(live_servers(folder, variables, migrate=names))
        nginx = stack.enter_context(NginxServer([server.port for server in running]))
        asyncio.run(_measure(nginx, arguments))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Hold many connections open.")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=200, help="requests at the same time")
    parser.add_argument("--instances", type=int, default=3)
    return parser.parse_args()


def _allow_files(number: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        raise SystemExit(f"This needs {number} open files, and the limit here is {hard}: raise it (ulimit -n).")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number), hard))


async def _measure(nginx: NginxServer, arguments: argparse.Namespace) -> None:
    turn = asyncio.Semaphore(arguments.at_once)
    connections: list[Connection] = []
    print(f"{arguments.connections} connections, {arguments.instances} instances\n")
    print("round  failed  requests/s  p50 ms  p99 ms  open at nginx")
    for number in range(1, arguments.rounds + 1):
        figures = Figures()
        began = time.perf_counter()
        if number == 1:
            opening = (_open(nginx.port, turn, figures) for _ in range(arguments.connections))
            connections = [each for each in await asyncio.gather(*opening) if each]
        else:
            await asyncio.gather(*(_ask(each, turn, figures) for each in connections))
        figures.seconds = time.perf_counter() - began
        _print(number, figures, _open_at(nginx))
    for _, writer in connections:
        writer.close()


async def _open(port: int, turn: asyncio.Semaphore, figures: Figures) -> Connection | None:
    async with turn:
        try:
            connection = await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:
            figures.failed.append(repr(error))
            return None
    await _ask(connection, turn, figures)
    return connection


async def _ask(connection: Connection, turn: asyncio.Semaphore, figures: Figures) -> None:
    reader, writer = connection
    async with turn:
        began = time.perf_counter()
        try:
            writer.write(_REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
        except (OSError, EOFError) as error:
            figures.failed.append(repr(error))
            return
        if not head.startswith(b"HTTP/1.1 200"):
            figures.failed.append(head.partition(b"\r\n")[0].decode())
        figures.ms.append((time.perf_counter() - began) * 1000)


def _open_at(nginx: NginxServer) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", nginx.status_port, timeout=30)
    connection.request("GET", "/nginx_status")
    said = connection.getresponse().read().decode()
    connection.close()
    found = re.search(r"Active connections: (\d+)", said)
    return int(found[1]) if found else 0


def _print(number: int, figures: Figures, open_at_nginx: int) -> None:
    cuts = quantiles(figures.ms or [0.0, 0.0], n=100)
    rate = len(figures.ms) / figures.seconds
    times = f"{cuts[49]:>6.0f}  {cuts[98]:>6.0f}"
    print(f"{number:>5}  {len(figures.failed):>6}  {rate:>10,.0f}  {times}  {open_at_nginx:>13,}")
    for reason in sorted(set(figures.failed))[:5]:
        print(f"       {reason}")


if __name__ == "__main__":
    main()
