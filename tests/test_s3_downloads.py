"""Signed URLs that lead to a real S3 server: what it gives out, how, and what it refuses."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.live_server import LiveServer, live_server
from tests.services import start

_BYTES = b"moonlight\n" * 10
_NAME = 'mo"on 世界.txt'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder: Path = tmp_path_factory.mktemp("s3")
    with (
        start(s3=True) as services,
        live_server(data_dir=folder / "data", variables=services.environment) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def bearer(server: LiveServer) -> dict[str, str]:
    person = {"email": "alice@example.com", "password": "correct horse battery staple"}
    return {"Authorization": f"Bearer {server.ask('/api/v1/auth/register', person).body['access_token']}"}


@pytest.fixture(scope="module")
def upload_id(server: LiveServer, bearer: dict[str, str]) -> str:
    name = _NAME.replace('"', "%22")
    body = f'--xyz\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    headers = bearer | {"Content-Type": "multipart/form-data; boundary=xyz"}
    answer = server.ask("/api/v1/uploads", body + _BYTES + b"\r\n--xyz--\r\n", headers=headers)
    assert answer.status == 201, answer.body
    return str(answer.body["id"])


def _url(server: LiveServer, bearer: dict[str, str], upload_id: str, seconds: int = 3600) -> str:
    return str(server.ask(f"/api/v1/uploads/{upload_id}/url?expires_in={seconds}", headers=bearer).body["url"])


def _get(url: str, method: str = "GET", **headers: str) -> tuple[int, bytes, Message]:
    request = urllib.request.Request(url, headers=headers, method=method)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def test_a_download_has_its_name_and_type_and_is_no_page(
    server: LiveServer, bearer: dict[str, str], upload_id: str
) -> None:
    status, content, headers = _get(_url(server, bearer, upload_id))

    shown = server.ask(f"/api/v1/uploads/{upload_id}", headers=bearer).body["filename"]
    assert (status, content, headers["Content-Type"]) == (200, _BYTES, "text/plain")
    assert headers["Content-Disposition"].startswith('attachment; filename="')
    assert headers["Content-Disposition"].endswith(f"filename*=UTF-8''{quote(shown, safe='')}")
    assert "世界" in shown


def test_parts_and_conditions_are_answered(server: LiveServer, bearer: dict[str, str], upload_id: str) -> None:
    url = _url(server, bearer, upload_id)
    _, _, headers = _get(url)

    status, content, part = _get(url, Range="bytes=90-")
    assert (status, content, part["Content-Range"]) == (206, _BYTES[90:], "bytes 90-99/100")
    assert _get(url, Range="bytes=100-")[0] == 416
    assert _get(url, **{"If-None-Match": headers["ETag"]})[0] == 304


def test_instances_give_the_same_url_for_half_its_life(
    server: LiveServer, bearer: dict[str, str], upload_id: str
) -> None:
    assert _url(server, bearer, upload_id) == _url(server, bearer, upload_id)
    assert _url(server, bearer, upload_id, 600) != _url(server, bearer, upload_id)


def test_what_is_altered_or_over_or_another_method_is_refused(
    server: LiveServer, bearer: dict[str, str], upload_id: str
) -> None:
    url = _url(server, bearer, upload_id)

    for altered in (
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.replace("X-Amz-Expires=3600", "X-Amz-Expires=36000"),
        url.replace("attachment", "inline"),
        url.partition("?")[0],
    ):
        assert _get(altered)[0] in (400, 403), altered
    assert _get(url, method="PUT")[0] in (403, 405)
    assert _get(url, method="DELETE")[0] in (403, 405)

    ends_now = _url(server, bearer, upload_id, 1)
    time.sleep(2.5)
    assert _get(ends_now)[0] == 403
    assert _get(url)[0] == 200


def test_a_url_ends_with_its_file(server: LiveServer, bearer: dict[str, str]) -> None:
    headers = bearer | {"Content-Type": "multipart/form-data; boundary=xyz"}
    form = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n--xyz--\r\n'
    made = server.ask("/api/v1/uploads", form, headers=headers).body["id"]
    url = _url(server, bearer, made)
    assert _get(url)[:2] == (200, b"hello")

    assert server.ask(f"/api/v1/uploads/{made}", method="DELETE", headers=bearer).status == 204

    assert _get(url)[0] == 404
