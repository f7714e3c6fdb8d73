"""A roll under load loses nothing: the whole topology with the real product, POSTs only, a fifth of them slow.

In short one of three pods is replaced once, at 100 requests a second; with NOCTURNAL_SOAK=1 all, three times, at 200.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.ports import ReservedPorts

PROJECT = Path(__file__).parents[1]
FULL = bool(os.environ.get("NOCTURNAL_SOAK"))
RATE = 200 if FULL else 100
ROUNDS = 3 if FULL else 1
SECONDS = 60 if FULL else 10  # at least; the load goes on until the roll is over
ROLLED = ("pod-1", "pod-2", "pod-3") if FULL else ("pod-1",)
_MANY = "1000000000"
_PODS = 3


class Rolled:
    """A cluster that is rolled under load, again and again."""

    def __init__(self, folder: Path, port: int, first_pod_port: int) -> None:
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"
        self.without_drain = folder / "without-drain"
        limits = {f"RATE_LIMIT_{policy}_{limit}": _MANY for policy in ("API", "AUTH", "UPLOAD")
                  for limit in ("NORMAL", "STRICT")}  # fmt: skip
        self.environment = {
            **os.environ,
            **limits,
            "DOTENV": "",
            "LOG_LEVEL": "info",  # each request's line, to count its id
            "DATA_DIR": str(folder / "data"),
            "CLUSTER_FOLDER": str(folder / "cluster"),
            "CLUSTER_PORT": str(port),
            "CLUSTER_FIRST_POD_PORT": str(first_pod_port),
            "CLUSTER_PODS": str(_PODS),
            "CLUSTER_POD_COMMAND": f"{sys.executable} -m tests.slow_pod",
            "ROLL_WITHOUT_DRAIN": str(self.without_drain),
            "THREADS": "60",  # slow requests wait, which costs threads and no processor
            "DRAIN_SECONDS": "3",
        }

    def cluster(self, *command: str) -> None:
        self._run("-m", "deploy.cluster", *command)

    def verify(self, *roll: str, rate: float = RATE) -> tuple[int, dict[str, Any], str]:
        """Return the exit code, the report for programs, and what was said."""
        report = self.folder / "report.json"
        logs = [str(self.folder / "cluster" / "logs" / f"pod-{number + 1}.log") for number in range(_PODS + 1)]
        command = [sys.executable, "-m", "deploy.cluster", "roll", *roll]
        done = self._run(
            *("manage.py", "verify_rollout", "--url", self.url, "--rate", str(rate), "--seconds", str(SECONDS)),
            *("--writes", "0.05", "--slow-seconds", "0", "--while", shlex.join(command)),
            *("--json", str(report), "--logs", *logs),
            check=False,
        )
        return done.returncode, json.loads(report.read_text()), done.stdout + done.stderr

    def _run(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def rolled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rolled]:
    reserved = ReservedPorts()
    one = Rolled(tmp_path_factory.mktemp("rolled"), *reserved.take(2))
    try:
        one.cluster("up")
        yield one
    finally:
        one.cluster("down")
        reserved.release()


@pytest.mark.parametrize("number", range(1, ROUNDS + 1))
def test_a_roll_under_load_loses_and_doubles_nothing(rolled: Rolled, number: int) -> None:
    code, report, said = rolled.verify(*(() if FULL else ("1",)))

    assert (code, report["failures"], report["doubles"], report["lost"]) == (0, [], [], 0), said
    assert report["sent"] >= RATE * SECONDS, said  # 12,000 in the full form
    assert report["ids_counted"] == report["sent"]
    assert report["rows_counted"] == report["statuses"]["201"]
    assert set(ROLLED) <= set(report["replaced"]), said


def test_the_same_roll_without_the_drain_is_seen_to_lose_requests(rolled: Rolled) -> None:
    rolled.without_drain.touch()
    try:
        code, report, said = rolled.verify("1")
    finally:
        rolled.without_drain.unlink()

    assert code == 2, said
    assert report["failed"] > 0
    assert {failure["fault"] for failure in report["failures"]} == {"answered 502"}, said
    assert report["doubled"] == 0, "nginx repeated a POST that had been sent"
