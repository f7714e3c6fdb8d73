"""docker-compose.yml from nothing to three instances: a client's journey, a crash, an end, and two instances more."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.docker.stack import ROOT, Load, Stack, compose_command
from tests.servers.base import program, wait_until

_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Alice's part of the tour: what follows is a command for an instance of the same folder.
_TOUR = (ROOT / "README.md").read_text().partition("## The five-minute tour")[2].partition("**Make a staff user.**")[0]
_SLACK = 0.25
_SERVICES = {"app", "migrate", "mongo", "redis", "nginx", "s3", "prometheus"}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """What compose understands of the file."""
    done = subprocess.run(
        [compose_command(), "config", "--format", "json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


def test_every_service_is_held_to_limits_and_rights_and_turns_its_log_over(described: dict[str, Any]) -> None:
    assert set(described["services"]) == _SERVICES
    for name, service in described["services"].items():
        limits = service["deploy"]["resources"]["limits"]
        assert {"cpus", "memory", "pids"} <= set(limits), name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        assert "healthcheck" in service, name


def test_only_what_clients_need_is_published_and_only_on_this_machine(described: dict[str, Any]) -> None:
    published = {name: each["host_ip"] for name, one in described["services"].items() for each in one.get("ports", [])}

    assert published == dict.fromkeys(("nginx", "s3", "prometheus"), "127.0.0.1")


def test_no_secret_is_in_a_variable(described: dict[str, Any]) -> None:
    app = described["services"]["app"]

    assert {secret["source"] for secret in app["secrets"]} == {
        *("secret_key", "jwt_secret", "redis_password", "aws_credentials"),
    }
    assert not {"SECRET_KEY", "JWT_SECRET", "REDIS_PASSWORD", "AWS_SECRET_ACCESS_KEY"} & set(app["environment"])


def test_secrets_are_kept_when_they_are_made_again(tmp_path: Path) -> None:
    def made() -> dict[str, str]:
        command = [sys.executable, "deploy/docker/make_secrets.py", str(tmp_path / "secrets")]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        return {each.name: each.read_text() for each in (tmp_path / "secrets").iterdir()}

    first = made()

    assert made() == first
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    (tmp_path / "secrets" / "redis_password").unlink()
    assert {name for name, value in made().items() if value != first[name]} == {"redis_password"}


def test_the_readme_s_journey_leads_through_nginx(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / ".venv").symlink_to(sys.prefix)
    script = "".join(_BLOCK.findall(_TOUR)).replace("http://127.0.0.1:5000", stack.url)

    done = subprocess.run(
        [program("bash", install="apt-get install bash"), "-eu"],
        input=script,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    said = done.stdout
    assert done.returncode == 0, said + done.stderr
    assert "status 201" in said
    assert "the same bytes" in said
    assert f'"url":"http://s3.localhost:{stack.s3_port}/nocturnal-uploads/' in said.replace(" ", "")
    assert '"code":"rate_limited"' in said.replace(" ", "")


def test_every_instance_gets_its_part(stack: Stack) -> None:
    with Load(stack) as load:
        load.wait_for(600)

    even = load.instances.total() / 3
    print(f"\n{dict(load.instances)}")
    assert load.failed == []
    assert len(load.instances) == 3
    assert all(abs(number - even) <= _SLACK * even for number in load.instances.values()), load.instances


def test_prometheus_finds_every_instance(stack: Stack) -> None:
    def seen() -> list[str]:
        _, answer = stack.get("/api/v1/query?query=nocturnal_instances_total", stack.prometheus_port)
        return [each["value"][1] for each in answer["data"]["result"]] if answer else []

    wait_until(lambda: seen() == ["3"] * 3, within_s=60, failure=lambda: str(seen()))


def test_nginx_keeps_metrics_and_its_own_status_to_itself(stack: Stack) -> None:
    assert stack.get("/metrics")[0] == 404
    assert stack.get("/nginx_status")[0] == 404


def test_nginx_and_gixy_find_nothing_in_what_the_template_became(stack: Stack, tmp_path: Path) -> None:
    configuration = "/tmp/nginx/nginx.conf"
    stack.compose("exec", "-T", "nginx", "nginx", "-t", "-e", "stderr", "-c", configuration)

    (tmp_path / "nginx.conf").write_text(stack.compose("exec", "-T", "nginx", "cat", configuration))
    gixy = program("gixy", install="pip install gixy-ng==0.2.59")
    done = subprocess.run([gixy, str(tmp_path / "nginx.conf")], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_no_get_fails_when_one_instance_crashes_and_another_ends_and_two_more_are_found(stack: Stack) -> None:
    crashed, ended, *_ = stack.containers("app")

    with Load(stack) as load:
        load.wait_for(60)
        stack.engine.run("kill", crashed)
        load.wait_for(60)
        began = time.monotonic()
        stack.engine.run("stop", "--time", "60", ended)
        stopped_in_s = time.monotonic() - began
        load.wait_for(60)
        code = stack.engine.inspect(ended)["State"]["ExitCode"]
        print(f"\n{load.instances.total()} answers, {len(load.failed)} failed, stopped in {stopped_in_s:.1f} s")
        stack.compose("up", "--detach", "--no-build", "--no-deps", "--scale", "app=5", "--wait", "app", within_s=240)
        load.instances.clear()
        wait_until(lambda: len(load.instances) == 5, within_s=60, failure=lambda: str(load.instances))

    print(f"{len(load.failed)} failed in the end")
    assert load.failed == []
    assert code == 0
