"""The limiter on a real redis-server whose clock the tests set."""

from collections.abc import Iterator

import pytest
from redis import Redis

from ratelimits.redis_store import RedisStore
from tests.redis_link import joined_to
from tests.servers.clock import Clock
from tests.services import RedisServer


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer(own_clock=True, persist=True) as running:
        yield running


@pytest.fixture(scope="module")
def _joined(server: RedisServer) -> Iterator[Redis]:
    with joined_to(server.url) as client:
        yield client


@pytest.fixture
def redis(_joined: Redis) -> Redis:
    _joined.flushall()
    return _joined


@pytest.fixture
def clock(server: RedisServer, redis: Redis) -> Clock:
    return server.clock


@pytest.fixture
def store(redis: Redis) -> RedisStore:
    return RedisStore()
