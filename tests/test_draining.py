"""The end of one instance behind each server: not ready at once, serving for DRAIN_SECONDS, then what runs, then 0."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nocturnal_project.serving import options
from tests.live_server import LiveServer, live_server
from tests.raw_http import CLOSE, Connection, RawAnswer, exchange
from tests.test_server import LIVE, registration

_DRAIN_SECONDS = 4
_READY = LIVE.replace(b"/live", b"/ready")


@pytest.fixture(params=options.SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LiveServer]:
    variables = {
        "SERVER": request.param,
        "DRAIN_SECONDS": str(_DRAIN_SECONDS),
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "debug",
    }
    with live_server(data_dir=tmp_path / "data", variables=variables) as running:
        yield running


def _wait_until(check: Callable[[], bool], within_s: float = 20) -> float:
    """Return when it was so, of time.monotonic."""
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.02)
    return time.monotonic()


def _refuses_connections(server: LiveServer) -> bool:
    try:
        Connection(server.port).close()
    except ConnectionRefusedError:
        return True
    return False


def _readiness(server: LiveServer) -> RawAnswer:
    return exchange(server.port, _READY + CLOSE)


def test_readiness_fails_first_and_requests_are_served_until_the_drain_is_over(server: LiveServer) -> None:
    with Connection(server.port) as running, Connection(server.port) as kept:
        request = registration("alice")
        running.send(request[:-20])
        assert "close" not in kept.get("/api/health/live").fields.get("connection", "")

        told = time.monotonic()
        os.kill(server.pid, signal.SIGTERM)
        _wait_until(lambda: _readiness(server).status == 503)
        assert b'"status":"draining"' in _readiness(server).body
        last = kept.get("/api/health/live")
        served = exchange(server.port, LIVE + b"\r\n")
        refused = _wait_until(lambda: _refuses_connections(server))
        running.send(request[-20:])
        answered = running.answer()

        assert (last.status, last.fields["connection"]) == (200, "close")
        assert kept.rest() == b""
        assert (served.status, served.fields["connection"]) == (200, "close")
        assert refused - told >= _DRAIN_SECONDS
        assert (answered.status, answered.fields["connection"]) == (201, "close")
    assert server.stop() == 0
    log = server.log_path.read_text().replace(": ", ":")
    assert 0 < log.index('"event":"draining"') < log.index('"event":"instance stopped"'), log
    assert "Traceback" not in log


@pytest.mark.parametrize("server", ["gunicorn"], indirect=True)
def test_a_second_sigterm_does_not_cut_the_drain_short(server: LiveServer) -> None:
    told = time.monotonic()
    os.killpg(server.pid, signal.SIGTERM)  # systemd tells master and worker, and then the master tells the worker
    _wait_until(lambda: _readiness(server).status == 503)
    os.killpg(server.pid, signal.SIGTERM)

    assert server.wait(30) == 0
    assert time.monotonic() - told >= _DRAIN_SECONDS


def test_an_instance_that_is_not_told_to_drain_ends_at_once(tmp_path: Path) -> None:
    with live_server(data_dir=tmp_path / "data") as server:
        os.kill(server.pid, signal.SIGTERM)

        assert server.wait(15) == 0
        assert "draining" not in server.log_path.read_text()
