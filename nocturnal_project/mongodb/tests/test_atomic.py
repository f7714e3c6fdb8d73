"""A block means the same on every database that the project runs on."""

import pytest
from django.db import transaction as django_transaction

from accounts.models import User
from nocturnal_project.mongodb.tests.rows import make_user, write
from nocturnal_project.transaction import atomic, on_commit

pytestmark = pytest.mark.django_db(transaction=True)


@atomic
def write_and_fail() -> None:
    make_user("alice@example.com")
    write()  # a block of its own, inside
    raise ValueError


def test_a_block_that_fails_leaves_nothing_nor_do_blocks_inside_it() -> None:
    with pytest.raises(ValueError):  # noqa: PT011  our own, above
        write_and_fail()
    assert not User.objects.exists()


def test_a_decorated_function_is_a_block_each_time() -> None:
    @atomic()
    def make(email: str) -> None:
        make_user(email)

    make("alice@example.com")
    make("bob@example.com")
    assert User.objects.count() == 2


def test_what_waits_for_a_commit_runs_after_it() -> None:
    seen: list[bool] = []
    with atomic():
        make_user("alice@example.com")
        on_commit(lambda: seen.append(User.objects.filter(email="alice@example.com").exists()))
        assert seen == []
    assert seen == [True]


def test_what_waits_for_a_commit_never_runs_without_it() -> None:
    seen: list[str] = []

    @atomic
    def fail() -> None:
        on_commit(lambda: seen.append("called"))
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  our own, above
        fail()
    write()
    assert seen == []


def test_a_block_inside_djangos_own_block_commits_and_calls_back() -> None:
    seen = []
    with django_transaction.atomic():  # as every view of the admin has it
        write()
        with atomic():
            on_commit(lambda: seen.append("called"))
    assert seen == ["called"]
