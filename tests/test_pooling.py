"""Connections as the seed has them: at most ten an instance and at least two, thirty seconds idle, majority writes.

Counted on the server. A driver also keeps connections of its own to watch the server (for each instance one
that waits for news and one that measures the round trip). These never sign in, because that is what drivers
agreed on (Server Discovery and Monitoring), so the set demands a password here, and a connection without a
user is one that watches, or for a moment a new one.

``NOCTURNAL_SOAK=1`` waits out the thirty seconds; else the URI makes them two.
"""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.durability import UNLIMITED
from tests.live_server import LiveServer, live_servers
from tests.servers.base import wait_until
from tests.services import Member, MongoServer

_INSTANCES = 3
_MOST, _LEAST, _WATCHING = 10, 2, 2
_THREADS = 16  # more than connections, so that the pool is what bounds
_SOAK = os.environ.get("NOCTURNAL_SOAK") == "1"
_IDLE_SECONDS = 30 if _SOAK else 2
_LOAD_SECONDS = 30 if _SOAK else 6
_ALICE = {"email": "alice@example.com", "password": "correct horse battery staple"}


@dataclass(frozen=True)
class Topology:
    """Three instances on one database."""

    primary: Member
    instances: list[LiveServer]


@pytest.fixture(scope="module")
def topology(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    folder = tmp_path_factory.mktemp("pooling")
    with MongoServer(user="nocturnal", password="p@ss:word/") as mongo:
        idle = "" if _SOAK else f"&maxIdleTimeMS={_IDLE_SECONDS * 1000}"
        variables = {
            name: {"THREADS": str(_THREADS), "MONGODB_URI": f"{mongo.uri}&appName={name}{idle}", **UNLIMITED}
            for name in _names()
        }
        with live_servers(folder, variables, migrate=_names()[:1]) as instances:
            yield Topology(mongo.primary, instances)


def _names() -> list[str]:
    return [f"nocturnal-{number}" for number in range(1, _INSTANCES + 1)]


@dataclass
class Census:
    """How many connections each instance has at one moment."""

    signed_in: Counter[str] = field(default_factory=Counter)
    every: Counter[str] = field(default_factory=Counter)


def _census(member: Member) -> Census:
    """Ask the server for every connection, at work or idle."""
    census = Census()
    with member.connect() as client:
        asked: list[dict[str, Any]] = [
            {"$currentOp": {"allUsers": True, "idleConnections": True}},
            {"$match": {"connectionId": {"$gt": 0}}},
        ]
        for connection in client.admin.aggregate(asked):
            if connection.get("appName", "").startswith("nocturnal-"):
                census.every[connection["appName"]] += 1
                census.signed_in[connection["appName"]] += bool(connection.get("effectiveUsers"))
    return census


@contextmanager
def _slow_reads(member: Member) -> Iterator[None]:
    """Make every read take its time, so that requests want more connections than there are."""
    slow = {"failCommands": ["aggregate", "find"], "blockConnection": True, "blockTimeMS": 50}
    with member.connect() as client:
        client.admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=slow)
        try:
            yield
        finally:
            client.admin.command("configureFailPoint", "failCommand", mode="off")


@contextmanager
def _load(instances: list[LiveServer], statuses: list[int]) -> Iterator[None]:
    """As many users at once as the instances have threads, who ask for their files again and again."""
    token = instances[0].ask("/api/v1/auth/register", _ALICE).body["access_token"]
    done = threading.Event()

    def ask(server: LiveServer) -> None:
        while not done.is_set():
            statuses.append(server.ask("/api/v1/uploads", headers={"Authorization": f"Bearer {token}"}).status)

    users = [threading.Thread(target=ask, args=(server,)) for server in instances for _ in range(_THREADS)]
    for user in users:
        user.start()
    try:
        yield
    finally:
        done.set()
        for user in users:
            user.join()


def test_under_load_no_instance_has_more_than_ten_and_then_they_shrink_to_two(topology: Topology) -> None:
    highest, statuses = Census(), list[int]()
    with _slow_reads(topology.primary), _load(topology.instances, statuses):
        until = time.monotonic() + _LOAD_SECONDS
        while time.monotonic() < until:
            now = _census(topology.primary)
            highest.signed_in |= now.signed_in  # of two counters, the greater of each number
            highest.every |= now.every

    assert set(statuses) == {200}
    assert highest.signed_in == dict.fromkeys(_names(), _MOST)
    assert highest.every == dict.fromkeys(_names(), _MOST + _WATCHING)
    print(f"\nmost connections at once: {dict(highest.signed_in)}, {len(statuses)} requests")

    def shrunk() -> bool:
        now = _census(topology.primary)
        return now.signed_in == dict.fromkeys(_names(), _LEAST) and now.every == dict.fromkeys(
            _names(), _LEAST + _WATCHING
        )

    wait_until(shrunk, within_s=_IDLE_SECONDS + 10, failure=lambda: f"still {_census(topology.primary)}")


def _commands_of(member: Member, appname: str) -> list[dict[str, Any]]:
    """Every command that an instance sent since the server was told to log them all."""
    lines = (json.loads(line) for line in member.log.read_text().splitlines() if line.startswith("{"))
    found = (line["attr"] for line in lines if line["msg"] == "Slow query")
    return [attr["command"] for attr in found if attr.get("appName") == appname and "command" in attr]


def test_every_write_asks_for_the_majority(topology: Topology) -> None:
    instance, appname = topology.instances[0], _names()[0]
    with topology.primary.connect() as client:
        client["nocturnal"].command("profile", 0, slowms=-1)
        client["admin"].command("profile", 0, slowms=-1)
    bob = {"email": "bob@example.com", "password": _ALICE["password"]}
    signed_in = instance.ask("/api/v1/auth/register", bob)
    instance.ask("/api/v1/auth/refresh", {"refresh_token": signed_in.body["refresh_token"]})
    headers = {"Authorization": f"Bearer {signed_in.body['access_token']}"}
    assert instance.ask("/api/v1/me", {"name": "Bob"}, method="PATCH", headers=headers).status == 200

    commands = _commands_of(topology.primary, appname)
    writes = [command for command in commands if command.keys() & {"insert", "update", "delete", "findAndModify"}]
    assert {next(iter(command)) for command in writes} >= {"insert", "update"}  # and deletes: mails that were sent
    assert {command.get("writeConcern", {}).get("w") for command in writes} == {"majority"}
