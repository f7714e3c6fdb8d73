"""This process joined to a Redis of the tests, as settings.py joins one to REDIS_URL."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.test import override_settings
from django_redis import get_redis_connection
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from nocturnal_project.redis import link
from tests.servers.redis import RedisServer

# Longer than the product's 200 ms: a busy machine is not what these tests are about.
_TIMEOUT = 10


@contextmanager
def joined_to(server: RedisServer) -> Iterator[Redis]:
    """Let the link and the cache use the server while the block runs, and give it a client to look inside with."""
    caches = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": server.url,
            "KEY_PREFIX": "nocturnal",
            "OPTIONS": {
                "SOCKET_CONNECT_TIMEOUT": _TIMEOUT,
                "SOCKET_TIMEOUT": _TIMEOUT,
                "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 0)},
            },
        }
    }
    with override_settings(REDIS_URL=server.url, CACHES=caches):
        client = Redis(port=server.port, retry=Retry(NoBackoff(), 0))
        try:
            yield client
        finally:
            assert link.closed, "A test left without its Redis."
            client.close()
            get_redis_connection("default").connection_pool.disconnect()
