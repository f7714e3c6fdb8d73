"""`manage.py verify_scaling` before three real instances behind nginx: in order, and wrong in each known way."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.management import CommandError, call_command

from tests.live_server import LiveServer, live_servers
from tests.pods import lose_redis, wait_until_all_is_well
from tests.servers.nginx import TEMPLATES
from tests.servers.ports import ReservedPorts
from tests.services import NginxServer, RedisServer, Services, start

_NAMES = ("instance-1", "instance-2", "instance-3")
_BALANCED = (TEMPLATES / "nginx.conf").read_text()
_BY_ADDRESS = _BALANCED.replace("least_conn;", "ip_hash;")
# What nginx sells as `sticky cookie`, and a load balancer does when stickiness is switched on.
_HELD_BY = 'map $cookie_route $held_by { "" $request_id; default $cookie_route; }'
_BY_COOKIE = (
    _BALANCED.replace("least_conn;", "hash $held_by;")
    .replace("    upstream nocturnal", f"    {_HELD_BY}\n    upstream nocturnal")
    .replace("proxy_connect_timeout 2s;", "add_header Set-Cookie route=$held_by always; proxy_connect_timeout 2s;")
)


class Told(NamedTuple):
    code: int
    text: str
    complaint: str

    @property
    def outcomes(self) -> dict[str, str]:
        return {finding["promise"]: finding["outcome"] for finding in json.loads(self.text)["findings"]}

    def sentence(self, promise: str) -> str:
        found = json.loads(self.text)["findings"]
        return str(next(finding["sentence"] for finding in found if finding["promise"] == promise))


def verify(url: str, *options: str) -> Told:
    said, complaint, code = StringIO(), StringIO(), 0
    try:
        call_command("verify_scaling", "--url", url, *options, stdout=said, stderr=complaint)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return Told(code, said.getvalue(), complaint.getvalue())


class Setting(NamedTuple):
    """Three instances and how to put an nginx before them, at the address that they believe to be theirs."""

    services: Services
    pods: list[LiveServer]
    port: int

    @contextmanager
    def behind(self, template: str) -> Iterator[str]:
        with NginxServer([pod.port for pod in self.pods], template=template, port=self.port) as nginx:
            yield nginx.url


@contextmanager
def three(folder: Path, services: Services, variables: Mapping[str, str]) -> Iterator[Setting]:
    ports = ReservedPorts()
    (port,) = ports.take(1)
    common = {**services.environment, "PUBLIC_URL": f"http://127.0.0.1:{port}", "TRUSTED_PROXIES": "1", **variables}
    instances = {name: {**common, "INSTANCE_ID": name} for name in _NAMES}
    with live_servers(folder, instances, migrate=_NAMES[:1]) as pods:
        wait_until_all_is_well(pods)
        ports.release()
        yield Setting(services, pods, port)


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with start(mongo=1, redis=True, s3=True) as running:
        yield running


@pytest.fixture(scope="module")
def right(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    with three(tmp_path_factory.mktemp("right"), services, {}) as setting:
        yield setting


def test_instances_that_share_everything_are_one(right: Setting) -> None:
    with right.behind(_BALANCED) as url:
        told = verify(url)
        left = right.pods[0].ask("/api/health").body

    lines = told.text.splitlines()
    counts = {name: int(number) for number, name in (line.split() for line in lines[:3])}
    assert told.code == 0, told
    assert sum(counts.values()) == 100
    assert all(30 <= counts[name] <= 37 for name in _NAMES), counts
    assert [line.split()[:2] for line in lines[4:]] == [
        [promise, "passed"] for promise in ("Spread", "Tokens", "Limits", "Files", "Removal")
    ]
    assert left["status"] == "ok"


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        (_BY_ADDRESS, "gave every answer, of 3 instances: the proxy is sticky, by address"),
        (_BY_COOKIE, "Sticky: a client that keeps the cookie route is held to one instance."),
    ],
    ids=["by address", "by cookie"],
)
def test_a_sticky_proxy_is_told(right: Setting, template: str, sentence: str) -> None:
    with right.behind(template) as url:
        told = verify(url, "--requests", "30", "--instances", "3", "--json")

    assert told.code == 2
    assert told.outcomes["Spread"] == "failed"
    assert sentence in told.sentence("Spread")
    assert "failed" not in {outcome for promise, outcome in told.outcomes.items() if promise != "Spread"}


def test_files_on_the_instances_own_disks_are_told(services: Services, tmp_path: Path) -> None:
    with (
        three(tmp_path, services, {"USE_S3": "false"}) as setting,
        setting.behind(_BALANCED) as url,
    ):
        told = verify(url, "--requests", "30", "--json")

    assert told.code == 2
    assert told.outcomes == {
        "Spread": "passed", "Tokens": "passed", "Limits": "passed", "Files": "failed", "Removal": "passed",
    }  # fmt: skip
    assert "files are on the instances' own disks. Set USE_S3 and S3_BUCKET." in told.sentence("Files")


def test_limits_that_each_instance_counts_for_itself_are_told(right: Setting) -> None:
    redis: RedisServer = right.services.redis
    redis.kill()
    try:
        lose_redis(right.pods)
        with right.behind(_BALANCED) as url:
            told = verify(url, "--requests", "30", "--json")
    finally:
        redis.start()
        wait_until_all_is_well(right.pods)

    assert told.code == 2
    assert told.outcomes == {
        "Spread": "passed", "Tokens": "passed", "Limits": "failed", "Files": "passed", "Removal": "passed",
    }  # fmt: skip
    assert "Each instance counts for itself" in told.sentence("Limits")


def test_an_address_where_nobody_answers_is_told() -> None:
    ports = ReservedPorts()
    (closed,) = ports.take(1)
    told = verify(f"http://127.0.0.1:{closed}")
    ports.release()

    assert (told.code, told.text) == (2, "")
    assert told.complaint == f"http://127.0.0.1:{closed} did not answer (ConnectionRefusedError).\n"


@pytest.mark.parametrize("wrong", [("--url", "nocturnal"), ("--url", "http://a", "--instances", "1")])
def test_wrong_use_is_told_as_that(wrong: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("verify_scaling", *wrong)

    failure: Any = refused.value
    assert failure.returncode == 1
