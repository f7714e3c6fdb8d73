"""The project's nginx.conf, in a real nginx before small servers that behave well or badly on demand."""

import http.client
import json
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.servers.base import program
from tests.servers.ports import ReservedPorts
from tests.services import NginxServer

GOOD_ID = "trace:2026-11/23.abc"


class Instance(ThreadingHTTPServer):
    """An instance of which a test knows what it was sent; `/hang-up` and `/503` misbehave."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, str, dict[str, str], int]] = []
        self.connections = 0
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def close(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Instance

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, dict(self.headers), len(body)))
        if self.path == "/hang-up":
            self.close_connection = True
            return
        if self.headers.get("Upgrade") == "websocket":
            self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            self.wfile.write(self.rfile.read(4))
            self.close_connection = True
            return
        status = 503 if self.path == "/503" else 404 if self.path == "/404" else 200
        content = b'{"own": true}' + (b" " * 5000 if self.path.endswith("long") else b"")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_OPTIONS = answer  # noqa: N815  http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
        pass


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def problem(self) -> tuple[int, str]:
        """Check that this is a problem of nginx's own and return its status and code."""
        assert self.headers["Content-Type"] == "application/problem+json"
        facts = json.loads(self.body)
        assert facts["status"] == self.status
        assert facts["type"] == f"urn:nocturnal:problem:{facts['code']}"
        assert facts["request_id"] == self.headers["X-Request-ID"]
        return self.status, facts["code"]


def ask(nginx: NginxServer, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=20)
    try:
        connection.request(method, path, body=body or None, headers=headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()


@contextmanager
def front(instances: int = 1, *, absent: int = 0) -> Iterator[tuple[NginxServer, list[Instance]]]:
    """nginx before so many instances, and so many addresses where nobody listens."""
    with ExitStack() as stack:
        running = [Instance() for _ in range(instances)]
        for instance in running:
            stack.callback(instance.close)
        ports = ReservedPorts()
        stack.callback(ports.release)
        nginx = NginxServer([*ports.take(absent), *(instance.port for instance in running)])
        yield stack.enter_context(nginx), running


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[NginxServer, Instance]]:
    with front() as (nginx, [instance]):
        yield nginx, instance


def test_the_configuration_is_valid_and_gixy_finds_nothing(shared: tuple[NginxServer, Instance]) -> None:
    nginx, _ = shared
    assert "test is successful" in nginx.check()
    gixy = program("gixy", install="pip install gixy-ng==0.2.59")
    done = subprocess.run([gixy, str(nginx.configuration)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "//metrics", "/a/../metrics", "/%6detrics", "/metrics?x"])
def test_metrics_are_refused(shared: tuple[NginxServer, Instance], path: str) -> None:
    nginx, instance = shared
    instance.seen.clear()
    assert ask(nginx, "GET", path).problem() == (404, "not_found")
    assert instance.seen == []


def test_forwarded_headers_are_ours_whatever_the_client_claims(shared: tuple[NginxServer, Instance]) -> None:
    nginx, instance = shared
    names = ("X-Forwarded-For", "X-Real-IP", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "Proxy")
    ask(nginx, "GET", "/", headers=dict.fromkeys(names, "203.0.113.9"))
    headers = instance.seen[-1][2]
    assert {name: headers.get(name) for name in names} == {
        "X-Forwarded-For": "127.0.0.1",
        "X-Real-IP": "127.0.0.1",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": None,
        "Forwarded": None,
        "Proxy": None,
    }
    assert headers["Host"] == f"127.0.0.1:{nginx.port}"


@pytest.mark.parametrize("given", ["", "x" * 129, 'a"quoted"one', "with space in it"])
def test_a_strange_request_id_is_replaced(shared: tuple[NginxServer, Instance], given: str) -> None:
    nginx, instance = shared
    ask(nginx, "GET", "/", headers={"X-Request-ID": given})
    assert len(instance.seen[-1][2]["X-Request-ID"]) == 32


def test_a_sane_request_id_is_kept_also_in_problems(shared: tuple[NginxServer, Instance]) -> None:
    nginx, instance = shared
    ask(nginx, "GET", "/", headers={"X-Request-ID": GOOD_ID})
    assert instance.seen[-1][2]["X-Request-ID"] == GOOD_ID
    refused = ask(nginx, "GET", "/metrics", headers={"X-Request-ID": GOOD_ID})
    assert json.loads(refused.body)["request_id"] == GOOD_ID


