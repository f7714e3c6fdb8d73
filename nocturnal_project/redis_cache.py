"""Django's cache on Redis, for the admin's sessions: while the breaker is open it fails at once, as an outage.

What is asked of a cache that is away must not be answered with nothing: staff would be signed out, and an empty session
would be stored over theirs. So it raises, and the answer is 503.
"""

from typing import Any

from django_redis.client import DefaultClient, SentinelClient
from redis.exceptions import ConnectionError as RedisConnectionError

from nocturnal_project.redis import link


class _BehindTheBreaker(DefaultClient):
    def get_client(self, write: bool = True, tried: list[int] | None = None) -> Any:
        """Return the client.

        Raises:
            redis.exceptions.ConnectionError: Redis is away, as far as the breaker knows; nobody waits to find out.
        """
        if not link.closed:
            raise RedisConnectionError("Redis is away.")
        return super().get_client(write, tried)


class CacheClient(_BehindTheBreaker):
    """Of one Redis."""


class SentinelCacheClient(_BehindTheBreaker, SentinelClient):
    """Of the primary that sentinels name. Never of a replica, which may not have yet what was just written."""

    def get_next_client_index(self, write: bool = True, tried: list[int] | None = None) -> int:
        """Return the primary's."""
        return 0
