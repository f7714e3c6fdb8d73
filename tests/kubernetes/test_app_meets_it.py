"""The app starts with exactly the variables and files that a pod gets, and answers the pod's probes."""

import base64
import http.client
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import services
from tests.kubernetes.rendered import ROOT, Manifest, Rendered, rendered
from tests.live_server import LiveServer
from tests.servers.redis import RedisServer

_SECRETS = "/run/secrets/nocturnal"
_STOP_SECONDS = 75


def _app(overlay: Rendered) -> Manifest:
    return dict(overlay.one("Deployment", "nocturnal-app")["spec"]["template"]["spec"]["containers"][0])


def _config(overlay: Rendered) -> dict[str, str]:
    (data,) = (each["data"] for each in overlay.of("ConfigMap") if "NOCTURNAL_ENV" in each["data"])
    return dict(data)


def test_every_variable_is_one_that_the_settings_read() -> None:
    overlay = rendered("production")
    known = {line.lstrip("# ").partition("=")[0] for line in (ROOT / ".env.example").read_text().splitlines()}
    job = overlay.one("Job", "nocturnal-migrate")["spec"]["template"]["spec"]["containers"][0]

    for container in (_app(overlay), job):
        names = {each["name"].removesuffix("_FILE") for each in container["env"]} | set(_config(overlay))
        assert names <= known


@dataclass(frozen=True)
class Pod:
    """The app as the staging overlay starts it, and the container it is."""

    server: LiveServer
    container: Manifest


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """One pod beside real servers: only their addresses and passwords are not the manifests' own."""
    overlay, folder = rendered("staging"), tmp_path_factory.mktemp("pod")
    container, static = _app(overlay), ROOT / "staticfiles"
    (secret,) = (each["data"] for each in overlay.of("Secret") if "SECRET_KEY" in each["data"])
    secret = {name: base64.b64decode(value).decode() for name, value in secret.items()}
    redis, was_collected = RedisServer(password=secret["REDIS_PASSWORD"]), static.exists()
    with services.start(mongo=1, s3=True) as real:
        services.open_all([redis])
        variables = _variables(container, overlay, secret | {"MONGODB_URI": real.mongo.uri}, folder)
        variables |= {name: value for name, value in real.environment.items() if name != "MONGODB_URI"}
        variables |= {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis.port), "BIND_ADDRESS": "127.0.0.1"}
        variables["DRAIN_SECONDS"] = "1"  # its own is for who sends it requests, and nobody does
        server = LiveServer(data_dir=folder / "data", variables=variables)
        try:
            subprocess.run(
                [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
                cwd=ROOT, env=server.environment, check=True, timeout=60,
            )  # fmt: skip
            server.start()
            yield Pod(server, container)
        finally:
            server.stop()
            services.close_all([redis])
            if not was_collected:
                shutil.rmtree(static, ignore_errors=True)


def _variables(container: Manifest, overlay: Rendered, secret: dict[str, str], folder: Path) -> dict[str, str]:
    mounted = folder / "secrets"
    mounted.mkdir()
    for name, value in secret.items():
        (mounted / name).write_text(value)
    own = {each["name"]: each.get("value", "nocturnal-app-5d9c-x2v4k") for each in container["env"]}
    own = {name: value.replace(_SECRETS, str(mounted)) for name, value in own.items()}
    return {name: value for name, value in _config(overlay).items() if name != "PORT"} | own


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_the_probes_are_answered_as_the_kubelet_asks(pod: Pod, probe: str) -> None:
    path = pod.container[probe]["httpGet"]["path"]
    connection = http.client.HTTPConnection("127.0.0.1", pod.server.port, timeout=30)
    connection.request("GET", path, headers={"Host": "10.42.3.17:5000", "User-Agent": "kube-probe/1.32"})

    assert connection.getresponse().status == 200
    connection.close()


def test_it_says_that_it_is_the_pod_and_that_everything_is_shared(pod: Pod) -> None:
    health = pod.server.ask("/api/health", headers={"Host": "staging.nocturnal.com"}).body

    assert (health["status"], health["instance"]) == ("ok", "nocturnal-app-5d9c-x2v4k")
    assert {each["status"] for each in health["dependencies"].values()} == {"ok"}
