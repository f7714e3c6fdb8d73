"""The limiter as views use it, with Redis in reach."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from nocturnal_project.redis import link
from ratelimits import limiter, tally
from ratelimits.policies import POLICIES
from ratelimits.redis_store import RedisStore, SessionUnknown
from ratelimits.subjects import account_subject, ip_subject, user_subject
from tests.servers.clock import Clock
from tests.services import RedisServer

AUTH, API = POLICIES["auth"], POLICIES["api"]
HOME, BOB = ip_subject("203.0.113.7"), user_subject("bob")


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    tally._unsent.clear()
    yield
    tally._unsent.clear()


def test_a_subject_that_is_named_twice_is_charged_once(store: RedisStore) -> None:
    decision = limiter.decide(AUTH, [HOME, HOME])

    assert decision.shared
    assert decision.remaining == AUTH.normal - 1
    assert store.standings(AUTH, [HOME])[0].used == 1


def test_the_decisions_of_a_minute_are_added_up_and_forgotten_by_themselves(redis: Redis) -> None:
    for _ in range(AUTH.normal + 2):
        limiter.decide(AUTH, [BOB])
    tally.send()
    tally.send()

    counted = sum(tally.last_hour().values(), Counter())
    assert counted == {("auth", "normal", "allowed"): 5, ("auth", "normal", "refused"): 2}
    minutes = [key for key in redis.scan_iter() if b"decisions" in key]
    assert minutes
    assert all(0 < redis.ttl(minute) <= 62 * 60 for minute in minutes)


@pytest.mark.usefixtures("transactional_db")  # what noted sessions wait for is read when Redis is back
def test_decisions_that_could_not_be_sent_are_sent_when_redis_is_back(server: RedisServer, redis: Redis) -> None:
    limiter.decide(AUTH, [BOB])
    server.stop()
    try:
        tally.send()
        assert not link.closed
        limiter.decide(AUTH, [BOB])
    finally:
        server.start()
    deadline = time.monotonic() + 10
    while not link.closed:
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)
    tally.send()

    assert sum(tally.last_hour().values(), Counter()) == {("auth", "normal", "allowed"): 2}


@pytest.mark.parametrize("typed", ["\r\nSET x 1\r\n", "rate-limit:*{a}:hold", "a" * 100_000, "\0\ud800é", ""])
def test_whatever_is_typed_as_an_email_makes_a_short_and_plain_key_that_ends(redis: Redis, typed: str) -> None:
    for _ in range(AUTH.normal + AUTH.strict_after):
        limiter.decide(AUTH, [HOME, account_subject(typed)])

    keys: list[Any] = list(redis.scan_iter())
    assert {key.split(b":")[2] for key in keys if key.startswith(b"rate-limit:auth:")} == {b"ip", b"account"}
    for key in keys:
        assert len(key) <= 128
        assert key.decode("ascii").isprintable()
        assert redis.pttl(key) > 0


def test_nothing_is_left_a_minute_after_the_window(redis: Redis, clock: Clock) -> None:
    for number in range(50):
        for policy in POLICIES.values():
            limiter.decide(policy, [user_subject(number)])
            limiter.decide(policy, [ip_subject(f"2001:db8:{number:x}::1"), account_subject(f"{number}@example.com")])
    assert len(redis.keys()) == 3 * 50 * 3

    clock.shift((max(policy.window for policy in POLICIES.values()) + 60) * 1000)

    assert redis.keys() == []


@pytest.mark.parametrize("snapshot", [None, b"E", b"M7"], ids=["none", "ended", "outdated"])
def test_without_a_live_snapshot_of_its_session_nobody_is_charged(
    redis: Redis, store: RedisStore, snapshot: bytes | None
) -> None:
    if snapshot:
        redis.set("session:1", snapshot, px=1000)

    with pytest.raises(SessionUnknown) as unknown:
        store.decide(API, [BOB], session="session:1")

    assert unknown.value.snapshot == snapshot
    assert store.standings(API, [BOB])[0].used == 0


@pytest.mark.parametrize("refused", [False, True], ids=["allowed", "refused"])
def test_a_live_snapshot_comes_back_with_the_decision(redis: Redis, store: RedisStore, refused: bool) -> None:
    redis.set("session:1", b"L7\n{}", px=1000)
    for _ in range(API.normal if refused else 0):
        store.decide(API, [BOB])

    decision = store.decide(API, [BOB], session="session:1")

    assert (decision.allowed, decision.snapshot) == (not refused, b"L7\n{}")
