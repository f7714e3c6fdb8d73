"""`manage.py list_instances` beside real instances that come, serve, and are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.live_server import ROOT, LiveServer, live_servers
from tests.pods import wait_until_all_is_well
from tests.services import RedisServer

_NAMES = ("pod-1", "pod-2", "pod-3")
_GONE_AFTER_SECONDS = 15
_LIST = [sys.executable, "manage.py", "list_instances"]


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture(scope="module")
def pods(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LiveServer]]:
    common = {"DATA_DIR": str(tmp_path_factory.mktemp("shared")), "REDIS_URL": redis_server.url}
    common["INSTANCES_EXPECTED"] = "10"
    instances = {name: {**common, "INSTANCE_ID": name} for name in _NAMES}
    instances["pod-2"]["DRAIN_SECONDS"] = "6"
    with live_servers(tmp_path_factory.mktemp("pods"), instances, migrate=["pod-1"]) as running:
        wait_until_all_is_well(running)
        yield running


def listed(pod: LiveServer, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command as an operator does, with the configuration that the instances have."""
    return subprocess.run(
        [*_LIST, *options], cwd=ROOT, env=pod.environment, capture_output=True, text=True, timeout=60, check=False
    )


def ids(pod: LiveServer) -> list[str]:
    return [each["id"] for each in json.loads(listed(pod, "--json").stdout)["instances"]]


def row_of(pod: LiveServer, name: str) -> dict[str, Any]:
    return next(each for each in json.loads(listed(pod, "--json").stdout)["instances"] if each["id"] == name)


def test_the_table_has_what_the_dashboard_has(pods: list[LiveServer]) -> None:
    done = listed(pods[0])
    lines = done.stdout.splitlines()

    assert done.returncode == 0
    assert lines[0] == "Active Instances: ▓▓▓░░░░░░░ 3/10"
    assert [line.partition(":")[0] for line in lines[1:4]] == ["Total RPS", "Avg Response", "Error Rate"]
    assert lines[5].split("  ")[0] == "instance"
    assert [line.split()[:2] for line in lines[6:]] == [[name, "serving"] for name in _NAMES]
    for pod, line in zip(pods, lines[6:], strict=True):
        assert f"127.0.0.1:{pod.port}" in line
        assert str(pod.port) not in json.dumps(pod.ask("/api/health").body)  # strangers are not told


def test_what_an_instance_serves_is_told_after_its_next_beat(pods: list[LiveServer]) -> None:
    for _ in range(60):
        pods[1].ask("/api/v1/me")
    deadline = time.monotonic() + 30
    while not (row := row_of(pods[0], "pod-2"))["figures"]["rps"]:
        assert time.monotonic() < deadline

    assert row["figures"]["error_percent"] == 0
    assert 0 < row["figures"]["p50_ms"] <= row["figures"]["p99_ms"]
    assert row["memory_mib"] > 40
    assert row["cpu_percent"] >= 0
    assert row_of(pods[0], "pod-3")["figures"]["rps"] == 0


def test_it_goes_on_by_itself_until_it_is_told_to_end(pods: list[LiveServer]) -> None:
    watching = subprocess.Popen(
        [*_LIST, "--watch", "--json"], cwd=ROOT, env=pods[0].environment, stdout=subprocess.PIPE, text=True
    )
    with watching:
        assert watching.stdout
        seen = [json.loads(watching.stdout.readline()) for _ in range(2)]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 0

    assert [each["active"] for each in seen] == [3, 3]
    assert seen[0]["instances"][0]["up_seconds"] < seen[1]["instances"][0]["up_seconds"]


def test_one_that_drains_is_told_as_that_and_is_gone_with_its_end(pods: list[LiveServer]) -> None:
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(pods[1].stop)
        while (state := row_of(pods[0], "pod-2")["state"]) == "serving":
            assert not stopping.done()

        assert state == "draining"
        stopping.result()
    assert ids(pods[0]) == ["pod-1", "pod-3"]


def test_one_that_is_killed_is_gone_within_fifteen_seconds(pods: list[LiveServer]) -> None:
    os.killpg(pods[2].pid, signal.SIGKILL)
    killed = asked = time.monotonic()
    while "pod-3" in ids(pods[0]):
        assert asked - killed < _GONE_AFTER_SECONDS
        asked = time.monotonic()

    assert ids(pods[0]) == ["pod-1"]
    gone = listed(pods[0]).stdout.splitlines()[-2:]
    assert [line.partition(",")[0] for line in gone] == ["pod-3: lost without a word", "pod-2: ended"]
