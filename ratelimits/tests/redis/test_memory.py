"""What counts take of Redis, and that their number costs a decision nothing. On Redis' own clock and allocator.

``NOCTURNAL_SOAK=1`` takes a million subjects instead of fifty thousand.
"""

import os
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from redis import Redis

from ratelimits.policies import POLICIES
from ratelimits.redis_store import RedisStore
from ratelimits.subjects import Subject, account_subject, ip_subject, user_subject
from tests.redis_link import joined_to
from tests.services import RedisServer

_MANY = 1_000_000 if os.environ.get("NOCTURNAL_SOAK") == "1" else 50_000
_HITS = 5
AUTH, API = POLICIES["auth"], POLICIES["api"]


@pytest.fixture(scope="module")
def client() -> Iterator[Redis]:
    with RedisServer() as server, joined_to(server.url) as joined:
        yield joined


@pytest.fixture
def redis(client: Redis) -> Redis:
    client.flushall()
    return client


def _used(redis: Redis) -> int:
    info: dict[str, Any] = redis.info("memory")  # type: ignore[assignment]  # the client also answers awaitables
    return int(info["used_memory"])


def _user(number: int) -> Subject:
    return user_subject(UUID(int=number))


def _fill(redis: Redis, number: int) -> None:
    """Give so many users five hits, as one was given them by decisions: the same bytes for the same time."""
    store = RedisStore()
    for _ in range(_HITS):
        store.decide(API, [_user(0)])
    first = f"{API.prefix}{_user(0)}"
    hits, ends = redis.get(first), redis.pttl(first)
    for start in range(1, number, 10_000):
        with redis.pipeline(transaction=False) as batch:
            for user in range(start, min(start + 10_000, number)):
                batch.set(f"{API.prefix}{_user(user)}", hits, px=ends)  # type: ignore[arg-type]  # it is there
            batch.execute()


def _slowest_of_a_hundred(store: RedisStore, number: int) -> float:
    """Return the 99th percentile of decisions' seconds, of users from among so many."""
    seconds = []
    for turn in range(2000):
        started = time.perf_counter()
        store.decide(API, [_user(turn * 7919 % number)])
        seconds.append(time.perf_counter() - started)
    return sorted(seconds)[len(seconds) * 99 // 100]


@pytest.mark.parametrize(
    "subject",
    [_user(1), account_subject("alice@example.com"), ip_subject("203.0.113.207"), ip_subject("2001:db8:aaaa:bbbb::1")],
    ids=["user", "account", "ipv4", "ipv6"],
)
def test_a_subject_with_five_hits_takes_at_most_250_bytes(redis: Redis, subject: Subject) -> None:
    for _ in range(_HITS):
        assert RedisStore().decide(AUTH, [subject]).allowed

    keys = list(redis.scan_iter())
    assert len(keys) == 1
    assert redis.memory_usage(keys[0]) <= 250  # type: ignore[operator]  # it is there


def test_many_subjects_take_at_most_250_bytes_each_and_slow_no_decision(redis: Redis) -> None:
    store = RedisStore()
    _fill(redis, 1000)
    among_few = min(_slowest_of_a_hundred(store, 1000) for _ in range(3))
    redis.flushall()
    before = _used(redis)

    _fill(redis, _MANY)

    assert redis.dbsize() == _MANY
    each = (_used(redis) - before) / _MANY
    among_many = min(_slowest_of_a_hundred(store, _MANY) for _ in range(3))
    measured = f"p99 {among_few * 1e6:.0f} µs among 1000 subjects, {among_many * 1e6:.0f} among {_MANY}"
    print(f"{each:.0f} bytes a subject; {measured}")  # noqa: T201  what docs/decisions/0009-limiter.md says
    assert each <= 250
    # Twice: a busy machine's own noise is of that size. A scan over the subjects would be a thousandfold.
    assert among_many <= 2 * among_few + 0.001
