"""Measures one decision of our limiter beside those of others, and beside the round trip itself.

    python3.11 -m venv /tmp/benchmarks
    /tmp/benchmarks/bin/pip install --require-hashes --requirement requirements/benchmarks.txt
    /tmp/benchmarks/bin/python -m benchmarks.limiter [--seconds 20] [--users 1000]

One redis-server of its own, one process, the same users in the same order. The ways take turns of two hundred calls,
in a new order each round, so that whatever else the machine does meets all alike; each way has as many calls in the
end. Once with one thread, once with eight. Ratios are what to compare; the numbers are this machine's.

ours                    limiter.decide: count, ladder, holds, tally; api's limit, exact in any trailing window
drf                     DRF's SimpleRateThrottle on django-redis: reads a list and writes it, so that it races
django-ratelimit        get_usage on django-redis: a fixed window, twice the limit around its edge
limits                  MovingWindowRateLimiter on Redis: a list of the limit's length, on the client's clock
django-smart-ratelimit  the Redis backend's sliding window: a sorted set, on the client's clock
evalsha                 redis-py's evalsha of a script that returns 1: what a round trip costs

Redis' own µs are those of the commands that the client sent (INFO commandstats), and bytes those that 10,000
users with five calls each add to used_memory. Exit code 0: every expectation holds. 1: one does not.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle, islice
from types import SimpleNamespace
from typing import Any

from redis import Redis

TURN = 200
OURS, BARE = "ours", "evalsha"
LIMIT, WINDOW = 100, 600
HITS, WEIGHED = 5, 10_000
Call = Callable[[str], Any]


@dataclass
class Way:
    """One limiter: how it is asked, and with which commands it asks Redis."""

    call: Call
    commands: tuple[str, ...]
    seconds: float = 0.0
    calls: int = 0
    server_us: float = 0.0
    took: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return self.calls / self.seconds

    @property
    def p99_us(self) -> float:
        return sorted(self.took)[len(self.took) * 99 // 100] * 1e6

    def forget(self) -> None:
        self.seconds, self.calls, self.server_us, self.took = 0.0, 0, 0.0, []


def django_on(url: str) -> None:
    """Set Django up as the product is with this Redis."""
    os.environ.update(DOTENV="", REDIS_URL=url, LOG_LEVEL="error", NOCTURNAL_ENV="development")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nocturnal_project.settings")
    import django

    django.setup()


def ways(client: Redis, port: int) -> dict[str, Way]:
    """Return everything that is measured."""
    from django.conf import settings

    settings.RATELIMIT_REDIS = {"host": "127.0.0.1", "port": port, "db": 0}
    from django.http import HttpRequest
    from django_ratelimit.core import get_usage
    from django_smart_ratelimit.backends.redis_backend import RedisBackend
    from limits import RateLimitItemPerSecond
    from limits.storage import storage_from_string
    from limits.strategies import MovingWindowRateLimiter
    from rest_framework.throttling import SimpleRateThrottle

    from ratelimits import limiter
    from ratelimits.policies import POLICIES
    from ratelimits.subjects import user_subject

    api = POLICIES["api"]
    assert (api.normal, api.window) == (LIMIT, WINDOW)

    class Throttle(SimpleRateThrottle):
        rate = f"{LIMIT}/m"
        scope = "api"

        def parse_rate(self, rate: str | None) -> tuple[int | None, int | None]:
            return LIMIT, WINDOW

        def get_cache_key(self, request: Any, view: Any) -> str:
            return f"throttle_api_{request.user}"

    moving = MovingWindowRateLimiter(storage_from_string(f"redis://127.0.0.1:{port}/0"))
    item = RateLimitItemPerSecond(LIMIT, WINDOW)
    smart = RedisBackend()
    digest = client.script_load("return 1")
    rate = f"{LIMIT}/{WINDOW}s"

    def ratelimit(user: str) -> Any:
        request = HttpRequest()
        return get_usage(request, group="api", key=lambda *_: user, rate=rate, increment=True)

    return {
        OURS: Way(lambda user: limiter.decide(api, [user_subject(user)]), ("evalsha", "eval")),
        "drf": Way(lambda user: Throttle().allow_request(SimpleNamespace(user=user), None), ("get", "set")),
        "django-ratelimit": Way(ratelimit, ("set", "eval")),
        "limits": Way(lambda user: moving.hit(item, user), ("evalsha", "eval")),
        "django-smart-ratelimit": Way(lambda user: smart.incr(f"api:{user}", WINDOW), ("evalsha", "eval")),
        BARE: Way(lambda user: client.evalsha(digest, 1, user), ("evalsha",)),
    }


def take_turn(way: Way, users: list[str], pool: ThreadPoolExecutor, threads: int, redis: Redis) -> None:
    """Call a way for each of the users, on so many threads, and keep what it took."""

    def run(mine: list[str]) -> list[float]:
        took = []
        for user in mine:
            started = time.perf_counter()
            way.call(user)
            took.append(time.perf_counter() - started)
        return took

    redis.config_resetstat()
    started = time.perf_counter()
    for took in pool.map(run, [users[thread::threads] for thread in range(threads)]):
        way.took += took
    way.seconds += time.perf_counter() - started
    way.calls += len(users)
    stats: dict[str, Any] = redis.info("commandstats")
    way.server_us += sum(stats.get(f"cmdstat_{command}", {}).get("usec", 0) for command in way.commands)


def measure(measured: dict[str, Way], seconds: float, threads: int, users: list[str], redis: Redis) -> None:
    """Let the ways take turns for so long."""
    for way in measured.values():
        way.forget()
    redis.flushdb()
    chosen, ordered = random.Random(7), cycle(users)
    with ThreadPoolExecutor(threads) as pool:
        for way in measured.values():  # connections, scripts and imports are not what is measured
            take_turn(way, users[:TURN], pool, threads, redis)
            way.forget()
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            turn = list(islice(ordered, TURN))
            for name in chosen.sample(list(measured), len(measured)):
                take_turn(measured[name], turn, pool, threads, redis)


def bytes_a_subject(way: Way, redis: Redis) -> float:
    """Return what a user with five hits takes."""
    redis.flushdb()
    before = redis.info("memory")["used_memory"]
    for user in users_of(WEIGHED):
        for _ in range(HITS):
            way.call(user)
    return (redis.info("memory")["used_memory"] - before) / WEIGHED


def users_of(number: int) -> list[str]:
    """Return the ids of so many users."""
    return [f"0190b0a0-0000-7000-8000-{user:012}" for user in range(number)]


def report(measured: dict[str, Way], threads: int) -> int:
    """Print one run, and return how many expectations do not hold."""
    ours, bare = measured[OURS], measured[BARE]
    print(f"\n{threads} thread{'s' * (threads > 1)}, {ours.calls:,} calls of each")
    print(f"{'':24}{'decisions/s':>12}{'ours is':>9}{'p99 µs':>9}{'ours is':>9}{'redis µs':>10}")
    for name, way in measured.items():
        faster, sooner = ours.per_second / way.per_second, ours.p99_us / way.p99_us
        print(
            f"{name:24}{way.per_second:>12,.0f}{faster:>9.2f}{way.p99_us:>9.0f}{sooner:>9.2f}"
            f"{way.server_us / way.calls:>10.1f}"
        )
    slower = [name for name, way in measured.items() if name not in (OURS, BARE) and way.per_second >= ours.per_second]
    expected = {
        "at least 0.8 of the bare evalsha": ours.per_second >= 0.8 * bare.per_second,
        "ahead of every other" + (f", not of {', '.join(slower)}" if slower else ""): not slower,
    }
    for what, holds in expected.items():
        print(f"{'holds' if holds else 'FAILS'}: {what}")
    return sum(not holds for holds in expected.values())


def main() -> int:
    """Measure and print; tell whether every expectation holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each number of threads is measured")
    parser.add_argument("--users", type=int, default=1000, help="how many ask in turn")
    wanted = parser.parse_args()
    from tests.services import RedisServer

    users = users_of(wanted.users)
    with RedisServer() as server:
        django_on(server.url)
        with Redis(port=server.port) as redis:
            measured = ways(redis, server.port)
            failed = 0
            # First, because what a busy connection's buffers took is given back at some time.
            print("bytes of a user with five calls")
            for name, way in measured.items():
                if name != BARE:
                    way.call("nobody")
                    print(f"{name:24}{bytes_a_subject(way, redis):>12.0f}")
            for threads in (1, 8):
                measure(measured, wanted.seconds, threads, users, redis)
                failed += report(measured, threads)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
