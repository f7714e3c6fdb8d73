"""Servers and second ways to the same data."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
import pytest
from django.db import connections
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from nocturnal_project.mongodb.base import DatabaseWrapper
from nocturnal_project.mongodb.config import database_settings
from tests.services import MongoServer


@contextmanager
def database(alias: str, settings: dict[str, Any]) -> Iterator[str]:
    """Add a database under an alias, for as long as the block lasts."""
    connections.settings[alias] = {**connections.settings["default"], **settings}
    try:
        yield alias
    finally:
        # The client is the process's; close_pool() misses it when only other threads connected.
        client = DatabaseWrapper._connection_pools.pop(alias, None)
        if client:
            client.close()
        with contextlib.suppress(AttributeError):  # this thread never connected
            del connections[alias]
        del connections.settings[alias]


@pytest.fixture
def stock(db: None) -> Iterator[str]:
    """The same data through the parent's engine."""
    options = {**connections.settings["default"]["OPTIONS"], "event_listeners": []}  # the parent is not the product
    with database("stock", {"ENGINE": "django_mongodb_backend", "OPTIONS": options}) as alias:
        yield alias


class Recorder(CommandListener):
    """Remembers the commands sent, as they went over the wire."""

    def __init__(self) -> None:
        self.commands: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        """Remember one."""
        self.commands.append(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing to remember."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing to remember."""


class Recorded:
    """A database whose commands are remembered."""

    def __init__(self, alias: str, recorder: Recorder) -> None:
        self.alias = alias
        self._recorder = recorder

    def sent_by(self, action: Callable[[], Any]) -> list[dict[str, Any]]:
        """Return the commands that an action sends."""
        self._recorder.commands.clear()
        action()
        return list(self._recorder.commands)

    def plans_of(self, action: Callable[[], Any]) -> list[dict[str, Any]]:
        """Return the executed plan of each command that an action sends."""
        return [self._explain(command) for command in self.sent_by(action)]

    def _explain(self, command: dict[str, Any]) -> dict[str, Any]:
        plain = {name: value for name, value in command.items() if name not in {"lsid", "$clusterTime", "txnNumber"}}
        plain = {name: value for name, value in plain.items() if not name.startswith("$")}
        plain.pop("maxTimeMS", None)
        plain.pop("writeConcern", None)
        wrapper: Any = connections[self.alias]
        explained: dict[str, Any] = wrapper.database.command({"explain": plain, "verbosity": "executionStats"})
        return explained


@pytest.fixture
def recorded(db: None) -> Iterator[Recorded]:
    """The same data, with every command remembered."""
    recorder = Recorder()
    options = {**connections.settings["default"]["OPTIONS"], "event_listeners": [recorder]}
    with database("recorded", {"OPTIONS": options}) as alias:
        wrapper: Any = connections[alias]
        list(wrapper.get_collection("warm").find())  # greets the server before anything is recorded
        yield Recorded(alias, recorder)


@pytest.fixture
def server() -> Iterator[MongoServer]:
    """A server of the test's own, to be hurt."""
    with MongoServer(replicas=1) as server:
        yield server


@pytest.fixture
def own_database(server: MongoServer) -> Iterator[str]:
    """A database on a server of the test's own."""
    with database("own", database_settings(server.uri)) as alias:
        yield alias


@pytest.fixture
def fail_command(db: None) -> Iterator[Callable[..., None]]:
    """Make the server fail commands: ``fail_command(["insert"], times=1, errorCode=91)``."""
    with pymongo.MongoClient[dict[str, Any]](
        connections.settings["default"]["HOST"], serverSelectionTimeoutMS=5000
    ) as client:

        def fail(commands: list[str], *, times: int, **how: Any) -> None:
            # Only the project's own clients: not this one, nor the server's own threads.
            data = {"failCommands": commands, "appName": "nocturnal", **how}
            client.admin.command({"configureFailPoint": "failCommand", "mode": {"times": times}, "data": data})

        yield fail
        client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
        # A commit that only pretended to fail leaves its transaction open on the server, with its locks.
        client.admin.command("killAllSessions", [])
