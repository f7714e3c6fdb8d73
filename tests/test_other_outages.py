"""The product without its Redis or its S3: the real ones, killed or frozen under a running server."""

import json
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.live_server import LiveServer, live_server
from tests.services import Services, start
from uploads.tests import samples


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with start(redis=True, s3=True) as running:
        yield running


@pytest.fixture(scope="module")
def server(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(data_dir=tmp_path_factory.mktemp("outages"), variables=services.environment) as running:
        yield running


def _ask(
    server: LiveServer, path: str, data: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, object], float]:
    request = urllib.request.Request(f"{server.url}{path}", data, headers or {})
    started = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer), time.monotonic() - started
    except HTTPError as error:
        with error:
            return error.code, json.load(error), time.monotonic() - started


def _token(server: LiveServer) -> str:
    person = {"email": f"{uuid.uuid4()}@example.com", "password": "correct horse battery staple"}
    headers = {"Content-Type": "application/json"}
    _, body, _ = _ask(server, "/api/v1/auth/register", json.dumps(person).encode(), headers)
    return str(body["access_token"])


def _upload(server: LiveServer, token: str) -> tuple[int, dict[str, object], float]:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="moon.png"\r\nContent-Type: image/png\r\n\r\n'
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "multipart/form-data; boundary=x"}
    return _ask(server, "/api/v1/uploads", head + samples.PNG + b"\r\n--x--\r\n", headers)


def _await_health(server: LiveServer, name: str, expected: tuple[int, str, str]) -> None:
    """Return when health says so: Redis is used again within five seconds, and what was found is good for two."""
    deadline = time.monotonic() + 8
    while True:
        status, body, _ = _ask(server, "/api/health")
        dependencies = body["dependencies"]
        assert isinstance(dependencies, dict)
        found = (status, str(body["status"]), str(dependencies[name]["status"]))
        if found == expected:
            return
        assert time.monotonic() < deadline, found


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_without_redis_the_api_serves_and_health_says_degraded(
    server: LiveServer, services: Services, how: str
) -> None:
    token = _token(server)
    getattr(services.redis, how)()
    try:
        status, _, seconds = _ask(server, "/api/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert (status, seconds < 1) == (200, True)
        _await_health(server, "cache", (200, "degraded", "down"))
        assert _ask(server, "/api/health/ready")[0] == 200
    finally:
        services.redis.thaw() if how == "freeze" else services.redis.start()
    _await_health(server, "cache", (200, "ok", "ok"))


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_without_s3_uploads_are_503_in_time_and_everything_else_serves(
    server: LiveServer, services: Services, how: str
) -> None:
    token = _token(server)
    assert _upload(server, token)[0] == 201
    getattr(services.s3, how)()
    try:
        status, problem, seconds = _upload(server, token)
        assert (status, problem["code"]) == (503, "service_unavailable")
        assert seconds < 5
        assert _ask(server, "/api/v1/uploads", headers={"Authorization": f"Bearer {token}"})[0] == 200
        _await_health(server, "storage", (200, "degraded", "down"))
    finally:
        services.s3.thaw() if how == "freeze" else services.s3.start()
    deadline = time.monotonic() + 20
    while _upload(server, token)[0] != 201:
        assert time.monotonic() < deadline
    assert "unhandled error" not in Path(server.log_path).read_text()
