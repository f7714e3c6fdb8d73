"""This process joined to a Redis of the tests, as settings.py joins one to REDIS_URL."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.test import override_settings
from django_redis import get_redis_connection
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from nocturnal_project import redis_connections
from nocturnal_project.redis import link

# Longer than the product's 200 ms: a busy machine is not what these tests are about.
_TIMEOUT = 10.0


@contextmanager
def joined_to(url: str) -> Iterator[Redis]:
    """Let the link and the cache use a server while the block runs, and give it a client to look inside with."""
    caches = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": url,
            "KEY_PREFIX": "nocturnal",
            "OPTIONS": {
                "SOCKET_CONNECT_TIMEOUT": _TIMEOUT,
                "SOCKET_TIMEOUT": _TIMEOUT,
                "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 0)},
            },
        }
    }
    # What has to be done in the database when Redis is back is for tests that have one.
    to_do, link._on_return = link._on_return, []
    patience, redis_connections.PATIENCE_SECONDS = redis_connections.PATIENCE_SECONDS, _TIMEOUT
    with override_settings(REDIS_URL=url, CACHES=caches):
        client = Redis.from_url(url, retry=Retry(NoBackoff(), 0))
        try:
            yield client
        finally:
            left = not link.closed
            link._on_return = to_do
            redis_connections.PATIENCE_SECONDS = patience
            client.close()
            get_redis_connection("default").connection_pool.disconnect()
            assert not left, "A test left without its Redis."
