"""Small pictures asked for by many at once, of two instances with MongoDB and S3, and while S3 is away."""

import http.client
import time
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle, islice
from urllib.parse import urlsplit

import pytest

from tests.live_server import LiveServer, live_servers
from tests.services import S3Server, start
from uploads.tests import pictures

_AT_ONCE = 50
_PERSON = {"email": "alice@example.com", "password": "correct horse battery staple"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[LiveServer], S3Server]]:
    with ExitStack() as stack:
        services = stack.enter_context(start(mongo=True, s3=True))
        instances = {"a": services.environment, "b": services.environment}
        servers = live_servers(tmp_path_factory.mktemp("thumbnails"), instances, migrate=["a"])
        yield stack.enter_context(servers), services.s3


@pytest.fixture(scope="module")
def token(running: tuple[list[LiveServer], S3Server]) -> str:
    return str(running[0][0].ask("/api/v1/auth/register", _PERSON).body["access_token"])


def _uploaded(server: LiveServer, token: str) -> str:
    content = pictures.painted("PNG", (1200, 900))
    body = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + content + b"\r\n--xyz--"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "multipart/form-data; boundary=xyz"}
    return str(server.ask("/api/v1/uploads", body + b"\r\n", headers=headers).body["id"])


def _thumbnail(server: LiveServer, token: str, upload_id: str) -> tuple[int, str, float]:
    """Return status, Location and seconds of one answer, its redirect not followed."""
    started = time.monotonic()
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    try:
        headers = {"Authorization": f"Bearer {token}"}
        connection.request("GET", f"/api/v1/uploads/{upload_id}/thumbnail", headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Location", ""), time.monotonic() - started
    finally:
        connection.close()


def _get(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
        return bytes(answer.read())


def test_fifty_at_once_are_all_given_one_picture(running: tuple[list[LiveServer], S3Server], token: str) -> None:
    servers, _ = running
    upload_id = _uploaded(servers[0], token)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda server: _thumbnail(server, token, upload_id), islice(cycle(servers), _AT_ONCE)))

    assert {status for status, _, _ in answers} == {302}
    locations = {location for _, location, _ in answers}
    assert len({urlsplit(location).path for location in locations}) == 1
    content = {_get(location) for location in locations}
    assert [(each[:4], each[8:12]) for each in content] == [(b"RIFF", b"WEBP")]


def test_while_s3_is_away_it_is_503_and_afterwards_as_before(
    running: tuple[list[LiveServer], S3Server], token: str
) -> None:
    (server, _), s3 = running
    upload_id = _uploaded(server, token)

    s3.freeze()
    try:
        status, _, seconds = _thumbnail(server, token, upload_id)
        nobodys, _, _ = _thumbnail(server, token, str(uuid.uuid4()))
    finally:
        s3.thaw()
    afterwards, location, _ = _thumbnail(server, token, upload_id)

    assert (status, nobodys, afterwards) == (503, 404, 302)
    assert seconds < 10  # S3 is waited for three seconds, and the machine may be slow
    assert _get(location)[8:12] == b"WEBP"
