"""Requests that no good client sends, over a real connection to a real server; the same behind each server.

What a server is known to do differently is marked where it is asked, and docs/decisions/0003-server.md weighs it.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nocturnal_project.serving.options import SERVERS
from tests.live_server import LiveServer, live_server
from tests.raw_http import CLOSE, HOST, Connection, RawAnswer, exchange

_PASSWORD = "correct horse battery staple"
_VARIABLES = {
    "RATE_LIMIT_AUTH_NORMAL": "1000",
    "RATE_LIMIT_AUTH_STRICT": "1000",
    "TRUSTED_PROXIES": "1",
    "PUBLIC_URL": "https://api.example.com",  # so that HSTS tells what the server takes the scheme for
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, LiveServer]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                live_server(data_dir=tmp_path_factory.mktemp(name), variables=_VARIABLES | {"SERVER": name})
            )
            for name in SERVERS
        }


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, running: dict[str, LiveServer]) -> LiveServer:
    return running[request.param]


def not_on(name: str, reason: str) -> pytest.MarkDecorator:
    """Expect one of the servers to fail the test, and say so on the day it no longer does."""
    mark = pytest.mark.xfail(strict=True, reason=reason)
    each = [pytest.param(server, marks=[mark] if server == name else []) for server in SERVERS]
    return pytest.mark.parametrize("server", each, indirect=True)


def _exchange(server: LiveServer, head: bytes, body: bytes = b"", repeat: int = 1) -> RawAnswer:
    """Send a request as it stands and return the answer."""
    return exchange(server.port, head + CLOSE + body * repeat)


def _problem(server: LiveServer, head: bytes, body: bytes = b"", repeat: int = 1) -> tuple[int, str]:
    answer = _exchange(server, head, body, repeat)
    assert answer.fields["content-type"] == "application/problem+json"
    problem = json.loads(answer.body)
    assert problem["status"] == answer.status
    return answer.status, problem["code"]


def test_a_client_that_sends_no_accept_gets_a_problem(server: LiveServer) -> None:
    assert _problem(server, b"GET /nowhere HTTP/1.1\r\n" + HOST) == (404, "not_found")


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
        path, HOST, content_type, 65 * len(megabyte),
    )  # fmt: skip

    assert _problem(server, head) == (401 if "auth" in code else 413, code)


def test_a_65_mb_body_that_comes_anyway_is_answered_too(server: LiveServer) -> None:
    megabyte = b"x" * 1024 * 1024
    head = b"POST /api/v1/auth/login HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n" % (
        HOST, 65 * len(megabyte),
    )  # fmt: skip

    assert _problem(server, head, megabyte, repeat=65) == (413, "body_too_large")


def test_a_chunked_body_is_asked_for_its_length(server: LiveServer) -> None:
    head = (
        b"POST /api/v1/auth/login HTTP/1.1\r\n%sContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n" % HOST
    )

    assert _problem(server, head, b"2\r\n{}\r\n0\r\n\r\n") == (411, "length_required")


def test_a_header_of_8000_bytes_is_taken(server: LiveServer) -> None:
    status = _exchange(server, b"GET /api/health/live HTTP/1.1\r\n" + HOST + b"X-Long: " + b"a" * 8000 + b"\r\n").status

    assert status == 200


@pytest.mark.parametrize("size", [20_000, 100_000])
def test_a_much_longer_header_is_refused_by_the_server(server: LiveServer, size: int) -> None:
    head = b"GET /api/health/live HTTP/1.1\r\n" + HOST + b"X-Long: " + b"a" * size + b"\r\n"

    assert _exchange(server, head).status in {400, 431}


@not_on("granian", "it bounds the head as a whole")
def test_a_header_of_9000_bytes_is_refused_by_the_server(server: LiveServer) -> None:
    head = b"GET /api/health/live HTTP/1.1\r\n" + HOST + b"X-Long: " + b"a" * 9000 + b"\r\n"

    assert _exchange(server, head).status in {400, 431}


def test_90_headers_are_taken_and_300_refused(server: LiveServer) -> None:
    def status(count: int) -> int:
        fields = b"".join(b"X-%d: a\r\n" % number for number in range(count))
        return _exchange(server, b"GET /api/health/live HTTP/1.1\r\n" + HOST + fields).status

    assert status(90) == 200
    assert status(300) in {400, 431}


@not_on("granian", "it takes 100, and cannot be told otherwise")
def test_190_headers_are_taken(server: LiveServer) -> None:
    fields = b"".join(b"X-%d: a\r\n" % number for number in range(190))

    assert _exchange(server, b"GET /api/health/live HTTP/1.1\r\n" + HOST + fields).status == 200


def test_an_overlong_request_line_is_refused(server: LiveServer) -> None:
    status = _exchange(server, b"GET /%s HTTP/1.1\r\n" % (b"a" * 20_000) + HOST).status

    assert status in {400, 414, 431}


def _signed_in(server: LiveServer) -> dict[str, str]:
    person = {"email": "alice@example.com", "password": _PASSWORD, "name": "Alice"}
    answer = server.ask("/api/v1/auth/register", person)
    if answer.status == 409:
        answer = server.ask("/api/v1/auth/login", {"email": person["email"], "password": _PASSWORD})
    tokens: dict[str, str] = answer.body
    return tokens


def test_a_good_token_beside_another_authorization_signs_nobody_in(server: LiveServer) -> None:
    good = f"Authorization: Bearer {_signed_in(server)['access_token']}\r\n".encode()
    me = b"GET /api/v1/me HTTP/1.1\r\n" + HOST

    assert _exchange(server, me + good).status == 200
    for other in (
        good,
        b"Authorization: Bearer a.b.c\r\n",
        b"Authorization: \xe9\r\n",
        b"authorization: Basic eDp5\r\n",
    ):
        assert _problem(server, me + good + other) == (401, "invalid_token")
        assert _problem(server, me + other + good) == (401, "invalid_token")


def _left(server: LiveServer, fields: bytes) -> int:
    """Return what the address that the request is counted by has left."""
    answer = _exchange(server, b"GET /api/v1/nowhere HTTP/1.1\r\n" + HOST + fields)
    return int(answer.fields["ratelimit"].partition(";r=")[2].partition(";")[0])


def test_the_address_is_the_one_our_proxy_wrote(server: LiveServer) -> None:
    before = _left(server, b"X-Forwarded-For: 198.51.100.1\r\n")

    assert _left(server, b"X-Forwarded-For: 203.0.113.9, 198.51.100.1\r\n") == before - 1
    assert _left(server, b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 198.51.100.1\r\n") == before - 2
    assert _left(server, b"X_Forwarded_For: 203.0.113.9\r\nX-Forwarded-For: 198.51.100.1\r\n") == before - 3


@not_on("granian", "X_Forwarded_For after X-Forwarded-For takes its place")
def test_a_header_with_underscores_never_takes_the_place_of_one_with_hyphens(server: LiveServer) -> None:
    before = _left(server, b"X-Forwarded-For: 198.51.100.2\r\n")

    assert _left(server, b"X-Forwarded-For: 198.51.100.2\r\nX_Forwarded_For: 203.0.113.9\r\n") == before - 1


@not_on("granian", "a value with a byte above 127 arrives empty, our proxy's part of it too")
def test_what_a_client_writes_into_the_header_does_not_hide_its_address(server: LiveServer) -> None:
    before = _left(server, b"X-Forwarded-For: 198.51.100.3\r\n")

    assert _left(server, b"X-Forwarded-For: \xe9, 198.51.100.3\r\n") == before - 1


def test_the_scheme_is_the_one_our_proxy_wrote(server: LiveServer) -> None:
    def is_https(fields: bytes) -> bool:
        answer = _exchange(server, b"GET /api/health/live HTTP/1.1\r\n" + HOST + fields)
        return "strict-transport-security" in answer.fields

    assert is_https(b"X-Forwarded-Proto: https\r\n")
    assert not is_https(b"")
    assert not is_https(b"X-Forwarded-Ssl: on\r\nX-Forwarded-Protocol: ssl\r\n")


@pytest.mark.parametrize(
    ("path", "instance"),
    [
        (b"/api/v1/a%2Fb", "/api/v1/a/b"),
        (b"/api/v1/a%20b%25", "/api/v1/a b%"),
        (b"/api/v1/%C3%A9", "/api/v1/é"),
        (b"/api/v1/%FF", "/api/v1/%FF"),
        (b"/api/v1/../v1/x//y;z", "/api/v1/../v1/x//y;z"),
    ],
)
def test_a_path_is_decoded_once_and_kept_otherwise(server: LiveServer, path: bytes, instance: str) -> None:
    answer = _exchange(server, b"GET %s?q=1 HTTP/1.1\r\n" % path + HOST)

    assert answer.status == 404
    assert json.loads(answer.body)["instance"] == instance


@not_on("gunicorn", "its parser in C decodes such a byte twice")
def test_a_path_with_bytes_that_should_have_been_quoted_is_taken_as_utf_8(server: LiveServer) -> None:
    answer = _exchange(server, "GET /api/v1/é HTTP/1.1\r\n".encode() + HOST)

    assert json.loads(answer.body)["instance"] == "/api/v1/é"


SMUGGLED = b"GET /api/v1/me HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % (5 + len(SMUGGLED)), b"0\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n"),
        (b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(SMUGGLED), b""),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n"),
        (b"Transfer-Encoding: xchunked\r\n", b""),
        (b"Transfer-Encoding: \x0bchunked\r\n", b""),
        (b"Transfer-Encoding : chunked\r\n", b""),
        (b"Content-Length: +0\r\n", b""),
        (b"Content-Length: 0,0\r\n", b""),
        (b"X: a\r\n Content-Length: 5\r\n", b""),
    ],
)
def test_a_request_whose_length_is_ambiguous_carries_no_second_one(
    server: LiveServer, fields: bytes, body: bytes
) -> None:
    with Connection(server.port, timeout_s=5) as connection:
        connection.send(b"POST /api/v1/auth/login HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body + SMUGGLED)

        assert connection.answer().status in {400, 411}
        assert b"HTTP/1.1" not in connection.rest()


def test_a_body_that_nobody_read_is_not_taken_for_the_next_request(server: LiveServer) -> None:
    with Connection(server.port) as connection:
        length = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED)
        connection.send(b"POST /api/v1/nowhere HTTP/1.1\r\n" + HOST + length + SMUGGLED)
        connection.send(b"GET /api/health/live HTTP/1.1\r\n" + HOST + b"\r\n")

        assert [connection.answer().status for _ in range(2)] == [404, 200]


def test_answers_to_head_and_204_and_304_have_no_body(server: LiveServer) -> None:
    with Connection(server.port) as connection:
        whole = connection.get("/static/error.css")
        connection.send(b"HEAD /static/error.css HTTP/1.1\r\n" + HOST + b"\r\n")
        head = connection.answer(to_head=True)
        unchanged = connection.get("/static/error.css", f"If-Modified-Since: {whole.fields['last-modified']}")
        body = json.dumps({"refresh_token": _signed_in(server)["refresh_token"]}).encode()
        fields = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        connection.send(b"POST /api/v1/auth/logout HTTP/1.1\r\n" + HOST + fields + body)
        signed_out = connection.answer()

        assert (whole.status, head.status, unchanged.status) == (200, 200, 304)
        assert head.fields["content-length"] == whole.fields["content-length"] == str(len(whole.body))
        assert signed_out.status == 204
        assert connection.get("/api/health/live").status == 200  # nothing was left on the connection


def test_two_authorization_headers_are_refused(server: LiveServer) -> None:
    twice = b"Authorization: Bearer aaa.bbb.ccc\r\n" * 2

    assert _problem(server, b"GET /api/v1/me HTTP/1.1\r\n" + HOST + twice) == (401, "invalid_token")


def test_a_foreign_host_is_refused_but_a_probe_is_answered(server: LiveServer) -> None:
    foreign = b"Host: evil.example\r\n"

    assert _problem(server, b"GET /api/v1/me HTTP/1.1\r\n" + foreign) == (400, "malformed_request")
    assert _exchange(server, b"GET /api/health/ready HTTP/1.1\r\n" + foreign).status == 200


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
    status = _exchange(server, head).status

    assert 400 <= status < 500 or status == 505


def test_after_all_this_the_server_is_well_and_logged_no_bug(server: LiveServer) -> None:
    answer = _exchange(server, b"GET /api/health HTTP/1.1\r\n" + HOST)

    assert (answer.status, json.loads(answer.body)["status"]) == (200, "ok")
    assert "unhandled error" not in server.log_path.read_text()
    assert Path(server.log_path).stat().st_size < 1_000_000
