"""Everything that clients and staff can ask, asked once, with the plan of each command that it sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pymongo
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from nocturnal_project.mongodb.tests.plans import examined, scans, sorts
from ratelimits import limiter
from tests.sent_commands import SENT

_EXPLAINED = ("find", "aggregate", "count", "distinct", "update", "delete", "findAndModify")
_NOT_PART_OF_IT = {
    "lsid", "txnNumber", "startTransaction", "autocommit", "maxTimeMS", "writeConcern", "readConcern", "ordered",
}  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """One command, and how the server went about it with the rows as they were then."""

    step: str
    command: dict[str, Any]
    plan: dict[str, Any]

    @property
    def verb(self) -> str:
        """What it does."""
        return next(iter(self.command))

    @property
    def collection(self) -> str:
        """Where."""
        return str(self.command[self.verb])

    @property
    def documents(self) -> int:
        """How many documents were read."""
        return examined(self.plan)

    @property
    def keys(self) -> int:
        """How many entries of indexes were read."""
        return examined(self.plan, "totalKeysExamined")

    @property
    def scans(self) -> bool:
        """Whether a collection was read from end to end."""
        return scans(self.plan)

    @property
    def sorts(self) -> bool:
        """Whether rows were sorted in memory."""
        return sorts(self.plan)


@dataclass
class Walk:
    """Asks, and remembers which commands were sent and which routes answered."""

    sent: list[Sent] = field(default_factory=list)
    routes: set[tuple[str, str]] = field(default_factory=set)
    step: str = ""

    def ask(self, client: Client | APIClient, method: str, path: str, *args: Any, status: int = 200, **how: Any) -> Any:
        """Ask once, within every limit, and expect a status."""
        limiter.local.clear()
        self.step = f"{method.upper()} {path}"
        response: Any = getattr(client, method)(path, *args, **how)
        assert response.status_code == status, f"{self.step}: {response.status_code} {response.content[:500]!r}"
        self.routes.add((f"/{response.resolver_match.route}", method))
        return response

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Explain each command just before it is sent, through a client of our own."""
        with pymongo.MongoClient[dict[str, Any]](str(connection.settings_dict["HOST"])) as client:
            database = client[str(connection.settings_dict["NAME"])]

            def explain(command: dict[str, Any]) -> None:
                if next(iter(command)) in _EXPLAINED:
                    plain = {
                        name: value
                        for name, value in command.items()
                        if name not in _NOT_PART_OF_IT and not name.startswith("$")
                    }
                    plan = database.command({"explain": plain, "verbosity": "executionStats"})
                    self.sent.append(Sent(self.step, deepcopy(plain), plan))

            with SENT.heard_by(explain):
                yield
