"""Measures reads on our database engine, on the stock backend, and on the driver alone.

    python -m benchmarks.database [--uri mongodb://…] [--documents 50000] [--seconds 8]

Two databases of one server hold the same documents; each was migrated by its own engine, so each has the
indexes that its engine makes. The three ways take turns, one call each with the same random key, so that
whatever else the machine does meets all three alike. Ratios of medians are what to compare; microseconds
are this machine's. On stock a page costs as much as all that it is the newest of (every file of the owner,
or of everybody), so its ratio is a matter of how many there are; on ours it costs a page. Without ``--uri``
it starts a mongod of its own. Both databases are dropped at the end.

Exit code 0: every expectation holds. 1: one does not.
"""

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymongo

OURS, STOCK = "default", "stock"
DATABASES = {OURS: "nocturnal_benchmark_ours", STOCK: "nocturnal_benchmark_stock"}
OWNERS = 2
PAGE = 51
WARM_UP = 20
WAYS = ("ours", "stock", "raw")


@dataclass(frozen=True)
class Measure:
    """One read in three ways, and what the medians must show."""

    name: str
    keys: list[Any]
    ours: Callable[[Any], Any]
    stock: Callable[[Any], Any]
    raw: Callable[[Any], Any]
    expected: str
    holds: Callable[[dict[str, float]], bool]

    def take(self, seconds: float) -> tuple[dict[str, float], int]:
        """Return the median µs of each way, and how often each was called."""
        spent: dict[str, list[float]] = {way: [] for way in WAYS}
        chosen = random.Random(7)  # the same keys every time
        until = time.perf_counter() + seconds
        while time.perf_counter() < until or len(spent["raw"]) < 2 * WARM_UP:
            key = chosen.choice(self.keys)
            for way in WAYS:
                started = time.perf_counter()
                getattr(self, way)(key)
                spent[way].append((time.perf_counter() - started) * 1e6)
        return {way: statistics.median(times[WARM_UP:]) for way, times in spent.items()}, len(spent["raw"]) - WARM_UP


@contextmanager
def server(uri: str | None) -> Iterator[str]:
    """Give the server at the URI, or one of our own."""
    if uri:
        yield uri
        return
    from tests.services import MongoServer

    with MongoServer(replicas=1) as own:
        yield own.uri


@contextmanager
def databases(uri: str) -> Iterator[None]:
    """Make both databases, each by its own engine, and drop them afterwards."""
    os.environ["MONGODB_URI"] = uri
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nocturnal_project.settings")
    import django
    from django.conf import settings

    settings.DATABASES[OURS]["NAME"] = DATABASES[OURS]
    settings.DATABASES[STOCK] = {
        **settings.DATABASES[OURS],
        "ENGINE": "django_mongodb_backend",
        "NAME": DATABASES[STOCK],
    }
    django.setup()
    from django.core.management import call_command
    from django.db import connections

    client = connections[OURS].get_new_connection(connections[OURS].get_connection_params())
    try:
        for alias, name in DATABASES.items():
            client.drop_database(name)
            call_command("migrate", database=alias, verbosity=0)
        yield
    finally:
        with pymongo.timeout(60):
            for name in DATABASES.values():
                client.drop_database(name)


def table_of(model: Any) -> str:
    """Return the name of a model's collection."""
    return str(model._meta.db_table)  # noqa: SLF001  Django's documented name


def fill(documents: int) -> tuple[list[Any], list[str]]:
    """Store the same users and uploads in both; return the users' keys and e-mails."""
    from django.db import connections

    from accounts.models import User
    from nocturnal_project.identifiers import uuid7
    from uploads.models import Upload

    users = [User(email=f"user{number:06}@example.com", password="!") for number in range(documents)]
    User.objects.bulk_create(users, batch_size=5000)
    Upload.objects.bulk_create(
        (
            Upload(
                owner=users[number % OWNERS],
                category="general",
                filename=f"{number}.txt",
                content_type="text/plain",
                size_bytes=number,
                sha256="0" * 64,
                key=f"general/{number}",
                status="ready",
                request_key=str(uuid7()),
            )
            for number in range(documents)
        ),
        batch_size=5000,
    )
    with pymongo.timeout(300):
        for model in (User, Upload):
            source, target = (connections[alias].database[table_of(model)] for alias in (OURS, STOCK))
            target.insert_many(source.find())
    return [user.pk for user in users], [user.email for user in users]


def measures(keys: list[Any], emails: list[str]) -> list[Measure]:
    """Return what is measured."""
    from django.db import connections

    from accounts.models import User
    from uploads.models import Upload

    users, uploads = (connections[OURS].database[table_of(model)] for model in (User, Upload))

    def by(field: str, alias: str) -> Callable[[Any], Any]:
        return lambda value: User.objects.using(alias).get(**{field: value})

    def newest(alias: str) -> Callable[[Any], Any]:
        return lambda owner: list(Upload.objects.using(alias).filter(owner_id=owner).order_by("-id")[:PAGE])

    def newest_of_all(alias: str) -> Callable[[Any], Any]:
        return lambda _: list(Upload.objects.using(alias).order_by("-id")[:PAGE])

    def raw_newest(owner: Any) -> list[dict[str, Any]]:
        return list(uploads.find({"owner_id": owner.hex}).sort("_id", -1).limit(PAGE))

    def faster_than_stock(took: dict[str, float]) -> bool:
        return took["stock"] >= 10 * took["ours"]

    return [
        Measure(
            "a user by id", keys, by("pk", OURS), by("pk", STOCK), lambda key: users.find_one({"_id": key.hex}),
            "at most 3 times raw", lambda took: took["ours"] <= 3 * took["raw"],
        ),
        Measure(
            "a user by e-mail", emails, by("email", OURS), by("email", STOCK),
            lambda email: users.find_one({"email": email}), "10 times faster than stock", faster_than_stock,
        ),
        Measure(
            "newest of an owner's uploads", keys[:OWNERS], newest(OURS), newest(STOCK), raw_newest,
            "10 times faster than stock", faster_than_stock,
        ),
        Measure(
            "newest of all uploads", [None], newest_of_all(OURS), newest_of_all(STOCK),
            lambda _: list(uploads.find().sort("_id", -1).limit(PAGE)), "10 times faster than stock", faster_than_stock,
        ),
    ]  # fmt: skip


def main() -> int:
    """Measure and print; tell whether every expectation holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--uri", help="a MongoDB to use; its databases nocturnal_benchmark_* are dropped")
    parser.add_argument("--documents", type=int, default=50_000, help="users, and as many uploads")
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each read is measured")
    wanted = parser.parse_args()
    failed = 0
    with server(wanted.uri) as uri, databases(uri):
        keys, emails = fill(wanted.documents)
        print(f"{wanted.documents:,} users and as many uploads of {OWNERS} owners; median µs, taken in turns")
        print(f"{'read':28}{'ours':>9}{'stock':>9}{'raw':>9}{'stock/ours':>12}{'ours/raw':>10}{'calls':>8}  expected")
        for measure in measures(keys, emails):
            took, calls = measure.take(wanted.seconds)
            verdict = "holds" if measure.holds(took) else "DOES NOT HOLD"
            failed += not measure.holds(took)
            ratios = f"{took['stock'] / took['ours']:>12.1f}{took['ours'] / took['raw']:>10.2f}"
            micros = "".join(f"{took[way]:>9.0f}" for way in WAYS)
            print(f"{measure.name:28}{micros}{ratios}{calls:>8}  {measure.expected}: {verdict}")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
