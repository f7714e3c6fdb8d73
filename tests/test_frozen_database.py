"""Probes beside a MongoDB that is frozen: connections stay open, and nothing is answered."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live_server import LiveServer, live_server
from tests.services import MongoServer

_NOT_READY_WITHIN_S, _READY_WITHIN_S = 10, 5
_SLOWNESS_S = 3  # of this machine, on top
_LIVE, _READY, _HEALTH = "/api/health/live", "/api/health/ready", "/api/health"


@pytest.fixture(scope="module")
def mongo() -> Iterator[MongoServer]:
    with MongoServer(replicas=1) as one:
        yield one


@pytest.fixture(scope="module")
def served(mongo: MongoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    variables = {"MONGODB_URI": mongo.uri, "LOG_FORMAT": "json", "THREADS": "16"}
    with live_server(data_dir=tmp_path_factory.mktemp("data"), variables=variables) as running:
        yield running


@pytest.fixture
def server(served: LiveServer) -> LiveServer:
    """The one server, ready, with a log of the test's own."""
    _seconds_until(served, 200, _READY_WITHIN_S)
    os.truncate(served.log_path, 0)
    return served


def _seconds_until(server: LiveServer, status: int, within_s: float) -> float:
    began = time.monotonic()
    while server.ask(_READY).status != status:
        assert time.monotonic() - began < within_s + _SLOWNESS_S, server.log_tail()
        time.sleep(0.1)
    return time.monotonic() - began


def test_readiness_follows_a_frozen_database_and_liveness_does_not(mongo: MongoServer, server: LiveServer) -> None:
    try:
        mongo.members[0].freeze()
        _seconds_until(server, 503, _NOT_READY_WITHIN_S)
        live, health, ready = (server.ask(path) for path in (_LIVE, _HEALTH, _READY))
        with ThreadPoolExecutor(50) as pool:
            crowd = list(pool.map(server.ask, [_READY] * 50 + [_LIVE] * 5))
    finally:
        mongo.members[0].thaw()
    _seconds_until(server, 200, _READY_WITHIN_S)

    assert (live.status, health.status, ready.body["status"]) == (200, 503, "not_ready")
    assert live.seconds < 1 + _SLOWNESS_S
    assert health.body["dependencies"]["database"]["status"] == "down"
    assert {answer.status for answer in crowd} == {503, 200}
    assert max(answer.seconds for answer in crowd) < 5 + _SLOWNESS_S  # each in turn would take a second of one thread
    log = server.log_path.read_text()
    assert log.count('"not ready"') == log.count('"ready again"') == 1, log


def test_probes_tell_strangers_no_address_and_no_version_of_a_server(mongo: MongoServer, server: LiveServer) -> None:
    mongo.members[0].freeze()
    try:
        bodies = [json.dumps(server.ask(path).body) for path in (_LIVE, _READY, _HEALTH)]
    finally:
        mongo.members[0].thaw()

    for secret in ("mongo", str(mongo.members[0].port), "127.0.0.1", "6.0", "Error", "Timeout"):
        assert not [body for body in bodies if secret in body]


def test_probes_are_not_in_the_log_at_info(server: LiveServer) -> None:
    for path in (_LIVE, _READY, _HEALTH):
        assert server.ask(path).status == 200
    server.ask("/api/v1/nowhere")

    lines = [json.loads(line) for line in server.log_path.read_text().splitlines() if line.startswith("{")]
    assert [line["status"] for line in lines if line["event"] == "request"] == [404]
