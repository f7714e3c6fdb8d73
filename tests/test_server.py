"""The life of one instance behind each server: start, serve, drain, end."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from nocturnal_project.serving import options
from tests.live_server import LiveServer, live_server
from tests.raw_http import CLOSE, HOST, Connection, exchange

LIVE = b"GET /api/health/live HTTP/1.1\r\n" + HOST
_ENDS_WITHIN_S = 10
_MANY = "1000000000"
UNLIMITED = {
    f"RATE_LIMIT_{policy}_{limit}": _MANY for policy in ("API", "AUTH", "UPLOAD") for limit in ("NORMAL", "STRICT")
}


def registration(name: str) -> bytes:
    body = b'{"email": "%s@example.com", "password": "correct horse battery staple", "name": "A"}' % name.encode()
    fields = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    return b"POST /api/v1/auth/register HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body


@pytest.fixture(params=options.SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LiveServer]:
    """An instance that the test may end."""
    variables = {"SERVER": request.param, "THREADS": "2", **UNLIMITED}
    with live_server(data_dir=tmp_path / "data", variables=variables) as running:
        yield running


@pytest.fixture
def lock(server: LiveServer) -> Iterator[Callable[[], None]]:
    """Nobody else can write to the database until the test calls this: a registration waits."""
    path = Path(server.environment["DATA_DIR"]) / "nocturnal.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield database.commit


def _wait_until(check: Callable[[], bool], within_s: float = 15) -> None:
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.02)


@contextmanager
def _connections(server: LiveServer, count: int) -> Iterator[list[Connection]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Connection(server.port)) for _ in range(count)]


def _refuses_connections(server: LiveServer) -> bool:
    try:
        Connection(server.port).close()
    except ConnectionRefusedError:
        return True
    return False


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_sigterm_lets_running_requests_end_and_takes_no_new_ones(server: LiveServer, lock: Callable[[], None]) -> None:
    with Connection(server.port) as waiting, Connection(server.port) as sending, Connection(server.port) as idle:
        assert idle.get("/api/health/live").status == 200
        waiting.send(registration("alice"))
        request = registration("bob")
        sending.send(request[:-20])
        _let_it_read(server)

        os.kill(server.pid, signal.SIGTERM)
        _wait_until(lambda: _refuses_connections(server))
        lock()
        sending.send(request[-20:])

        assert waiting.answer().status == 201
        assert sending.answer().status == 201
        assert idle.rest() == b""
    assert server.stop() == 0


def _let_it_read(server: LiveServer) -> None:
    """Return when what was sent before has been read: a later request has been answered, or cannot be."""
    with suppress(TimeoutError):
        exchange(server.port, LIVE + CLOSE, timeout_s=0.5)


def test_requests_that_wait_for_a_thread_are_answered_too(server: LiveServer, lock: Callable[[], None]) -> None:
    with _connections(server, 6) as connections:  # of which two have a thread
        for number, connection in enumerate(connections):
            connection.send(registration(f"user{number}"))
        _let_it_read(server)

        os.kill(server.pid, signal.SIGTERM)
        _wait_until(lambda: _refuses_connections(server))
        lock()

        assert [connection.answer().status for connection in connections] == [201] * 6
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("send", "number"),
    [
        (os.kill, signal.SIGTERM),  # an orchestrator
        (os.killpg, signal.SIGTERM),  # systemd
        (os.killpg, signal.SIGINT),  # Ctrl-C
    ],
)
def test_an_idle_instance_ends_at_once_and_cleanly(
    server: LiveServer, send: Callable[[int, int], None], number: signal.Signals
) -> None:
    with Connection(server.port) as idle:
        assert idle.get("/api/health/live").status == 200

        send(server.pid, number)

        assert server.wait(_ENDS_WITHIN_S) == 0
    log = server.log_path.read_text()
    assert "Traceback" not in log
    assert [log.count(f"instance {what}") for what in ("started", "stopped")] == [1, 1]


def test_a_worker_that_is_killed_is_replaced_or_ends_the_instance(server: LiveServer) -> None:
    (worker,) = _children(server.pid)

    os.kill(worker, signal.SIGKILL)

    if server.environment["SERVER"] == "gunicorn":
        _wait_until(lambda: _children(server.pid) not in ([], [worker]))
        assert exchange(server.port, LIVE + CLOSE).status == 200
    else:
        assert server.wait(_ENDS_WITHIN_S) == 1
        assert _refuses_connections(server)


def test_no_worker_goes_on_without_its_master(server: LiveServer) -> None:
    (worker,) = _children(server.pid)

    os.kill(server.pid, signal.SIGKILL)
    server.wait(_ENDS_WITHIN_S)

    _wait_until(lambda: not _is_there(worker))
    assert _refuses_connections(server)


def test_the_master_holds_neither_the_application_nor_a_connection(server: LiveServer) -> None:
    # What is forked with the application in it copies no thread but its own, and locks that others hold for ever.
    (worker,) = _children(server.pid)

    assert "nocturnal.sqlite3" not in _open_files(server.pid)
    assert _memory_mb(server.pid) < _memory_mb(worker) - 20


def _open_files(pid: int) -> str:
    return " ".join(str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink())


def _memory_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def test_a_connection_is_kept_for_many_requests_and_over_pauses(server: LiveServer) -> None:
    with Connection(server.port) as connection:
        statuses = {connection.get("/api/health/live").status for _ in range(300)}
        time.sleep(3)  # the one pause of the suite: a server's idle timer reads no injected clock
        statuses.add(connection.get("/api/health/live").status)

    assert statuses == {200}
    assert options.KEEP_ALIVE_SECONDS > 60  # nginx's, who must be the one to close


def test_pipelined_requests_are_all_answered_in_their_order(server: LiveServer) -> None:
    paths = [b"/api/health/live", b"/api/v1/nowhere", b"/api/health/live", b"/api/v1/me"]
    with Connection(server.port) as connection:
        connection.send(b"".join(b"GET %s HTTP/1.1\r\n%s\r\n" % (path, HOST) for path in paths))

        assert [connection.answer().status for _ in paths] == [200, 404, 200, 401]


def test_clients_that_leave_early_harm_nobody(server: LiveServer, lock: Callable[[], None]) -> None:
    for cut in (30, -20):
        with Connection(server.port) as half:
            half.send(registration("carol")[:cut])
    with Connection(server.port) as gone:
        gone.send(registration("dave"))
    lock()

    assert exchange(server.port, LIVE + CLOSE).status == 200
    assert exchange(server.port, registration("erin")).status == 201
    assert "unhandled error" not in server.log_path.read_text()
    assert "Traceback" not in server.log_path.read_text()


def test_clients_that_leave_in_the_middle_of_an_answer_take_no_thread_with_them(server: LiveServer) -> None:
    person = {"email": "alice@example.com", "password": "correct horse battery staple", "name": "Alice"}
    signed_in = {"Authorization": f"Bearer {server.ask('/api/v1/auth/register', person).body['access_token']}"}
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n%s\r\n--x--\r\n'
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    stored = server.ask("/api/v1/uploads", form % (b"moon\n" * 2_000_000), headers=signed_in | multipart)
    url: str = server.ask(f"/api/v1/uploads/{stored.body['id']}/url", headers=signed_in).body["url"]
    request = f"GET {url.removeprefix(server.url)} HTTP/1.1\r\n".encode() + HOST + CLOSE

    for _ in range(6):  # three times as many as there are threads
        with Connection(server.port) as leaving:
            leaving.send(request)
            assert leaving.some(64).startswith(b"HTTP/1.1 200")

    assert exchange(server.port, LIVE + CLOSE).status == 200
    assert exchange(server.port, request).body == b"moon\n" * 2_000_000


@pytest.mark.parametrize(
    "server",
    [
        pytest.param("gunicorn", marks=pytest.mark.xfail(strict=True, reason="a thread waits for each half header")),
        "granian",
    ],
    indirect=True,
)
def test_more_clients_that_dribble_headers_than_threads_starve_nobody(server: LiveServer) -> None:
    with _connections(server, 20) as dribblers:
        for dribbler in dribblers:
            dribbler.send(b"GET /api/health/live HTTP/1.1\r\nHost: 127")

        assert exchange(server.port, LIVE + CLOSE, timeout_s=5).status == 200
