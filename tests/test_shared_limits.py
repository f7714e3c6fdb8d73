"""Limits through the API of three instances with one Redis, whose clock the tests set. One pod's clock is off.

The tests are the proxy before the instances: they say who asks, by X-Forwarded-For.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from itertools import count, cycle
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.live_server import Answer, LiveServer, live_servers
from tests.servers.clock import Clock
from tests.services import MongoServer, RedisServer, close_all, open_all

HOUR = 3600
AUTH_NORMAL, API_NORMAL, STRICT_AFTER, BLOCK_AFTER = 5, 100, 3, 10
PASSWORD = "correct horse battery staple"
_people = count()


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer(own_clock=True) as running:
        yield running


@pytest.fixture(scope="module")
def pods(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LiveServer]]:
    folder = tmp_path_factory.mktemp("limits")
    mongo = MongoServer(1)
    try:
        open_all([mongo])
        common = {
            "MONGODB_URI": mongo.uri,
            "REDIS_URL": redis_server.url,
            "SECRET_KEY": "s" * 50,
            "JWT_SECRET": "j" * 50,
            "TRUSTED_PROXIES": "1",
            "THREADS": "16",
        }
        variables: dict[str, Mapping[str, str]] = {
            "pod-1": {**common, "INSTANCE_ID": "pod-1"},
            "pod-2": {**common, "INSTANCE_ID": "pod-2"},
            "five-minutes-ahead": {**common, "INSTANCE_ID": "pod-3", **_clock_ahead(folder / "site")},
        }
        with live_servers(folder, variables, migrate=["pod-1"]) as servers:
            yield servers
    finally:
        close_all([mongo])


@pytest.fixture
def clock(redis_server: RedisServer) -> Clock:
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.clock


def _clock_ahead(folder: Path) -> dict[str, str]:
    """Return the variables of a Python whose clock is five minutes ahead. libfaketime would break its sleep()."""
    folder.mkdir()
    travel = "time_machine.travel(time.time() + 300, tick=True).start()"
    (folder / "sitecustomize.py").write_text(f"import time, time_machine\n{travel}\n")
    return {"PYTHONPATH": str(folder)}


class Asking:
    """Requests to one pod after the other."""

    def __init__(self, pods: list[LiveServer]) -> None:
        self._turn = cycle(pods)

    def anonymously(self, address: str) -> Answer:
        return next(self._turn).ask("/api/v1/me", headers={"X-Forwarded-For": address})

    def as_(self, token: str, address: str) -> Answer:
        headers = {"X-Forwarded-For": address, "Authorization": f"Bearer {token}"}
        return next(self._turn).ask("/api/v1/me", headers=headers)

    def to_sign_in(self, address: str, **person: Any) -> Answer:
        body = {"email": f"nobody-{next(_people)}@example.com", "password": PASSWORD} | person
        return next(self._turn).ask("/api/v1/auth/login", body, headers={"X-Forwarded-For": address})

    def to_register(self, address: str, email: str) -> Answer:
        body = {"email": email, "password": PASSWORD}
        return next(self._turn).ask("/api/v1/auth/register", body, headers={"X-Forwarded-For": address})

    def until_blocked(self, address: str) -> tuple[Counter[str], int]:
        """Try to sign in until there is a block: the answers before by what held them, and how long it lasts."""
        answers: Counter[str] = Counter()
        while True:
            answer = self.to_sign_in(address)
            if answer.status == 429 and answer.body["type"].endswith("#abnormal-usage-detected"):
                return answers, answer.body["retry_after_seconds"]
            answers["allowed" if answer.status == 401 else answer.body["violated-policies"][0]] += 1


@pytest.fixture
def asking(pods: list[LiveServer], clock: Clock) -> Asking:
    return Asking(pods)


def test_fifty_threads_at_each_of_three_pods_are_let_through_exactly_to_the_limit(
    pods: list[LiveServer], clock: Clock
) -> None:
    with ThreadPoolExecutor(150) as pool:
        asked = [pool.submit(Asking([pod]).anonymously, "203.0.113.50") for pod in pods for _ in range(50)]
        statuses = Counter(answer.result().status for answer in asked)

    assert statuses == {401: API_NORMAL, 429: 150 - API_NORMAL}


def test_a_pod_whose_clock_is_off_counts_and_says_the_same(pods: list[LiveServer], clock: Clock) -> None:
    right, off = Asking(pods[:1]), Asking(pods[2:])
    first, second = right.anonymously("203.0.113.51"), off.anonymously("203.0.113.51")
    dates = [parsedate_to_datetime(answer.headers["Date"]) for answer in (first, second)]
    assert 290 < (dates[1] - dates[0]).total_seconds() < 310
    clock.shift(60_000)
    third, fourth = off.anonymously("203.0.113.51"), right.anonymously("203.0.113.51")

    said = [answer.headers["RateLimit"] for answer in (first, second, third, fourth)]
    assert said == [f'"api";r={left};t={wait}' for left, wait in ((99, 600), (98, 600), (97, 540), (96, 540))]
    clock.shift(540_000)
    assert off.anonymously("203.0.113.51").headers["RateLimit"] == '"api";r=97;t=60'


def test_the_ladder_is_climbed_across_pods_and_forgotten(asking: Asking, clock: Clock) -> None:
    address, blocks = "203.0.113.52", []
    for _ in range(7):
        answers, seconds = asking.until_blocked(address)
        assert answers == {"allowed": AUTH_NORMAL, "auth": STRICT_AFTER, "auth-strict": BLOCK_AFTER - STRICT_AFTER}
        blocks.append(seconds // HOUR)
        clock.shift(seconds * 1000)

    assert blocks == [1, 2, 4, 8, 16, 24, 24]
    clock.shift(24 * HOUR * 1000)
    assert asking.until_blocked(address)[1] == HOUR


def test_after_refusals_the_next_window_has_the_strict_limit(asking: Asking, clock: Clock) -> None:
    address = "203.0.113.53"
    for _ in range(AUTH_NORMAL + STRICT_AFTER):
        asking.to_sign_in(address)
    clock.shift(15 * 60_000)

    answers = [asking.to_sign_in(address) for _ in range(4)]

    assert [answer.status for answer in answers] == [401, 401, 401, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"auth-strict";q=3;w=900'


def test_a_block_holds_anonymous_and_auth_requests_of_an_address_and_no_user_behind_it(
    asking: Asking, clock: Clock
) -> None:
    address = "203.0.113.54"
    registered = asking.to_register("203.0.113.55", "alice-54@example.com")
    assert registered.status == 201, registered.body
    asking.until_blocked(address)

    assert asking.anonymously(address).status == 429
    assert asking.to_sign_in(address, email="alice-54@example.com").status == 429
    assert [asking.as_(registered.body["access_token"], address).status for _ in range(6)] == [200] * 6


def test_a_known_device_is_counted_alone_also_from_a_blocked_address(asking: Asking, clock: Clock) -> None:
    address, alice = "203.0.113.56", "alice-56@example.com"
    device = asking.to_register("203.0.113.57", alice).body["device_token"]
    asking.until_blocked(address)
    for turn in range(AUTH_NORMAL + 1):
        asking.to_sign_in(f"203.0.113.{100 + turn}", email=alice, password="wrong")
    assert asking.to_sign_in("203.0.113.58", email=alice).status == 429

    answer = asking.to_sign_in(address, email=alice, device_token=device)

    assert (answer.status, answer.headers["RateLimit-Policy"]) == (200, '"auth";q=5;w=900')


def test_a_refused_request_does_not_extend_the_wait(asking: Asking, clock: Clock) -> None:
    address, waits = "203.0.113.59", []
    _, seconds = asking.until_blocked(address)
    for _ in range(5):
        clock.shift(seconds * 200)
        waits.append(asking.to_sign_in(address).status)

    assert waits == [429, 429, 429, 429, 401]


def test_three_misbehaving_64s_are_counted_as_one_56_and_three_of_those_as_one_48(asking: Asking, clock: Clock) -> None:
    for network in range(3):
        for site in range(3):
            for _ in range(AUTH_NORMAL + STRICT_AFTER):
                asking.to_sign_in(f"2001:db8:9:{network:x}{site:02x}::1")
        good = [asking.to_sign_in(f"2001:db8:9:{network:x}{site:02x}::1") for site in range(16, 26)]
        assert Counter(answer.status for answer in good) == {401: AUTH_NORMAL, 429: 5}

    elsewhere = [asking.to_sign_in(f"2001:db8:9:{network:x}00::1") for network in range(64, 74)]

    assert Counter(answer.status for answer in elsewhere) == {401: AUTH_NORMAL, 429: 5}
