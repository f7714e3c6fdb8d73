"""`make cluster` as its user meets it: real servers and nginx, with a small application in the instances."""

import http.client
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.ports import ReservedPorts

PROJECT = Path(__file__).parents[1]

_APPLICATION = """
    import json, os, time

    from nocturnal_project import draining

    STARTED = time.time()

    def application(environ, start_response):
        if draining.has_begun() and environ["PATH_INFO"] == "/api/health/ready":
            start_response("503 Service Unavailable", [("Content-Type", "application/json")])
            return [b"{}"]
        length = int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"].read(length)
        facts = {
            "instance": os.environ["INSTANCE_ID"],
            "version": "1.2.3",
            "uptime_seconds": time.time() - STARTED,
            "uses": sorted(set(os.environ) & {"MONGODB_URI", "REDIS_URL", "S3_ENDPOINT_URL", "SECRET_KEY"}),
        }
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(facts).encode()]
"""
# As the product drains, for two seconds.
_SERVER = f"""
    import os, sys

    sys.path.insert(0, {str(PROJECT)!r})
    from nocturnal_project.serving.with_gunicorn import DrainingWorker as worker_class

    bind = "127.0.0.1:" + os.environ["PORT"]
    threads, keepalive, graceful_timeout, control_socket_disable = 4, 75, 40, True

    def post_fork(server, worker):
        worker.drain_seconds = 2
"""
_MANAGE = """
    import os, sys

    with open(os.environ["CLUSTER_TEST_CALLS"], "a") as calls:
        calls.write(" ".join(sys.argv[1:]) + "\\n")
    if sys.argv[1] == os.environ.get("CLUSTER_TEST_FAILS"):
        sys.exit("the database said no")
"""


_COLUMNS = ("pod", "port", "pid", "state", "live", "ready", "instance", "version", "uptime")


