"""What is read of a subject says the same as the script that decides, whatever has happened to it."""

import random
from dataclasses import replace
from typing import Any

import pytest

from ratelimits import limiter
from ratelimits.decisions import Mode
from ratelimits.local_store import LocalStore
from ratelimits.policies import POLICIES, Policy
from ratelimits.redis_store import RedisStore
from ratelimits.subjects import account_subject, ip_subject, user_subject

SMALL = replace(POLICIES["api"], normal=4, strict=2, strict_after=3, block_after=9)
MERGED = replace(POLICIES["api"], normal=1001, strict=2, strict_after=1, block_after=4)
SHADOW = replace(SMALL, shadow=True)
WHO = (
    ip_subject("203.0.113.7"),
    *(ip_subject(f"2001:db8:0:{site}::1") for site in (1, 2, 3, 0x101)),
    user_subject("alice"),
    account_subject("alice@example.com"),
)


@pytest.mark.parametrize("seed", range(6))
def test_a_case_stands_where_the_script_says(redis: Any, seed: int) -> None:
    chance, store = random.Random(seed), RedisStore()  # noqa: S311  a repeatable history, no secret
    for _ in range(250):
        policy = chance.choice((SMALL, SMALL, SHADOW, MERGED))
        subject = chance.choice(WHO)
        act = chance.random()
        if act < 0.02:
            store.lift(str(subject))
        elif act < 0.04:
            store.hold(str(subject), mode=chance.choice((Mode.STRICT, Mode.BLOCKED)), seconds=chance.randint(1, 9000))
        else:
            store.decide(policy, [subject])
    modes = set()

    for policy in (SMALL, SHADOW, MERGED):
        said = store.standings(policy, WHO)
        cases = store.cases([(policy, subject) for subject in WHO])
        for case, standing in zip(cases, said, strict=True):
            # The two looked a few ms apart.
            assert case.standing._replace(reset_seconds=0) == standing._replace(reset_seconds=0)
            assert abs(case.standing.reset_seconds - standing.reset_seconds) <= 1
            modes.add(standing.mode)
    assert len(modes) > 1


@pytest.mark.parametrize("seed", range(6))
def test_a_case_of_the_local_store_stands_where_the_store_says(seed: int) -> None:
    chance, now = random.Random(seed), [1_700_000_000_000]  # noqa: S311  the same
    store = LocalStore(now_ms=lambda: now[0])
    for _ in range(400):
        now[0] += chance.choice((1, 40_000))
        store.decide(chance.choice((SMALL, SHADOW)), [chance.choice(WHO)])

    for policy in (SMALL, SHADOW):
        for subject in WHO:
            (said,) = store.standings(policy, [subject])
            assert store.case(policy, subject).standing == said


def test_a_case_is_read_in_one_round_trip_and_charges_nobody(redis: Any) -> None:
    asked = [(policy, subject) for policy in POLICIES.values() for subject in WHO]
    limiter.cases(asked)  # the script is known from here on
    before = redis.info("stats")["total_commands_processed"]

    limiter.cases(asked)

    # EVALSHA, and TIME and MGET that it calls; INFO counts itself.
    assert redis.info("stats")["total_commands_processed"] - before <= 4
    assert redis.keys("*") == []


def test_while_redis_is_away_a_case_is_this_instances_with_its_share(
    redis_away: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ratelimits.limiter.live_instances", lambda: ("a", "b", "c"))

    (case,) = limiter.cases([(POLICIES["api"], WHO[0])])

    assert (case.shared, case.standing.limit, case.standing.remaining) == (False, 34, 34)


def _blocked(store: RedisStore | LocalStore, policy: Policy, text: str) -> None:
    while store.decide(policy, [ip_subject(text)]).mode is not Mode.BLOCKED:
        pass


def test_a_block_of_staffs_is_told_from_one_that_refusals_led_to(redis: Any) -> None:
    store = RedisStore()
    _blocked(store, SMALL, "203.0.113.7")
    store.hold("ip:203.0.113.8", mode=Mode.BLOCKED, seconds=60)

    ladder, staff = store.cases([(SMALL, ip_subject(f"203.0.113.{last}")) for last in (7, 8)])

    assert [case.blocked_by is not None and case.blocked_by.hold.by_staff for case in (ladder, staff)] == [False, True]
