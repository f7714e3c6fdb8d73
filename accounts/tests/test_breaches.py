import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts import breaches

BREACHED, FRESH = "the moon is made of cheese", "seven lanterns at midnight"
REGISTER = "/api/v1/auth/register"


def _suffix(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()[5:]


class RangeServer:
    """A service in the shape of the range API. ``answer`` writes what a test wants of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = self.good
        self.release = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked.append((self.path, dict(self.headers)))
                owner.answer(self)

            def log_message(self, *args: Any) -> None:
                """Be quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/range"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def say(self, body: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.end_headers()
            with contextlib.suppress(OSError):  # the client had enough
                handler.wfile.write(body)

        return answer

    def good(self, handler: BaseHTTPRequestHandler) -> None:
        lines = ["0" * 35 + ":3", f"{_suffix(BREACHED)}:42", f"{_suffix(FRESH)}:0", "F" * 35 + ":0"]
        self.say("\r\n".join(lines).encode())(handler)

    def hang(self, handler: BaseHTTPRequestHandler) -> None:
        self.release.wait(30)

    def drip(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not self.release.wait(0.1):
            try:
                handler.wfile.write(b"0")
            except OSError:
                return


@pytest.fixture
def service(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[RangeServer]:
    server = RangeServer()
    settings.BREACHED_PASSWORDS_URL = server.url
    monkeypatch.setattr(breaches, "breaker", breaches._Breaker())
    monkeypatch.setattr(breaches, "_SECONDS", 0.4)
    yield server
    server.close()


@pytest.mark.django_db
def test_a_breached_password_is_refused_and_another_taken(api: APIClient, service: RangeServer) -> None:
    answers = [
        api.post(REGISTER, {"email": f"{number}@example.com", "password": password})
        for number, password in enumerate((BREACHED, FRESH))
    ]

    assert [answer.status_code for answer in answers] == [422, 201]
    assert [error["code"] for error in answers[0].json()["errors"]] == ["password_breached"]


def test_five_digits_leave_and_no_more(service: RangeServer) -> None:
    breaches.is_breached(BREACHED)

    ((path, headers),) = service.asked
    prefix = path.removeprefix("/range/")
    assert prefix == hashlib.sha1(BREACHED.encode(), usedforsecurity=False).hexdigest().upper()[:5]
    assert headers["Add-Padding"] == "true"
    assert not [value for value in headers.values() if _suffix(BREACHED) in value or BREACHED in value]


def test_padding_counts_as_not_seen(service: RangeServer) -> None:
    assert breaches.is_breached(FRESH) is False


def test_nobody_is_asked_unless_an_address_is_set(service: RangeServer, settings: Any) -> None:
    settings.BREACHED_PASSWORDS_URL = ""

    assert breaches.is_breached(BREACHED) is False
    assert service.asked == []


_BAD: dict[str, Callable[[RangeServer], Callable[[BaseHTTPRequestHandler], None]]] = {
    "500": lambda server: server.say(b"oops", 500),
    "404": lambda server: server.say(b"", 404),
    "429": lambda server: server.say(b"", 429),
    "elsewhere": lambda server: server.say(b"", 302, Location=f"{server.url}/other"),
    "garbage": lambda server: server.say(bytes(range(256)) * 10),
    "nothing": lambda server: server.say(b""),
    "huge": lambda server: server.say(f"{_suffix(BREACHED)}:1\r\n".encode() * 20_000),
    "hanging": lambda server: server.hang,
    "dripping": lambda server: server.drip,
}


@pytest.mark.parametrize("fault", _BAD)
def test_a_service_that_fails_lets_the_password_pass_in_time_and_once(service: RangeServer, fault: str) -> None:
    service.answer = _BAD[fault](service)
    started = time.perf_counter()

    first = breaches.is_breached(BREACHED)
    took = time.perf_counter() - started
    rest = [breaches.is_breached(BREACHED) for _ in range(20)]

    assert (first, set(rest)) == (False, {False})
    assert took < 1
    assert len(service.asked) == 1  # the others were not kept waiting, and no redirect was followed


def test_a_service_that_is_down_lets_the_password_pass(service: RangeServer) -> None:
    service.close()

    assert breaches.is_breached(BREACHED) is False


def test_after_half_a_minute_one_request_finds_out_that_it_is_back(
    service: RangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("accounts.breaches.time.monotonic", lambda: now[0])
    service.answer = service.say(b"oops", 500)
    breaches.is_breached(BREACHED)
    service.answer = service.good

    now[0] += 29
    early = breaches.is_breached(BREACHED)
    now[0] += 2
    later = [breaches.is_breached(BREACHED) for _ in range(3)]

    assert early is False
    assert later == [True] * 3


def test_while_one_request_finds_out_the_others_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("accounts.breaches.time.monotonic", lambda: now[0])
    breaker = breaches._Breaker()
    breaker.note(failed=True)
    now[0] += 31

    assert [breaker.may_ask() for _ in range(3)] == [True, False, False]