class Cluster:
    """The commands, with a folder, ports and an application of the test's own."""

    def __init__(self, place: Path, first_pod_port: int, port: int) -> None:
        (place / "app.py").write_text(textwrap.dedent(_APPLICATION))
        (place / "manage.py").write_text(textwrap.dedent(_MANAGE))
        (place / "conf.py").write_text(textwrap.dedent(_SERVER))
        self.folder, self.port, self.first_pod_port = place / "cluster", port, first_pod_port
        self.calls = place / "calls"
        self.environment = {
            **os.environ,
            "CLUSTER_FOLDER": str(self.folder),
            "CLUSTER_PORT": str(port),
            "CLUSTER_FIRST_POD_PORT": str(first_pod_port),
            "CLUSTER_PODS": "2",
            "CLUSTER_POD_COMMAND": f"{sys.executable} -m gunicorn -c {place}/conf.py --chdir {place} app",
            "CLUSTER_MANAGE_COMMAND": f"{sys.executable} {place}/manage.py",
            "CLUSTER_TEST_CALLS": str(self.calls),
        }

    def begin(self, *command: str, **variables: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.cluster", *command],
            cwd=PROJECT,
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def do(self, *command: str, **variables: str) -> tuple[int, str]:
        """Return the exit code and what was said."""
        process = self.begin(*command, **variables)
        said, complained = process.communicate(timeout=120)
        return process.returncode, said + complained

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return state

    def rows(self) -> list[dict[str, Any]]:
        code, said = self.do("status", "--json")
        assert code == 0, said
        rows: list[dict[str, Any]] = json.loads(said)["rows"]
        return rows

    def ask(self, method: str = "GET") -> tuple[int, str]:
        """Return the status and the instance that answered through nginx."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, "/", body=b"x" if method == "POST" else None)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()).get("instance", "")
        finally:
            connection.close()


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    reserved = ReservedPorts()
    port, first = reserved.take(2)
    yield first, port
    reserved.release()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, ports: tuple[int, int]) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("running"), *ports)
    code, said = cluster.do("up")
    assert code == 0, said
    yield cluster
    code, said = cluster.do("down")
    assert code == 0, said
    assert not cluster.folder.exists()


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Cluster]:
    reserved = ReservedPorts()
    cluster = Cluster(tmp_path, *reserved.take(2))
    yield cluster
    cluster.do("down")
    reserved.release()


def test_it_migrates_once_makes_a_staff_user_and_spreads_requests(running: Cluster) -> None:
    calls = running.calls.read_text().splitlines()
    assert calls == ["collectstatic --noinput", "migrate --noinput", "createsuperuser --noinput"]
    answers = [running.ask() for _ in range(40)]
    assert {status for status, _ in answers} == {200}
    assert {instance for _, instance in answers} == {"pod-1", "pod-2"}


def test_its_secrets_are_for_its_owner_only(running: Cluster) -> None:
    for name in ("secrets.json", "state.json"):
        assert (running.folder / name).stat().st_mode & 0o777 == 0o600
    assert running.folder.stat().st_mode & 0o777 == 0o700


def test_the_status_names_each_pod(running: Cluster) -> None:
    code, said = running.do("status")
    assert code == 0
    assert said.split()[:9] == [
        "pod",
        "port",
        "pid",
        "state",
        "live",
        "ready",
        "instance",
        "version",
        "uptime",
    ]
    row = said.splitlines()[1].split()
    assert row[:2] == ["pod-1", str(running.first_pod_port)]
    assert row[3:8] == ["running", "yes", "yes", "pod-1", "1.2.3"]


def test_a_second_cluster_is_refused_in_one_sentence(running: Cluster) -> None:
    code, said = running.do("up")
    assert code == 1
    assert said.startswith("A cluster already runs in ")
    assert len(said.splitlines()) == 1


def test_a_killed_pod_stays_away_costs_no_request_and_can_be_started(running: Cluster) -> None:
    assert running.do("kill", "2")[0] == 0
    assert {running.ask("POST" if number % 2 else "GET") for number in range(30)} == {(200, "pod-1")}
    assert [row["state"] for row in running.rows()] == ["running", "killed"]
    assert running.do("start", "2")[0] == 0
    assert {instance for _, instance in (running.ask() for _ in range(20))} == {"pod-1", "pod-2"}


def test_a_pod_that_does_not_exist_is_named(running: Cluster) -> None:
    assert running.do("kill", "7") == (1, "there is no pod 7; the pods are 1 to 2\n")


def test_a_roll_replaces_every_pod_and_loses_no_request(running: Cluster) -> None:
    before = {row["pid"] for row in running.rows()}
    answers: list[int] = []
    rolled = threading.Event()

    def load(method: str) -> None:
        while not rolled.is_set():
            answers.append(running.ask(method)[0])

    clients = [threading.Thread(target=load, args=(method,)) for method in ("GET", "POST") * 4]
    for client in clients:
        client.start()
    code, said = running.do("roll")
    rolled.set()
    for client in clients:
        client.join()
    assert code == 0, said
    assert len(answers) > 100
    assert set(answers) == {200}
    rows = running.rows()
    assert [(row["pod"], row["ready"]) for row in rows] == [("pod-1", True), ("pod-2", True)]
    assert not before & {row["pid"] for row in rows}


def test_one_pod_can_be_rolled_alone(running: Cluster) -> None:
    before = {row["pod"]: row["pid"] for row in running.rows()}
    assert running.do("roll", "2")[0] == 0
    after = {row["pod"]: row["pid"] for row in running.rows()}
    assert after["pod-1"] == before["pod-1"]
    assert after["pod-2"] != before["pod-2"]


def test_commands_without_a_cluster_say_so(stopped: Cluster) -> None:
    for command in (("status",), ("kill", "1"), ("roll",)):
        assert stopped.do(*command) == (1, "No cluster is running: start one with `make cluster`.\n")
    assert stopped.do("down") == (0, "No cluster is running.\n")


def test_a_wrong_number_of_pods_is_named(stopped: Cluster) -> None:
    code, said = stopped.do("up", CLUSTER_PODS="none")
    assert (code, said) == (1, "CLUSTER_PODS must be a whole number from 1 to 65535, not 'none'\n")


def test_a_start_that_fails_says_why_keeps_its_logs_and_leaves_nothing_running(stopped: Cluster) -> None:
    code, said = stopped.do("up", CLUSTER_TEST_FAILS="migrate")
    assert code == 1
    assert "migrate ended with code 1:\nthe database said no" in said
    assert "the database said no" in (stopped.folder / "logs" / "migrate.log").read_text()
    assert _processes_in(stopped.folder) == []
    assert stopped.do("status")[0] == 1


def test_a_folder_that_is_somebody_elses_is_left_alone(stopped: Cluster) -> None:
    stopped.folder.mkdir()
    (stopped.folder / "thesis.txt").write_text("years of work")
    code, said = stopped.do("up")
    assert code == 1
    assert "is not a cluster's" in said
    assert (stopped.folder / "thesis.txt").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_start_that_is_called_off_leaves_nothing(stopped: Cluster, number: signal.Signals) -> None:
    starting = stopped.begin("up")
    assert starting.stdout
    assert starting.stderr
    with starting.stdout, starting.stderr:
        starting.stdout.readline()
        time.sleep(1)
        starting.send_signal(number)
        assert starting.wait(60) in {130, -9}
    _wait_for(lambda: not stopped.folder.exists() and not _processes_in(stopped.folder))


def test_what_a_crash_left_behind_is_replaced(stopped: Cluster) -> None:
    assert stopped.do("up")[0] == 0
    os.kill(stopped.state()["supervisor"], signal.SIGKILL)
    _wait_for(lambda: not _processes_in(stopped.folder))
    assert (stopped.folder / "state.json").exists()
    assert stopped.do("status") == (1, "No cluster is running: start one with `make cluster`.\n")
    assert stopped.do("up")[0] == 0
    assert [row["ready"] for row in stopped.rows()] == [True, True]
    assert stopped.do("down")[0] == 0
    assert not stopped.folder.exists()
    assert _processes_in(stopped.folder) == []


def _wait_for(check: Any) -> None:
    deadline = time.monotonic() + 30
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _processes_in(folder: Path) -> list[str]:
    """Every process that works in the folder or was started with its name."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, place = (process / "cmdline").read_text(), str((process / "cwd").readlink())
            environment = (process / "environ").read_bytes()
        except OSError:
            continue  # it ended while we looked
        named = f"CLUSTER_FOLDER={folder}".encode() in environment
        if str(folder) in command or place.startswith(str(folder)) or named:
            found.append(command)
    return found
