"""A real Redis for the tests of what reads and changes it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings
from django_redis import get_redis_connection

from nocturnal_project.redis import link
from tests.services import RedisServer


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """One redis-server for the tests of a module."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Any]:
    """The product's own client of an empty Redis, which the limiter uses while the test runs."""
    cache = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": redis_server.url,
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 0.2, "SOCKET_TIMEOUT": 0.2},
    }
    with override_settings(REDIS_URL=redis_server.url, CACHES={"default": cache}):
        client = get_redis_connection("default")
        client.flushall()
        client.script_flush()
        link._open.clear()
        yield client
        client.connection_pool.disconnect()
        for each in caches.all(initialized_only=True):
            each.close()
    link._open.clear()


@pytest.fixture
def redis_away(settings: Any) -> Iterator[None]:
    """Redis is configured, and nothing listens where it should be."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    link._open.set()
    yield
    link._open.clear()
