"""Whether requests may come: the database answers and has every migration, and this process is not told to end.

And it knows the signing keys, without which nobody can sign in: one that was started before its database reads them
later than it reaches it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import structlog
from django.db import DatabaseError

from accounts import keyring
from health.dependencies import (
    Dependency,
    Outcome,
    database,
    migrations_are_applied,
    not_reached,
    outcome_of,
    shared_cache,
    soon,
    storage,
)
from health.shared import Shared
from nocturnal_project import draining
from nocturnal_project.errors import ServiceUnavailable

Readiness = Literal["ready", "not_ready", "draining"]
_log = structlog.stdlib.get_logger("nocturnal.health")
# Reading the migrations costs some 30 ms of processor. Once there they stay under a running version, but for somebody
# who takes one back by hand: that is seen after a minute, and one that is missing as soon as it comes.
_MIGRATED_KEPT_SECONDS = 60.0


@dataclass
class _Database:
    """The last look at the database."""

    migrated_at: float = field(default=float("-inf"))
    ready: bool = True

    def look(self) -> tuple[Outcome, bool]:
        """Return how it was reached, and whether it can serve; both within one second."""
        with soon():
            outcome = outcome_of(database())
            ready = outcome.reached and self._is_migrated() and _knows_the_keys()
        if ready != self.ready:
            self.ready = ready
            _log.warning("ready again" if ready else "not ready", reached=outcome.reached)
        return outcome, ready

    def _is_migrated(self) -> bool:
        now = time.monotonic()
        if now - self.migrated_at < _MIGRATED_KEPT_SECONDS:
            return True
        try:
            applied = migrations_are_applied()
        except DatabaseError:
            return False
        self.migrated_at = now if applied else float("-inf")
        return applied


def _knows_the_keys() -> bool:
    try:
        keyring.ring()  # reads it where that has failed so far
    except ServiceUnavailable:
        return False
    return True


def _shared(find: Callable[[], Dependency]) -> Shared[Outcome]:
    return Shared(lambda: outcome_of(find()), late=lambda: not_reached(find()))


_last = _Database()
_database = Shared(_last.look, late=lambda: (not_reached(database()), False))
_others = (_shared(shared_cache), _shared(storage))


def readiness() -> Readiness:
    """Say whether requests may come; asks nobody while this process drains."""
    if draining.has_begun():
        return "draining"
    return "ready" if _database.get()[1] else "not_ready"


def shared_outcomes() -> list[Outcome]:
    """Return how everything behind was reached within the last two seconds, the database at that same look."""
    return [_database.get()[0], *(shared.get() for shared in _others)]


def forget() -> None:
    """Look anew the next time, at the migrations too."""
    _last.migrated_at = float("-inf")
    for shared in (_database, *_others):
        shared.forget()
