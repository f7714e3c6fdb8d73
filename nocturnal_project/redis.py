"""Redis, where it is configured: what its absence looks like.

django-redis makes the connections (settings.py has the timeouts); without its packages there is no Redis to lose.
"""

OUTAGES: tuple[type[Exception], ...] = ()
try:
    from django_redis.exceptions import ConnectionInterrupted
    from redis.exceptions import RedisError
except ImportError:  # requirements/base.txt alone: local memory
    pass
else:
    OUTAGES = (ConnectionInterrupted, RedisError)
