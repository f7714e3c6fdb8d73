"""Refusals of an address or a user: the strict limit, then blocks, and how both are forgotten."""

from collections.abc import Iterator

import pytest
import time_machine

from ratelimits.decisions import Decision, Mode
from ratelimits.local_store import LocalStore
from ratelimits.policies import HOUR, POLICIES, Policy
from ratelimits.subjects import Subject, ip_subject, user_subject

AUTH = POLICIES["auth"]
HOME = ip_subject("203.0.113.7")
ALICE = user_subject("alice")
SUBJECTS = pytest.mark.parametrize("subject", [HOME, ALICE], ids=["address", "user"])
POLICY = pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-01-02T03:04:05Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def store(clock: time_machine.Traveller) -> LocalStore:
    return LocalStore()


def be_refused(store: LocalStore, policy: Policy, subject: Subject, times: int) -> Decision:
    """Ask until there were so many refusals, and return the last."""
    refused = 0
    while refused < times:
        decision = store.decide(policy, [subject])
        refused += not decision.allowed
    return decision


def be_blocked(store: LocalStore, subject: Subject) -> int:
    """Ask until there is a block, and return how many seconds it has left."""
    while (decision := store.decide(AUTH, [subject])).mode is not Mode.BLOCKED:
        pass
    return decision.reset_seconds


@POLICY
@SUBJECTS
def test_the_strict_limit_holds_after_so_many_refusals_and_not_before(
    store: LocalStore, clock: time_machine.Traveller, policy: Policy, subject: Subject
) -> None:
    last_normal = be_refused(store, policy, subject, policy.strict_after)
    strict = store.decide(policy, [subject])

    assert (last_normal.mode, last_normal.limit, last_normal.policy_name) == (Mode.NORMAL, policy.normal, policy.name)
    assert (strict.mode, strict.limit, strict.policy_name) == (Mode.STRICT, policy.strict, f"{policy.name}-strict")
    assert not strict.allowed


@SUBJECTS
def test_the_next_window_of_an_offender_has_the_strict_limit(
    store: LocalStore, clock: time_machine.Traveller, subject: Subject
) -> None:
    be_refused(store, AUTH, subject, AUTH.strict_after)

    clock.shift(AUTH.window)
    allowed = [store.decide(AUTH, [subject]).allowed for _ in range(5)]

    assert allowed == [True] * AUTH.strict + [False] * 2


@SUBJECTS
def test_refusals_are_forgotten_after_an_hour(
    store: LocalStore, clock: time_machine.Traveller, subject: Subject
) -> None:
    be_refused(store, AUTH, subject, AUTH.block_after - 1)

    clock.shift(HOUR)
    decision = store.decide(AUTH, [subject])

    assert (decision.mode, decision.limit, decision.allowed) == (Mode.NORMAL, AUTH.normal, True)


@POLICY
@SUBJECTS
def test_a_block_begins_after_so_many_refusals_and_lasts_an_hour(
    store: LocalStore, clock: time_machine.Traveller, policy: Policy, subject: Subject
) -> None:
    before = be_refused(store, policy, subject, policy.block_after)
    blocked = store.decide(policy, [subject])

    assert before.mode is Mode.STRICT
    assert (blocked.mode, blocked.allowed, blocked.reset_seconds) == (Mode.BLOCKED, False, HOUR)


@SUBJECTS
def test_asking_during_a_block_does_not_extend_it(
    store: LocalStore, clock: time_machine.Traveller, subject: Subject
) -> None:
    seconds = be_blocked(store, subject)

    clock.shift(seconds - 1)
    last = [store.decide(AUTH, [subject]) for _ in range(100)][-1]
    clock.shift(1)

    assert (last.mode, last.reset_seconds) == (Mode.BLOCKED, 1)
    assert store.decide(AUTH, [subject]).mode is not Mode.BLOCKED


def test_a_block_holds_under_every_policy(store: LocalStore) -> None:
    be_blocked(store, HOME)

    assert store.decide(POLICIES["api"], [HOME]).mode is Mode.BLOCKED
    assert store.decide(POLICIES["api"], [ALICE]).allowed


@SUBJECTS
def test_each_block_is_twice_as_long_as_the_last_and_none_longer_than_a_day(
    store: LocalStore, clock: time_machine.Traveller, subject: Subject
) -> None:
    hours = []
    for _ in range(7):
        seconds = be_blocked(store, subject)
        hours.append(seconds / HOUR)
        clock.shift(seconds)

    assert hours == [1, 2, 4, 8, 16, 24, 24]


@SUBJECTS
def test_a_day_without_a_block_makes_the_next_one_short_again(
    store: LocalStore, clock: time_machine.Traveller, subject: Subject
) -> None:
    for _ in range(3):
        clock.shift(be_blocked(store, subject))

    clock.shift(24 * HOUR + 1)

    assert be_blocked(store, subject) == HOUR
