"""Without its server a query fails soon, as unavailable, and works again when the server does."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pymongo
import pytest
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connections

from accounts.models import User
from nocturnal_project.mongodb.config import database_settings
from nocturnal_project.mongodb.tests.conftest import database
from nocturnal_project.mongodb.tests.rows import make_user
from nocturnal_project.transaction import atomic
from tests.services import MongoServer

LIMIT_SECONDS = 6.0
pytestmark = pytest.mark.usefixtures("django_db_setup")


@pytest.fixture
def alice(own_database: str, django_db_blocker: Any) -> Iterator[User]:
    """Somebody on a server of the test's own."""
    with django_db_blocker.unblock():
        call_command("migrate", database=own_database, verbosity=0)
        yield make_user("alice@example.com", using=own_database)


def process_id(server: MongoServer) -> int:
    """Return the server's process."""
    with pymongo.MongoClient[dict[str, Any]](server.uri) as client:
        return int(client.admin.command("serverStatus")["pid"])


def save(user: User) -> None:
    """Update by key."""
    user.name = "Alice"
    user.save(using="own")


def in_a_block(user: User) -> None:
    """Read and write in a transaction."""
    with atomic("own"):
        User.objects.using("own").get(pk=user.pk)
        save(user)


ACTIONS: dict[str, Callable[[User], Any]] = {
    "read": lambda user: User.objects.using("own").get(pk=user.pk),
    "insert": lambda _: make_user("bob@example.com", using="own"),
    "save": save,
    "update many": lambda _: User.objects.using("own").update(name="B"),
    "delete": lambda user: User.objects.using("own").filter(pk=user.pk).delete(),
    "block": in_a_block,
}


def assert_unavailable_soon(action: Callable[[User], Any], user: User) -> None:
    """Fail unless the action is refused as unavailable within the limit."""
    started = time.monotonic()
    with pytest.raises(OperationalError):
        action(user)
    assert time.monotonic() - started < LIMIT_SECONDS


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_server_is_unavailable_within_six_seconds(alice: User, server: MongoServer, how: signal.Signals) -> None:
    pid = process_id(server)
    os.kill(pid, how)
    # Each on a thread of its own, at once: five seconds for all of them.
    with ThreadPoolExecutor(len(ACTIONS)) as threads:
        running = [threads.submit(assert_unavailable_soon, action, alice) for action in ACTIONS.values()]
        for one in running:
            one.result()
    if how is signal.SIGSTOP:
        os.kill(pid, signal.SIGCONT)
        assert User.objects.using("own").filter(email="alice@example.com").count() <= 1
        in_a_block(make_user("carol@example.com", using="own"))


def test_a_server_lost_in_the_middle_of_a_block_is_unavailable_within_six_seconds(
    alice: User, server: MongoServer
) -> None:
    pid = process_id(server)

    def block(user: User) -> None:
        with atomic("own"):
            save(user)
            os.kill(pid, signal.SIGSTOP)

    assert_unavailable_soon(block, alice)
    os.kill(pid, signal.SIGCONT)
    wrapper: Any = connections["own"]
    assert wrapper.session is None
    in_a_block(make_user("bob@example.com", using="own"))  # the server may hold alice's row a while


def test_a_server_that_was_never_there_is_unavailable_not_an_error(django_db_blocker: Any) -> None:
    settings = database_settings("mongodb://127.0.0.1:9/nocturnal?replicaSet=rs0&timeoutMS=300")
    with django_db_blocker.unblock(), database("own", settings):
        for _ in range(2):
            with pytest.raises(OperationalError):
                User.objects.using("own").exists()
            with pytest.raises(OperationalError):
                connections["own"].introspection.table_names()


def test_an_election_is_waited_for(alice: User, server: MongoServer) -> None:
    with pymongo.MongoClient[dict[str, Any]](server.uri, directConnection=True) as client:
        client.admin.command("replSetStepDown", 1, force=True)
    with pymongo.timeout(30):  # on a busy machine an election can outlast a request's five seconds
        save(alice)
        make_user("bob@example.com", using="own")
        assert User.objects.using("own").count() == 2


def test_sixteen_first_queries_make_one_client(own_database: str, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), ThreadPoolExecutor(16) as threads:

        def client(_: int) -> int:
            connections["own"].ensure_connection()
            return id(connections["own"].connection)

        assert len(set(threads.map(client, range(16)))) == 1


def test_a_refusal_that_is_no_outage_is_not_called_one(alice: User) -> None:
    with pytest.raises(DatabaseError) as refused:
        User.objects.using("own").filter(email__regex="(").exists()
    assert not isinstance(refused.value, OperationalError)
