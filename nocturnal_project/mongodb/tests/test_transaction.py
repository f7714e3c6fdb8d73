"""Blocks are whole or nothing, on this database and after every kind of failure."""

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection
from django.db.transaction import TransactionManagementError

from accounts.models import User
from nocturnal_project.mongodb import commit
from nocturnal_project.mongodb.errors import CommitOutcomeUnknown
from nocturnal_project.mongodb.tests.rows import make_user, write
from nocturnal_project.transaction import atomic, on_commit

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 4
REQUESTS = 100
NO_PRIMARY = {"errorCode": 10107, "errorLabels": ["TransientTransactionError"]}


@atomic
def write_and_tell(called: list[str]) -> None:
    """Store somebody, and tell when it is sure."""
    make_user("alice@example.com")
    on_commit(lambda: called.append("told"))


def test_an_inner_failure_that_is_caught_fails_the_outer_block() -> None:
    @atomic
    def inner() -> None:
        make_user("bob@example.com")
        raise ValueError

    @atomic
    def outer() -> None:
        make_user("alice@example.com")
        with contextlib.suppress(ValueError):
            inner()

    with pytest.raises(TransactionManagementError, match="no savepoints"):
        outer()
    assert not User.objects.exists()
    write()


def test_a_conflict_is_an_operational_error_and_the_block_is_not_run_again() -> None:
    user, runs = make_user("alice@example.com"), []

    def other() -> None:
        User.objects.filter(pk=user.pk).update(name="Other")

    @atomic
    def block() -> None:
        runs.append(User.objects.get(pk=user.pk))
        with ThreadPoolExecutor(1) as thread:
            thread.submit(other).result()
        User.objects.filter(pk=user.pk).update(name="Ours")

    with pytest.raises(OperationalError):
        block()
    assert len(runs) == 1
    assert User.objects.get().name == "Other"


def test_a_taken_key_is_an_integrity_error_inside_a_block_too() -> None:
    make_user("alice@example.com")
    with pytest.raises(IntegrityError), atomic():
        make_user("alice@example.com")
    write()


def test_a_commit_whose_answer_is_lost_is_sent_again(fail_command: Callable[..., None]) -> None:
    fail_command(["commitTransaction"], times=3, closeConnection=True)
    user = write()
    assert User.objects.get(pk=user.pk).name == "Somebody"


def test_a_commit_that_is_never_confirmed_ends_in_bounded_time(
    fail_command: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "COMMIT_SECONDS", 1.0)
    write()
    unknown = {"code": 64, "errmsg": "waiting for replication timed out", "codeName": "WriteConcernFailed"}
    fail_command(["commitTransaction"], times=1000, writeConcernError=unknown)
    called: list[str] = []
    started = time.monotonic()
    with pytest.raises(CommitOutcomeUnknown):
        write_and_tell(called)
    assert time.monotonic() - started < 2
    assert called == []
    fail_command(["commitTransaction"], times=1, errorCode=1)  # leaves the endless failure behind
    with pytest.raises(DatabaseError):
        write()
    write()


def test_a_refused_commit_leaves_nothing_and_calls_nobody(fail_command: Callable[..., None]) -> None:
    called: list[str] = []
    fail_command(["commitTransaction"], times=1, errorCode=251, errorLabels=["TransientTransactionError"])
    with pytest.raises(OperationalError):
        write_and_tell(called)
    assert called == []
    assert not User.objects.exists()


@pytest.mark.parametrize("how", [NO_PRIMARY, {"closeConnection": True}, {"errorCode": 8000}])
@pytest.mark.parametrize("command", ["insert", "update", "commitTransaction"])
def test_a_failure_leaves_its_thread_usable(
    fail_command: Callable[..., None], command: str, how: dict[str, Any]
) -> None:
    def work(writes: int) -> list[str]:
        outcomes = []
        for _ in range(writes):
            try:
                write()
                outcomes.append("done")
            except DatabaseError as error:
                outcomes.append(type(error).__name__)
            wrapper: Any = connection
            assert (wrapper.session, wrapper.in_atomic_block_mongo, wrapper.run_on_commit) == (None, False, [])
        return outcomes

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda _: User.objects.exists(), range(THREADS * 4)))  # every thread is connected
        fail_command([command], times=THREADS, **how)
        # A connection that is closed takes the pool's others with it, so more than one write each may fail.
        meanwhile = [outcome for thread in threads.map(work, [5] * THREADS) for outcome in thread]
        afterwards = [outcome for thread in threads.map(work, [REQUESTS] * THREADS) for outcome in thread]
    assert afterwards == ["done"] * (THREADS * REQUESTS)
    done = meanwhile.count("done") + len(afterwards)
    assert User.objects.count() == done
    # A lost connection is retried by the driver for a commit; a plain refusal never is.
    assert "errorCode" not in how or meanwhile.count("done") < len(meanwhile) or command == "commitTransaction"


@pytest.mark.parametrize("command", ["insert", "update", "find", "aggregate"])
def test_a_failure_outside_a_block_is_djangos_and_the_thread_goes_on(
    fail_command: Callable[..., None], command: str
) -> None:
    user = make_user("alice@example.com")
    fail_command([command], times=1, errorCode=8000)
    failed = 0
    for number in range(REQUESTS):
        try:
            make_user(f"{number}@example.com")
            User.objects.filter(pk=user.pk).update(name="A")
            User.objects.get(pk=user.pk)
        except DatabaseError:
            failed += 1
    assert failed == (command != "find")  # reads are aggregates
