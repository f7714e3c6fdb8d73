"""A signed-in GET /api/v1/me of the complete product, against what it could be and what it usually is.

    .venv/bin/python -m benchmarks.hot_path [--seconds 5] [--rounds 3] [--connections 16] [--server gunicorn|granian]

In one run, on one real MongoDB and one real Redis, each behind the same server with eight threads on the first core,
and asked in turns by wrk on the second:

    nocturnal   the whole product: every middleware, the session, the rate limit, the log line
    idiomatic   benchmarks/sides/idiomatic.py: DRF, SimpleJWT, django-redis throttle, the user from MongoDB
    bare        benchmarks/sides/bare.py: a WSGI callable that makes one round trip to the same Redis

Expected: at least 5 times idiomatic, at least 0.4 of bare. Then the µs of CPU of each layer of the product, in one
process without a server. Wants two cores and wrk (apt-get install wrk).
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import load
from benchmarks.load import CLIENT_CORE, SERVER_CORE, Round
from tests import services
from tests.live_server import live_server

_THREADS = "8"
_SIDES = ("nocturnal", "idiomatic", "bare")
_HIGH = "1000000000"
_VARIABLES = {
    "LOG_FORMAT": "json",
    "THREADS": _THREADS,
    **{f"RATE_LIMIT_{policy}_{limit}": _HIGH for policy in ("API", "AUTH") for limit in ("NORMAL", "STRICT")},
}
_EXPECTED = {"idiomatic": 5.0, "bare": 0.4}


@dataclass(frozen=True)
class Side:
    """One application that runs."""

    url: str
    pid: int
    token: str


def main() -> None:
    """Measure, print, and end with 1 when an expectation does not hold."""
    arguments = _arguments()
    load.require_two_cores_and_wrk()
    rounds: dict[str, list[Round]] = defaultdict(list)
    with ExitStack() as stack:
        os.sched_setaffinity(0, {CLIENT_CORE})  # what is started now stays off the servers' core
        around = stack.enter_context(services.start(mongo=1, redis=True)).environment
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nocturnal-hot-path-")))
        os.sched_setaffinity(0, {SERVER_CORE})
        sides = _start(stack, folder, around, arguments.server)
        os.sched_setaffinity(0, {CLIENT_CORE})
        for number in range(arguments.rounds + 1):
            for name in _SIDES:
                side = sides[name]
                seen = load.one_round(
                    side.url,
                    pid=side.pid,
                    token=side.token,
                    seconds=arguments.seconds,
                    connections=arguments.connections,
                )
                if number:  # the first is for warming up
                    rounds[name].append(seen)
        held = _print({name: load.middle(rounds[name]) for name in _SIDES}, sides, arguments.server)
        environment = os.environ | around | _VARIABLES | {"DATA_DIR": str(folder), "DOTENV": ""}
        os.sched_setaffinity(0, {SERVER_CORE})
        subprocess.run([sys.executable, "-m", "benchmarks.layers"], env=environment, check=True)
    sys.exit(0 if held else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure a signed-in GET.")
    parser.add_argument("--seconds", type=int, default=5, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--server", choices=("gunicorn", "granian"), default="gunicorn", help="behind which all run")
    return parser.parse_args()


def _start(stack: ExitStack, folder: Path, around: dict[str, str], server: str) -> dict[str, Side]:
    ours = stack.enter_context(
        live_server(data_dir=folder / "nocturnal", variables=_VARIABLES | around | {"SERVER": server})
    )
    person = {"email": "alice@example.com", "password": "correct horse battery staple", "name": "Alice"}
    token = ours.ask("/api/v1/auth/register", person).body["access_token"]
    made = subprocess.run(
        [sys.executable, "-m", "benchmarks.sides.idiomatic"],
        env=os.environ | around,
        capture_output=True,
        text=True,
        check=True,
    )
    idiomatic = stack.enter_context(_served("idiomatic", folder, around, server))
    bare = stack.enter_context(_served("bare", folder, around, server))
    return {
        "nocturnal": Side(f"{ours.url}/api/v1/me", ours.pid, token),
        "idiomatic": Side(f"{idiomatic[0]}/api/v1/me", idiomatic[1], made.stdout.split()[-1]),
        "bare": Side(bare[0], bare[1], "nobody"),
    }


@contextmanager
def _served(name: str, folder: Path, around: dict[str, str], server: str) -> Iterator[tuple[str, int]]:
    """Serve one of the other sides as the product is served, and give its URL and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    application = f"benchmarks.sides.{name}:application"
    options = {
        "gunicorn": f"--config python:benchmarks.sides.gunicorn --threads {_THREADS} --bind 127.0.0.1:{port}",
        "granian": f"--interface wsgi --blocking-threads {_THREADS} --http 1 --log-level error --port {port}",
    }
    command = [server, *options[server].split(), application]
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], env=os.environ | around, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        _await(url, process)
        yield url.rstrip("/"), process.pid
    finally:
        process.terminate()
        process.wait(40)


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while True:
        assert process.poll() is None, f"{url} ended with {process.returncode}"
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.1)
        else:
            return


def _print(seen: dict[str, Round], sides: dict[str, Side], server: str) -> bool:
    print(f"behind {server:<10} {'requests/s':>10} {'µs CPU':>8} {'p50 ms':>8} {'p99 ms':>8}  MB (master + worker)")
    for name, side in seen.items():
        figures = f"{side.per_second:>10.0f} {side.cpu_us:>8.0f} {side.p50_ms:>8.2f} {side.p99_ms:>8.2f}"
        print(f"{name:<17} {figures}  {load.memory_mb(sides[name].pid)}")
    held = True
    for name, least in _EXPECTED.items():
        ratio = seen["nocturnal"].per_second / seen[name].per_second
        held = held and ratio >= least
        verdict = "holds" if ratio >= least else "DOES NOT HOLD"
        print(f"nocturnal / {name}: {ratio:.2f} (expected at least {least}: {verdict})")
    return held


if __name__ == "__main__":
    main()
