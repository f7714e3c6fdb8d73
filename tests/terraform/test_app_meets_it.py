"""The app starts with exactly the variables that Terraform's task definition gives it, and does what the task is asked.

The values are those that were applied, secrets too. Only what stands for a server of Amazon's is a server of this
machine: MongoDB, Redis and S3, with their addresses, and the key that a task's role stands for.
"""

import http.client
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from nocturnal_project.serving.options import GRACE_SECONDS
from tests import services
from tests.live_server import ROOT, LiveServer
from tests.servers.redis import RedisServer
from tests.terraform.journey import DOMAINS, Environment, Journey

_SECONDS = 120
# Their values stay as they are applied; of these the address is another one here.
_ADDRESSES = {"MONGODB_URI", "REDIS_URL", "S3_BUCKET"}


def _container(environment: Environment, name: str) -> dict[str, Any]:
    definitions = json.loads(environment.one("aws_ecs_task_definition", name)["container_definitions"])
    (found,) = (each for each in definitions if each["name"] == name)
    return dict(found)


def _secrets(environment: Environment, container: Mapping[str, Any]) -> dict[str, str]:
    """Return what ECS would give the task: the secrets' applied values, by variable."""
    versions = (each for each in environment.resources() if each["type"] == "aws_secretsmanager_secret_version")
    held = {each["values"]["arn"]: each["values"]["secret_string"] for each in versions}
    return {each["name"]: held[each["valueFrom"]] for each in container["secrets"]}


def _plain(container: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["environment"]}


@dataclass(frozen=True)
class Task:
    """The app as staging's task definition starts it, and what the migration before it said."""

    server: LiveServer
    container: dict[str, Any]
    migrated: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def task(journey: Journey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Task]:
    staging, static = journey.environments["staging"], ROOT / "staticfiles"
    app, migrate = _container(staging, "app"), _container(staging, "migrate")
    secrets = _secrets(staging, app)
    redis, was_collected = RedisServer(password=secrets["REDIS_PASSWORD"]), static.exists()
    with services.start(mongo=1, s3=True) as real:
        services.open_all([redis])
        here = real.environment | {"REDIS_URL": f"redis://127.0.0.1:{redis.port}/0", "BIND_ADDRESS": "127.0.0.1"}
        folder = tmp_path_factory.mktemp("task")

        def variables(container: Mapping[str, Any]) -> dict[str, str]:
            given = _plain(container) | _secrets(staging, container)
            given["DATA_DIR"] = str(folder / Path(given["DATA_DIR"]).name)  # the volume at /tmp
            return {name: value for name, value in given.items() if name != "PORT"} | here

        server = LiveServer(data_dir=folder, variables=variables(app))
        try:
            _run(["manage.py", "collectstatic", "--noinput", "--verbosity", "0"], server.environment)  # the image's
            migrated = _run(migrate["command"][1:], server.environment | variables(migrate))
            server.start(migrate=False)
            yield Task(server, app, migrated)
        finally:
            server.stop()
            services.close_all([redis])
            if not was_collected:
                shutil.rmtree(static, ignore_errors=True)


def _run(arguments: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT, env=dict(environment), capture_output=True, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["app", "migrate"])
def test_every_variable_is_one_that_the_settings_read(environment: Environment, name: str) -> None:
    known = {line.lstrip("# ").partition("=")[0] for line in (ROOT / ".env.example").read_text("utf-8").splitlines()}
    container = _container(environment, name)
    plain, secrets = set(_plain(container)), {each["name"] for each in container["secrets"]}

    assert plain | secrets <= known
    assert plain & secrets == set()
    assert plain >= {"ALLOWED_HOSTS", "INSTANCES_EXPECTED", "NOCTURNAL_ENV", "PUBLIC_URL", "TRUSTED_PROXIES"}


def test_addresses_are_amazons_by_tls(environment: Environment) -> None:
    container = _container(environment, "app")
    given = _plain(container) | _secrets(environment, container)
    redis, mongodb = urlsplit(given["REDIS_URL"]), urlsplit(given["MONGODB_URI"])

    assert given.keys() >= _ADDRESSES
    assert (redis.scheme, redis.password) == ("rediss", None)
    assert redis.hostname == environment.one("aws_elasticache_replication_group", "main")["primary_endpoint_address"]
    assert mongodb.hostname == environment.one("aws_docdb_cluster", "main")["endpoint"]
    assert given["S3_BUCKET"] == environment.outputs["bucket"]


def test_a_task_has_time_to_drain_and_to_finish(environment: Environment) -> None:
    container = _container(environment, "app")
    drain = int(_plain(container)["DRAIN_SECONDS"])

    assert drain >= 10  # what a load balancer takes to send no more
    assert container["stopTimeout"] >= drain + GRACE_SECONDS + 15


def test_the_migration_before_a_roll_does_its_work(task: Task) -> None:
    assert task.migrated.returncode == 0, task.migrated.stderr
    assert "Applying accounts.0001_initial... OK" in task.migrated.stdout


def test_the_load_balancer_finds_it_ready(task: Task, journey: Journey) -> None:
    health = journey.environments["staging"].one("aws_lb_target_group", "app")["health_check"][0]
    connection = http.client.HTTPConnection("127.0.0.1", task.server.port, timeout=30)
    connection.request("GET", health["path"], headers={"Host": "10.20.80.17", "User-Agent": "ELB-HealthChecker/2.0"})

    assert health["path"] == "/api/health/ready"
    assert str(connection.getresponse().status) == health["matcher"]
    connection.close()


def test_the_containers_own_check_finds_it_alive(task: Task) -> None:
    kind, program, option, script = task.container["healthCheck"]["command"]
    here = script.replace("127.0.0.1:5000", f"127.0.0.1:{task.server.port}")

    assert (kind, program, option) == ("CMD", "python", "-c")
    assert script != here
    assert _run([option, here], task.server.environment).returncode == 0
    assert _run([option, here.replace("/api/health/live", "/nowhere")], task.server.environment).returncode == 1


def test_it_says_that_everything_is_shared(task: Task) -> None:
    host = {"Host": DOMAINS["staging"], "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    health = task.server.ask("/api/health", headers=host).body

    assert health["status"] == "ok"
    assert {each["status"] for each in health["dependencies"].values()} == {"ok"}


def test_clients_are_told_to_stay_with_https_and_other_hosts_are_refused(task: Task) -> None:
    host = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    answer = task.server.ask("/api/v1/me", headers=host | {"Host": DOMAINS["staging"]})

    assert (answer.status, answer.body["code"]) == (401, "authentication_required")
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert task.server.ask("/api/v1/me", headers=host | {"Host": "elsewhere.example.com"}).status == 400


def test_system_checks_pass(task: Task) -> None:
    said = _run(["manage.py", "check", "--deploy", "--fail-level", "ERROR"], task.server.environment)

    assert said.returncode == 0, said.stderr
