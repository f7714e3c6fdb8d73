"""The troubleshooting of docs/OPERATIONS.md: three instances, wrong in three ways, are mended one by one."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.live_server import LiveServer, live_servers
from tests.monitoring.files import ROOT
from tests.pods import text_of, wait_until_all_is_well
from tests.servers.nginx import TEMPLATES
from tests.servers.ports import ReservedPorts
from tests.services import NginxServer, Services, start
from tests.test_verify_scaling import Told, verify

_NAMES = ("instance-1", "instance-2", "instance-3")
_TEMPLATE = (TEMPLATES / "nginx.conf").read_text()
_OPERATIONS = (ROOT / "docs" / "OPERATIONS.md").read_text()
_SHARED = ("REDIS_ENABLED", "REDIS_URL")
_STORED = ("USE_S3", "S3_BUCKET", "S3_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass
class Deployment:
    """Three instances with a database, and what else there would be for them."""

    around: Services
    pods: list[LiveServer]
    port: int

    def ask_through(self, template: str) -> tuple[Told, list[float]]:
        """Put an nginx in front; return what verify_scaling says, and how many requests each instance had of it."""
        before = [_requests(pod) for pod in self.pods]
        with NginxServer([pod.port for pod in self.pods], template=template, port=self.port) as nginx:
            told = verify(nginx.url, "--requests", "60", "--instances", "3", "--json")
        return told, [_requests(pod) - earlier for pod, earlier in zip(self.pods, before, strict=True)]

    def set(self, *names: str) -> None:
        """Give every instance variables of its surroundings, and start it anew."""
        variables = {name: self.around.environment[name] for name in names}
        with ThreadPoolExecutor(len(self.pods)) as pool:
            list(pool.map(lambda pod: _restart(pod, variables), self.pods))


def _restart(pod: LiveServer, variables: Mapping[str, str]) -> None:
    pod.stop()
    pod.log_path.unlink()
    pod.environment |= variables
    pod.start(migrate=False)


def _requests(pod: LiveServer) -> float:
    counted = re.findall(r'^nocturnal_http_requests_total\{.*route="(.*?)".*\} (\S+)$', text_of(pod), re.MULTILINE)
    return sum(float(number) for route, number in counted if route not in {"/metrics", "/api/health/ready"})


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    ports = ReservedPorts()
    (port,) = ports.take(1)
    with start(mongo=1, redis=True, s3=True) as around:
        common = {name: value for name, value in around.environment.items() if name not in {*_SHARED, *_STORED}}
        common |= {"PUBLIC_URL": f"http://127.0.0.1:{port}", "TRUSTED_PROXIES": "1", "RATE_LIMIT_AUTH_NORMAL": "100"}
        instances = {name: {**common, "INSTANCE_ID": name} for name in _NAMES}
        with live_servers(tmp_path_factory.mktemp("deployment"), instances, migrate=_NAMES[:1]) as pods:
            ports.release()
            yield Deployment(around, pods, port)


def _told_in_the_document(sentence: str) -> str:
    assert sentence in " ".join(_OPERATIONS.split()), "docs/OPERATIONS.md quotes something else"
    return sentence


def test_uneven_load_is_seen_and_mended(deployment: Deployment) -> None:
    told, requests = deployment.ask_through(_TEMPLATE.replace("least_conn;", "ip_hash;"))

    assert told.code == 2
    assert max(requests) / (sum(requests) / 3) > 2.5  # the panel "The busiest instance over the average"
    assert _told_in_the_document("the proxy is sticky, by address") in told.sentence("Spread")

    told, requests = deployment.ask_through(_TEMPLATE)

    assert told.outcomes["Spread"] == "passed"
    assert max(requests) / (sum(requests) / 3) < 1.5


def test_limits_that_are_not_shared_are_seen_and_mended(deployment: Deployment) -> None:
    told, _ = deployment.ask_through(_TEMPLATE)

    assert told.outcomes["Limits"] == "failed"
    assert _told_in_the_document("Each instance counts for itself") in told.sentence("Limits")
    alone = _told_in_the_document("Rate limiter for auth using local store (single instance only)")
    assert all(alone in pod.log_path.read_text() for pod in deployment.pods)

    deployment.set(*_SHARED)
    wait_until_all_is_well(deployment.pods)

    told, _ = deployment.ask_through(_TEMPLATE)
    assert told.outcomes["Limits"] == "passed"
    together = _told_in_the_document("Rate limiter for auth using Redis store (distributed)")
    assert all(together in pod.log_path.read_text() for pod in deployment.pods)


def test_uploads_that_fail_after_scaling_are_seen_and_mended(deployment: Deployment) -> None:
    told, _ = deployment.ask_through(_TEMPLATE)

    assert told.outcomes["Files"] == "failed"
    assert _told_in_the_document("files are on the instances' own disks") in told.sentence("Files")

    deployment.set(*_STORED)
    wait_until_all_is_well(deployment.pods)

    told, _ = deployment.ask_through(_TEMPLATE)
    assert told.code == 0, told
    assert set(told.outcomes.values()) == {"passed"}