def test_a_body_of_65_mb_reaches_the_instance_and_71_mb_is_a_problem(
    shared: tuple[NginxServer, Instance],
) -> None:
    nginx, instance = shared
    assert ask(nginx, "POST", "/", body=b"x" * 65 * 2**20).status == 200
    assert instance.seen[-1][3] == 65 * 2**20
    with socket.create_connection(("127.0.0.1", nginx.port), timeout=10) as client:
        client.sendall(b"POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 74448896\r\n\r\n")
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert Answer(answer).problem() == (413, "body_too_large")


def test_a_header_of_8000_bytes_passes_and_a_longer_one_is_a_problem(
    shared: tuple[NginxServer, Instance],
) -> None:
    nginx, instance = shared
    assert ask(nginx, "GET", "/", headers={"X-Long": "x" * 8000}).status == 200
    assert len(instance.seen[-1][2]["X-Long"]) == 8000
    assert ask(nginx, "GET", "/", headers={"X-Long": "x" * 9000}).problem() == (431, "headers_too_large")
    assert ask(nginx, "GET", "/" + "x" * 9000).problem() == (414, "uri_too_long")


def test_a_request_that_cannot_be_read_is_a_problem(shared: tuple[NginxServer, Instance]) -> None:
    nginx, _ = shared
    for words in (b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", nginx.port), timeout=10) as client:
            client.sendall(words)
            response = http.client.HTTPResponse(client)
            response.begin()
            assert Answer(response).problem() == (400, "malformed_request")
    assert ask(nginx, "TRACE", "/").problem() == (405, "method_not_allowed")
    assert ask(nginx, "GET", "/.problem").problem() == (404, "not_found")


def test_answers_of_the_instance_pass_unchanged(shared: tuple[NginxServer, Instance]) -> None:
    nginx, _ = shared
    for path, status in (("/404", 404), ("/503", 503)):
        answer = ask(nginx, "GET", path)
        assert (answer.status, answer.body) == (status, b'{"own": true}')
        assert not {"X-Upstream", "Retry-After"} & set(answer.headers)
    assert answer.headers["Server"] == "nginx"


def test_long_answers_are_compressed_but_not_those_with_tokens(shared: tuple[NginxServer, Instance]) -> None:
    nginx, _ = shared
    gzip = {"Accept-Encoding": "gzip"}
    assert ask(nginx, "GET", "/long", headers=gzip).headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in ask(nginx, "GET", "/", headers=gzip).headers
    assert "Content-Encoding" not in ask(nginx, "GET", "/api/v1/auth/long", headers=gzip).headers


def test_the_log_has_no_query_and_no_health_checks(shared: tuple[NginxServer, Instance]) -> None:
    nginx, _ = shared
    for path in ("/api/health", "/api/health/live", '/files/a"b?signature=secret'):
        ask(nginx, "GET", path)
    lines = [json.loads(line) for line in (nginx.folder / "access.log").read_text().splitlines()]
    assert lines[-1]["path"] == '/files/a"b'
    assert not any("health" in line["path"] or "secret" in str(line) for line in lines)


def test_a_websocket_is_upgraded_and_h2c_is_not(shared: tuple[NginxServer, Instance]) -> None:
    nginx, instance = shared
    with socket.create_connection(("127.0.0.1", nginx.port), timeout=10) as client:
        client.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 101")
        client.sendall(b"ping")
        assert client.recv(4) == b"ping"
    ask(nginx, "GET", "/", headers={"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings"})
    assert not {"Upgrade", "Connection"} & set(instance.seen[-1][2])


def test_the_status_page_is_on_localhost_only(shared: tuple[NginxServer, Instance]) -> None:
    nginx, _ = shared
    connection = http.client.HTTPConnection("127.0.0.1", nginx.status_port, timeout=5)
    connection.request("GET", "/nginx_status")
    assert b"Active connections" in connection.getresponse().read()
    connection.close()
    own_address = socket.gethostbyname(socket.gethostname())
    if own_address != "127.0.0.1":
        with socket.socket() as probe:
            assert probe.connect_ex((own_address, nginx.status_port)) != 0


def test_connections_to_an_instance_are_kept() -> None:
    with front() as (nginx, [instance]):
        for _ in range(50):
            ask(nginx, "GET", "/")
        assert instance.connections <= 4  # one or two a worker


def test_an_instance_that_is_not_there_costs_no_request_not_even_a_post() -> None:
    with front(1, absent=2) as (nginx, [instance]):
        for number in range(20):
            method = "POST" if number % 2 else "GET"
            assert ask(nginx, method, "/", body=b"once" if method == "POST" else b"").status == 200
        assert len(instance.seen) == 20


def test_a_get_is_tried_elsewhere_and_a_sent_post_never() -> None:
    with front(3) as (nginx, instances):
        assert ask(nginx, "POST", "/hang-up", body=b"pay").problem() == (502, "bad_gateway")
        assert sum(len(instance.seen) for instance in instances) == 1
        assert ask(nginx, "GET", "/hang-up").problem() == (502, "bad_gateway")
        assert sum(len(instance.seen) for instance in instances) == 1 + 3


def test_no_instance_is_a_problem_that_says_when_to_try_again() -> None:
    with front(0, absent=1) as (nginx, _):
        answer = ask(nginx, "GET", "/api/v1/me")
        assert answer.problem() == (502, "bad_gateway")
        assert json.loads(answer.body)["instance"] == "/api/v1/me"
        assert answer.headers["Retry-After"] == "5"


def test_an_outage_of_the_database_takes_no_instance_out() -> None:
    with front(3) as (nginx, instances):
        assert {ask(nginx, "GET", "/503").status for _ in range(30)} == {503}
        assert sum(len(instance.seen) for instance in instances) == 30  # none tried twice
        assert {ask(nginx, "GET", "/").status for _ in range(30)} == {200}


def test_an_instance_that_rests_is_given_nothing() -> None:
    with front(2) as (nginx, [one, another]):
        nginx.reload([one.port, another.port], resting=[one.port])
        for _ in range(20):
            assert ask(nginx, "GET", "/").status == 200
        assert (len(one.seen), len(another.seen)) == (0, 20)


def test_a_killed_nginx_leaves_no_worker() -> None:
    with front() as (nginx, _):
        workers = nginx.workers()
        assert workers
        nginx.process.kill()
        deadline = time.monotonic() + 5
        while any(Path(f"/proc/{pid}").exists() for pid in workers):
            assert time.monotonic() < deadline


def test_a_header_that_dribbles_is_cut_off_after_10_seconds(shared: tuple[NginxServer, Instance]) -> None:
    nginx, _ = shared
    with socket.create_connection(("127.0.0.1", nginx.port), timeout=15) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        began = time.monotonic()
        client.settimeout(0.5)
        while _still_open(client):
            assert time.monotonic() - began < 13
        assert time.monotonic() - began > 8


def _still_open(client: socket.socket) -> bool:
    """Dribble one more byte and look whether the other side has hung up."""
    try:
        client.sendall(b"x")
        return client.recv(100) != b""
    except TimeoutError:
        return True
    except ConnectionError:
        return False


def test_tls_is_1_2_or_later_with_http2_and_plain_requests_are_sent_there(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    openssl = program("openssl", install="apt-get install openssl")
    how = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run([openssl, *how, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    instance = Instance()
    with NginxServer([instance.port], certificate=(certificate, key)) as nginx:
        context = ssl.create_default_context(cafile=str(certificate))
        context.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", nginx.tls_port, context=context, timeout=5)
        connection.request("GET", "/")
        answer = Answer(connection.getresponse())
        connection.close()
        assert answer.status == 200
        assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=31536000"]
        assert instance.seen[-1][2]["X-Forwarded-Proto"] == "https"
        assert _negotiated(nginx.tls_port, ssl.TLSVersion.TLSv1_3) == ("TLSv1.3", "h2")
        assert _negotiated(nginx.tls_port, ssl.TLSVersion.TLSv1_2) == ("TLSv1.2", "h2")
        with pytest.raises(ssl.SSLError, match=r"PROTOCOL_VERSION|protocol version"):
            _negotiated(nginx.tls_port, ssl.TLSVersion.TLSv1_1)
        answer = ask(nginx, "POST", "/a?b=c", body=b"x")
        assert (answer.status, answer.headers["Location"]) == (308, "https://127.0.0.1/a?b=c")
        gixy = program("gixy", install="pip install gixy-ng==0.2.59")
        done = subprocess.run([gixy, str(nginx.configuration)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    instance.close()


def _negotiated(port: int, version: ssl.TLSVersion) -> tuple[str | None, str | None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")  # else this side refuses what is old, and proves nothing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.1 is what we try
        context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain) as secured:
        return secured.version(), secured.selected_alpn_protocol()
