"""The product without its database: the real one, broken under a running server."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.live_server import LiveServer, live_server
from tests.services import MongoServer

_LONGEST_SECONDS = 6.5  # six, and what this machine takes on top


@dataclass
class Outage:
    """A running product whose database can be taken away and given back."""

    server: LiveServer
    take_away: Callable[[], object]
    give_back: Callable[[], object]


def _on_sqlite(folder: Path) -> Iterator[Outage]:
    with live_server(data_dir=folder) as server:
        database, aside = folder / "nocturnal.sqlite3", folder / "aside"

        def take_away() -> None:
            aside.mkdir()
            for path in folder.glob("nocturnal.sqlite3*"):
                path.rename(aside / path.name)
            database.mkdir()

        def give_back() -> None:
            database.rmdir()
            for path in aside.iterdir():
                path.rename(folder / path.name)

        yield Outage(server, take_away, give_back)


def _on_mongodb(folder: Path) -> Iterator[Outage]:
    with MongoServer(replicas=1) as mongo, live_server(data_dir=folder, variables={"MONGODB_URI": mongo.uri}) as server:
        yield Outage(server, mongo.members[0].kill, mongo.members[0].start)


def _on_frozen_mongodb(folder: Path) -> Iterator[Outage]:
    with MongoServer(replicas=1) as mongo, live_server(data_dir=folder, variables={"MONGODB_URI": mongo.uri}) as server:
        yield Outage(server, mongo.members[0].freeze, mongo.members[0].thaw)


@pytest.fixture(
    params=[_on_sqlite, _on_mongodb, _on_frozen_mongodb], ids=["sqlite gone", "mongod killed", "mongod frozen"]
)
def outage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outage]:
    yield from request.param(tmp_path / "data")


def _ask(server: LiveServer, path: str, body: object = None) -> tuple[int, Message, dict[str, object], float]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}{path}", data, {"Content-Type": "application/json"})
    started = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, json.load(answer), time.monotonic() - started
    except HTTPError as error:
        with error:
            return error.code, error.headers, json.load(error), time.monotonic() - started


def test_without_its_database_it_says_so_in_time_and_comes_back_by_itself(outage: Outage) -> None:
    alice = {"email": "alice@example.com", "password": "correct horse battery staple"}
    assert _ask(outage.server, "/api/v1/auth/register", alice)[0] == 201

    outage.take_away()
    signing_in, headers, problem, seconds = _ask(outage.server, "/api/v1/auth/login", alice)
    deadline = time.monotonic() + 10
    while _ask(outage.server, "/api/health/ready")[0] == 200:  # what was found is good for two seconds
        assert time.monotonic() < deadline, outage.server.log_tail()
    live, ready, health = (
        _ask(outage.server, path) for path in ("/api/health/live", "/api/health/ready", "/api/health")
    )

    assert (signing_in, problem["code"]) == (503, "service_unavailable")
    assert int(headers["Retry-After"]) > 0
    assert seconds < _LONGEST_SECONDS
    assert (live[0], ready[0], health[0]) == (200, 503, 503)
    assert (ready[2]["status"], health[2]["status"]) == ("not_ready", "down")
    assert ready[3] < _LONGEST_SECONDS

    outage.give_back()
    deadline = time.monotonic() + 20
    while _ask(outage.server, "/api/health/ready")[0] != 200:
        assert time.monotonic() < deadline, outage.server.log_tail()
    assert _ask(outage.server, "/api/v1/auth/login", alice)[0] == 200
    assert "unhandled error" not in outage.server.log_path.read_text()
