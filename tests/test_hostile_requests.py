"""Requests that no good client sends, over a real connection to a real server."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live_server import LiveServer, live_server

_HOST = b"Host: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    variables = {"RATE_LIMIT_AUTH_NORMAL": "1000", "RATE_LIMIT_AUTH_STRICT": "1000"}
    with live_server(data_dir=tmp_path_factory.mktemp("hostile"), variables=variables) as running:
        yield running


def _exchange(server: LiveServer, head: bytes, body: bytes = b"", repeat: int = 1) -> tuple[int, dict[str, str], bytes]:
    """Send a request as it stands and return the answer's status, header fields (lower case) and body."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head + b"Connection: close\r\n\r\n")
        try:
            for _ in range(repeat):
                connection.sendall(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server has answered and closed: what counts is what it said
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    top, _, content = received.partition(b"\r\n\r\n")
    if top == b"HTTP/1.1 100 Continue":
        top, _, content = content.partition(b"\r\n\r\n")
    status, *lines = top.decode("latin-1").split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines)
    return int(status.split()[1]), {name.lower(): value for name, value in fields.items()}, content


def _problem(server: LiveServer, head: bytes, body: bytes = b"", repeat: int = 1) -> tuple[int, str]:
    status, fields, content = _exchange(server, head, body, repeat)
    assert fields["content-type"] == "application/problem+json"
    problem = json.loads(content)
    assert problem["status"] == status
    return status, problem["code"]


def test_a_client_that_sends_no_accept_gets_a_problem(server: LiveServer) -> None:
    assert _problem(server, b"GET /nowhere HTTP/1.1\r\n" + _HOST) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "content_type", "code"),
    [
        (b"/api/v1/auth/login", b"application/json", "body_too_large"),
        (b"/api/v1/uploads", b"multipart/form-data; boundary=x", "authentication_required"),
    ],
)
def test_a_65_mb_body_is_refused_before_it_is_read(
    server: LiveServer, path: bytes, content_type: bytes, code: str
) -> None:
    megabyte = b"x" * 1024 * 1024
    head = b"POST %s HTTP/1.1\r\n%sContent-Type: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n" % (
        path, _HOST, content_type, 65 * len(megabyte),
    )  # fmt: skip

    assert _problem(server, head) == (401 if "auth" in code else 413, code)


def test_a_65_mb_body_that_comes_anyway_is_answered_too(server: LiveServer) -> None:
    megabyte = b"x" * 1024 * 1024
    head = b"POST /api/v1/auth/login HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n" % (
        _HOST, 65 * len(megabyte),
    )  # fmt: skip

    assert _problem(server, head, megabyte, repeat=65) == (413, "body_too_large")


def test_a_chunked_body_is_asked_for_its_length(server: LiveServer) -> None:
    head = (
        b"POST /api/v1/auth/login HTTP/1.1\r\n%sContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
        % _HOST
    )

    assert _problem(server, head, b"2\r\n{}\r\n0\r\n\r\n") == (411, "length_required")


def test_a_header_of_8000_bytes_is_taken(server: LiveServer) -> None:
    status, _, _ = _exchange(server, b"GET /api/health/live HTTP/1.1\r\n" + _HOST + b"X-Long: " + b"a" * 8000 + b"\r\n")

    assert status == 200


@pytest.mark.parametrize("size", [9_000, 100_000])
def test_a_longer_header_is_refused_by_the_server(server: LiveServer, size: int) -> None:
    head = b"GET /api/health/live HTTP/1.1\r\n" + _HOST + b"X-Long: " + b"a" * size + b"\r\n"

    status, _, _ = _exchange(server, head)

    assert status in {400, 431}


def test_two_authorization_headers_are_refused(server: LiveServer) -> None:
    twice = b"Authorization: Bearer aaa.bbb.ccc\r\n" * 2

    assert _problem(server, b"GET /api/v1/me HTTP/1.1\r\n" + _HOST + twice) == (401, "invalid_token")


def test_a_foreign_host_is_refused_but_a_probe_is_answered(server: LiveServer) -> None:
    foreign = b"Host: evil.example\r\n"

    assert _problem(server, b"GET /api/v1/me HTTP/1.1\r\n" + foreign) == (400, "malformed_request")
    assert _exchange(server, b"GET /api/health/ready HTTP/1.1\r\n" + foreign)[0] == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GARBAGE\r\n",
        b"GET / HTTP/9.9\r\n",
        b"GET /api/v1/me HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
        b"POST /api/v1/me HTTP/1.1\r\nContent-Length: -1\r\n",
        b"GET /\0 HTTP/1.1\r\n",
    ],
)
def test_what_is_no_http_is_refused_without_a_500(server: LiveServer, head: bytes) -> None:
    status, _, _ = _exchange(server, head)

    assert 400 <= status < 500 or status == 505


def test_after_all_this_the_server_is_well_and_logged_no_bug(server: LiveServer) -> None:
    status, _, content = _exchange(server, b"GET /api/health HTTP/1.1\r\n" + _HOST)

    assert (status, json.loads(content)["status"]) == (200, "ok")
    assert "unhandled error" not in server.log_path.read_text()
    assert Path(server.log_path).stat().st_size < 1_000_000
