import time
from collections.abc import Callable, Iterator

import pytest
from django.core.signals import request_finished, request_started
from django.db import OperationalError

from accounts.models import User
from nocturnal_project.mongodb import budget
from nocturnal_project.transaction import atomic

pytestmark = pytest.mark.django_db


@pytest.fixture
def in_a_request() -> Iterator[None]:
    """A request has started on this thread, and is over after the test."""
    request_started.send(sender=None)
    yield
    request_finished.send(sender=None)
    assert budget._left.get() is None


@pytest.mark.usefixtures("in_a_request")
def test_slow_operations_share_one_budget(fail_command: Callable[..., None]) -> None:
    User.objects.exists()
    fail_command(["aggregate", "find"], times=4, blockConnection=True, blockTimeMS=3000)
    started = time.monotonic()

    User.objects.exists()
    with pytest.raises(OperationalError):
        User.objects.exists()

    assert time.monotonic() - started < 5.8


@pytest.mark.usefixtures("in_a_request")
def test_a_healthy_server_is_asked_even_when_the_budget_is_spent() -> None:
    budget._left.set(-1.0)

    assert not User.objects.exists()


def test_outside_requests_there_is_no_budget(fail_command: Callable[..., None]) -> None:
    for _ in range(2):
        fail_command(["aggregate", "find"], times=1, blockConnection=True, blockTimeMS=2700)
        assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("in_a_request")
def test_a_commit_is_sent_again_for_no_longer_than_the_request_has_left(fail_command: Callable[..., None]) -> None:
    fail_command(["commitTransaction"], times=100, blockConnection=True, blockTimeMS=3000)

    @atomic
    def read_slowly() -> None:
        User.objects.exists()
        budget._left.set(0.5)

    started = time.monotonic()
    with pytest.raises(OperationalError):
        read_slowly()

    assert time.monotonic() - started < 2
