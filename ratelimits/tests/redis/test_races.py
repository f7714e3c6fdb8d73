"""Three processes of fifty threads each at one subject, with what may go wrong meanwhile.

``NOCTURNAL_SOAK=1`` makes a hundred rounds of the five.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from redis import Redis

from ratelimits.policies import POLICIES, Policy
from ratelimits.redis_store import RedisStore
from ratelimits.subjects import user_subject
from tests.live_server import ROOT
from tests.services import RedisServer

_ROUNDS = 100 if os.environ.get("NOCTURNAL_SOAK") == "1" else 5
_TRIES = 2  # of each thread: three hundred in all, and a hundred may pass
API, AUTH = POLICIES["api"], POLICIES["auth"]
_fresh = count()


class Instance:
    """A process of tests/limiter_process.py."""

    def __init__(self, url: str) -> None:
        argv = [sys.executable, "-m", "tests.limiter_process", url]
        self.process = subprocess.Popen(  # noqa: S603  our own module
            argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, policy: Policy, user_id: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{policy.name} {user_id} {_TRIES}\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            pipe.close()
        self.process.kill()
        self.process.wait()


@contextmanager
def running(server: RedisServer, number: int) -> Iterator[list[Instance]]:
    instances = [Instance(server.url) for _ in range(number)]
    try:
        assert [instance.answer() for instance in instances] == ["ready"] * number
        yield instances
    finally:
        for instance in instances:
            instance.end()


@pytest.fixture(scope="module")
def instances(server: RedisServer) -> Iterator[list[Instance]]:
    with running(server, 3) as ready:
        yield ready


@pytest.mark.parametrize("policy", [API, AUTH], ids=["api", "auth"])
def test_exactly_the_limit_passes_of_three_processes_of_fifty_threads(
    instances: list[Instance], store: RedisStore, policy: Policy
) -> None:
    passed = []
    for _ in range(_ROUNDS):
        user_id = f"u{next(_fresh)}"
        for instance in instances:
            instance.ask(policy, user_id)
        passed.append(sum(int(instance.answer()) for instance in instances))

    assert passed == [policy.normal] * _ROUNDS


def test_no_count_is_lost_or_doubled_while_scripts_are_forgotten(
    instances: list[Instance], redis: Redis, store: RedisStore
) -> None:
    for _ in range(_ROUNDS):
        user_id = f"u{next(_fresh)}"
        redis.script_flush()  # so that all fifty threads find it forgotten at once
        instances[0].ask(API, user_id)  # a hundred tries: each must count once
        while store.standings(API, [user_subject(user_id)])[0].used < API.normal:
            redis.script_flush()
        assert int(instances[0].answer()) == API.normal
        assert redis.strlen(f"rate-limit:api:user:{user_id}") == API.normal * 6


def test_not_more_than_the_limit_passes_when_an_instance_is_killed_in_the_middle(
    server: RedisServer, redis: Redis, store: RedisStore
) -> None:
    for _ in range(max(1, _ROUNDS // 10)):
        user_id = f"u{next(_fresh)}"
        with running(server, 3) as started:
            for instance in started:
                instance.ask(API, user_id)
            while not store.standings(API, [user_subject(user_id)])[0].used:
                pass
            started[0].process.kill()
            survivors = sum(int(instance.answer()) for instance in started[1:])

        used = store.standings(API, [user_subject(user_id)])[0].used
        assert survivors <= used == API.normal
