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
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

from benchmarks import load
from benchmarks.load import CLIENT_CORE, SERVER_CORE, Round
from nocturnal_project.serving.options import SERVERS
from tests import services
from tests.live_server import LiveServer, live_server

_HIGH = "1000000000"
_VARIABLES = {
    "LOG_FORMAT": "json",
    **{f"RATE_LIMIT_{policy}_{limit}": _HIGH for policy in ("API", "AUTH") for limit in ("NORMAL", "STRICT")},
}
_PATHS = ("/api/health/live", "/api/v1/me")


def main() -> None:
    arguments = _arguments()
    load.require_two_cores_and_wrk()
    with ExitStack() as stack:
        os.sched_setaffinity(0, {CLIENT_CORE})
        around = stack.enter_context(services.start(mongo=1, redis=True)).environment if arguments.services else {}
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nocturnal-servers-")))
        os.sched_setaffinity(0, {SERVER_CORE})  # what starts now stays there
        running = {
            name: stack.enter_context(
                live_server(data_dir=folder / name, variables=_VARIABLES | around | {"SERVER": name})
            )
            for name in SERVERS
        }
        os.sched_setaffinity(0, {CLIENT_CORE})
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
                seen = load.one_round(
                    f"{server.url}{path}",
                    pid=server.pid,
                    token=token,
                    seconds=arguments.seconds,
                    connections=arguments.connections,
                )
                if number:  # the first is for warming up
                    rounds[path, name].append(seen)
    return rounds


def _sign_up(server: LiveServer, name: str) -> str:
    person = {"email": f"{name}@example.com", "password": "correct horse battery staple", "name": "Alice"}
    answer = server.ask("/api/v1/auth/register", person)
    assert answer.body.get("access_token"), answer
    token: str = answer.body["access_token"]
    return token


def _print(rounds: dict[tuple[str, str], list[Round]], running: dict[str, LiveServer]) -> None:
    print(f"{'path':<18} {'server':<9} {'requests/s':>10} {'µs CPU':>8} {'p50 ms':>8} {'p99 ms':>8}")
    for path in _PATHS:
        middle = {name: load.middle(rounds[path, name]) for name in running}
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
        print(f"memory of {name}, master + worker, MB: {load.memory_mb(server.pid)}")


if __name__ == "__main__":
    main()
