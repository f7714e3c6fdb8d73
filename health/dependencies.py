"""What this instance depends on, and whether it answers.

Each probe is a real round trip. Outcomes name no address, version or error text: strangers read them.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from health.shared import PATIENCE_SECONDS
from nocturnal_project.redis import link

_log = structlog.stdlib.get_logger("nocturnal.health")
_DATABASE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Dependency:
    """One outside system. ``needed`` means that nothing can be served without it."""

    name: str
    kind: str
    needed: bool
    probe: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a probe went."""

    dependency: Dependency
    reached: bool
    latency_ms: float


def _ping_database() -> None:
    """Make one round trip that needs no table, so that a database without its migrations counts as reached."""
    backend: Any = connection
    with soon():
        backend.ensure_connection()
        if backend.vendor == "mongodb":
            backend.database.command("ping")
        else:
            with backend.cursor() as cursor:
                cursor.execute("SELECT 1")


def soon() -> AbstractContextManager[object]:
    """Give everything inside one second of MongoDB, waiting for a connection included; SQLite answers or fails."""
    if connection.vendor != "mongodb":
        return nullcontext()
    import pymongo

    limit: AbstractContextManager[object] = pymongo.timeout(_DATABASE_SECONDS)
    return limit


def _write_and_read_cache() -> None:
    """Ask Redis as requests do, so that a probe waits no longer than they: 200 ms once, and then not at all.

    While requests do without Redis, the cache counts as not reached, even where it answers.
    """
    stamp = time.monotonic_ns()
    name = f"health:{settings.INSTANCE_ID}"
    if link.configured:
        link.call("SET", name, stamp, "EX", 10)
        return
    cache.set(name, stamp, 10)
    if cache.get(name) is None:
        raise ConnectionError


def _look_for_a_key() -> object:
    return default_storage.exists("health/nothing-is-here")


def _kind_of_cache() -> str:
    if settings.REDIS_SENTINELS:
        return "redis, sentinel"
    return "redis" if settings.REDIS_URL else "local memory"


def database() -> Dependency:
    """Return the one without which nothing can be served."""
    return Dependency("database", connection.vendor, needed=True, probe=_ping_database)


def shared_cache() -> Dependency:
    """Return what counts for all instances; without it each counts for itself."""
    return Dependency("cache", _kind_of_cache(), needed=False, probe=_write_and_read_cache)


def storage() -> Dependency:
    """Return where the files are; without it everything but files is served."""
    return Dependency("storage", "s3" if settings.USE_S3 else "local files", needed=False, probe=_look_for_a_key)


def dependencies() -> list[Dependency]:
    """Return what this instance is configured to depend on."""
    return [database(), shared_cache(), storage()]


def outcome_of(dependency: Dependency) -> Outcome:
    """Probe one dependency; whatever goes wrong is logged and counts as not reached."""
    started = time.perf_counter()
    try:
        dependency.probe()
        reached = True
    except Exception as error:  # noqa: BLE001  the drivers behind share no base class, and a probe must not fail
        _log.warning("dependency not reached", dependency=dependency.name, error=type(error).__name__)
        reached = False
    return Outcome(dependency, reached, round((time.perf_counter() - started) * 1000, 1))


def not_reached(dependency: Dependency) -> Outcome:
    """Return the outcome for who waited for another's probe in vain."""
    return Outcome(dependency, reached=False, latency_ms=PATIENCE_SECONDS * 1000)


def warm_up() -> None:
    """Reach everything once, so that the first requests do not each make a client of their own."""
    for dependency in dependencies():
        outcome_of(dependency)
    connection.close()


def migrations_are_applied() -> bool:
    """Tell whether the database has every migration that this version knows.

    Raises:
        DatabaseError: it cannot be asked.
    """
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
