"""gunicorn against granian: the complete product behind each, on one core, in turns.

    .venv/bin/python -m benchmarks.servers [--seconds 5] [--rounds 3] [--connections 16] [--services]

Both servers run at the same time, pinned to the first core, and are asked one after the other by wrk on the second;
the rounds alternate, so that a slow minute of the machine meets both. --services puts the records into MongoDB and
the counts and snapshots into Redis, started for the run and not pinned to the server's core. Rate limits are raised
out of the way; logs are written as in production. Wants two cores and wrk (apt-get install wrk).

µs is the CPU time of the server's processes, master and worker, for one request; the rest is what wrk saw.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from nocturnal_project.serving.options import SERVERS
from tests import services
from tests.live_server import LiveServer, live_server

_SERVER_CORE, _CLIENT_CORE = 0, 1
_HIGH = "1000000000"
_VARIABLES = {
    "LOG_FORMAT": "json",
    **{f"RATE_LIMIT_{policy}_{limit}": _HIGH for policy in ("API", "AUTH") for limit in ("NORMAL", "STRICT")},
}
_PATHS = ("/api/health/live", "/api/v1/me")
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Round:
    """What one run of wrk showed."""

    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


def main() -> None:
    arguments = _arguments()
    if shutil.which("wrk") is None:
        sys.exit('wrk is missing: run "apt-get install wrk"')
    if not {_SERVER_CORE, _CLIENT_CORE} <= os.sched_getaffinity(0):
        sys.exit("This needs two cores: one for the server, one for who asks.")
    with ExitStack() as stack:
        os.sched_setaffinity(0, {_CLIENT_CORE})
        around = stack.enter_context(services.start(mongo=1, redis=True)).environment if arguments.services else {}
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nocturnal-servers-")))
        os.sched_setaffinity(0, {_SERVER_CORE})  # what starts now stays there
        running = {
            name: stack.enter_context(
                live_server(data_dir=folder / name, variables=_VARIABLES | around | {"SERVER": name})
            )
            for name in SERVERS
        }
        os.sched_setaffinity(0, {_CLIENT_CORE})
        rounds = _measure(running, arguments)
        _print(rounds, running)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare the servers.")
    parser.add_argument("--seconds", type=int, default=5, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--services", action="store_true", help="with MongoDB and Redis")
    return parser.parse_args()


def _measure(running: dict[str, LiveServer], arguments: argparse.Namespace) -> dict[tuple[str, str], list[Round]]:
    rounds: dict[tuple[str, str], list[Round]] = defaultdict(list)
    for number in range(arguments.rounds + 1):
        for name, server in running.items():
            token = _sign_up(server, f"{name}-{number}")
            for path in _PATHS:
                seen = _round(server, path, token, arguments)
                if number:  # the first is for warming up
                    rounds[path, name].append(seen)
    return rounds


def _sign_up(server: LiveServer, name: str) -> str:
    person = {"email": f"{name}@example.com", "password": "correct horse battery staple", "name": "Alice"}
    answer = server.ask("/api/v1/auth/register", person)
    assert answer.body.get("access_token"), answer
    token: str = answer.body["access_token"]
    return token


def _round(server: LiveServer, path: str, token: str, arguments: argparse.Namespace) -> Round:
    command = ["wrk", "-t1", f"-c{arguments.connections}", f"-d{arguments.seconds}s", "--latency"]
    before = _cpu_seconds(server.pid)
    ran = subprocess.run(
        [*command, "-H", f"Authorization: Bearer {token}", f"{server.url}{path}"],
        capture_output=True,
        text=True,
        check=True,
    )
    used = _cpu_seconds(server.pid) - before
    said = ran.stdout
    assert "Non-2xx" not in said, said
    assert "Socket errors" not in said, said
    requests = int(_found(r"(\d+) requests in", said))
    return Round(
        per_second=float(_found(r"Requests/sec: +([\d.]+)", said)),
        cpu_us=used / requests * 1e6,
        p50_ms=_milliseconds("50%", said),
        p99_ms=_milliseconds("99%", said),
    )


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, text
    return match[1]


def _milliseconds(percentile: str, text: str) -> float:
    match = re.search(rf"{percentile} +([\d.]+)(us|ms|s)\b", text)
    assert match, text
    return float(match[1]) * _UNITS[match[2]]


def _processes(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def _cpu_seconds(pid: int) -> float:
    fields = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in _processes(pid)]
    return sum(int(of_one[11]) + int(of_one[12]) for of_one in fields) / _TICKS


def _memory_mb(pid: int) -> str:
    """Return what master and worker hold; pages that both share are counted half for each (PSS)."""
    sizes = [
        int(_found(r"(?m)^Pss: +(\d+)", Path(f"/proc/{each}/smaps_rollup").read_text())) // 1024
        for each in _processes(pid)
    ]
    return " + ".join(map(str, sizes))


def _print(rounds: dict[tuple[str, str], list[Round]], running: dict[str, LiveServer]) -> None:
    print(f"{'path':<18} {'server':<9} {'requests/s':>10} {'µs CPU':>8} {'p50 ms':>8} {'p99 ms':>8}")
    for path in _PATHS:
        middle = {name: _middle(rounds[path, name]) for name in running}
        for name, seen in middle.items():
            print(
                f"{path:<18} {name:<9} {seen.per_second:>10.0f} {seen.cpu_us:>8.0f} "
                f"{seen.p50_ms:>8.2f} {seen.p99_ms:>8.2f}"
            )
        first, second = (middle[name] for name in SERVERS)
        print(
            f"{'':<18} {SERVERS[1]} / {SERVERS[0]}: requests/s x {second.per_second / first.per_second:.2f}, "
            f"µs x {second.cpu_us / first.cpu_us:.2f}, p99 x {second.p99_ms / first.p99_ms:.2f}"
        )
    for name, server in running.items():
        print(f"memory of {name}, master + worker, MB: {_memory_mb(server.pid)}")


def _middle(rounds: list[Round]) -> Round:
    return Round(*(median(getattr(seen, field) for seen in rounds) for field in Round.__dataclass_fields__))


if __name__ == "__main__":
    main()
