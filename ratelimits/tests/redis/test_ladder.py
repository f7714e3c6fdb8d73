"""What the ladder promises, of both stores alike: in Redis, and in the memory of a process."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from redis import Redis

from ratelimits.decisions import Mode
from ratelimits.local_store import LocalStore
from ratelimits.policies import BLOCK_MEMORY, HOUR, POLICIES, SIBLINGS, Policy
from ratelimits.redis_store import RedisStore
from ratelimits.subjects import Subject, ip_subject, user_subject
from tests.servers.clock import Clock

AUTH, API = POLICIES["auth"], POLICIES["api"]
HOME, BOB = ip_subject("203.0.113.7"), user_subject("bob")
MERGED = replace(API, normal=1200, strict=1100)
SITES = tuple(ip_subject(f"2001:db8:1:{site:x}::7") for site in range(SIBLINGS + 1))
SECOND, MINUTE, DAY = 1000, 60_000, 86_400_000
Store = RedisStore | LocalStore


@pytest.fixture(params=["redis", "local"])
def store(request: pytest.FixtureRequest, redis: Redis, clock: Clock) -> Store:
    return RedisStore() if request.param == "redis" else LocalStore(now_ms=lambda: clock.ms)


def passes(store: Store, policy: Policy, subject: Subject, tries: int) -> int:
    return sum(store.decide(policy, [subject]).allowed for _ in range(tries))


def be_blocked(store: Store, policy: Policy, subject: Subject) -> int:
    """Ask until there is a block, and return how many seconds it has left."""
    while (decision := store.decide(policy, [subject])).mode is not Mode.BLOCKED:
        pass
    return decision.reset_seconds


def misbehave(store: Store, sites: Sequence[Subject]) -> None:
    for site in sites:
        passes(store, AUTH, site, AUTH.normal + AUTH.strict_after)


def test_a_64_has_its_own_limit_also_while_its_network_is_counted_as_one(store: Store, clock: Clock) -> None:
    misbehave(store, SITES[:SIBLINGS])
    again = [passes(store, AUTH, site, 3) for site in SITES[:SIBLINGS]]

    assert again == [0] * SIBLINGS


def test_three_misbehaving_siblings_are_counted_as_one_with_the_rest_of_their_network(store: Store) -> None:
    misbehave(store, SITES[:SIBLINGS])
    good = SITES[SIBLINGS]

    first = store.decide(AUTH, [good])
    others = [passes(store, AUTH, ip_subject(f"2001:db8:1:{site:x}::1"), 1) for site in range(64, 80)]

    assert first.allowed
    assert [name.rpartition("/")[2] for name in first.charged] == ["64", "56"]
    assert sum(others) == AUTH.normal - 1


def test_two_misbehaving_siblings_leave_the_others_alone(store: Store) -> None:
    misbehave(store, SITES[: SIBLINGS - 1])

    assert [name.rpartition("/")[2] for name in store.decide(AUTH, [SITES[SIBLINGS]]).charged] == ["64"]


def test_three_misbehaving_56s_are_counted_as_one_48(store: Store) -> None:
    for network in range(SIBLINGS):
        inside = [ip_subject(f"2001:db8:1:{network:x}{site:02x}::1") for site in range(64)]
        misbehave(store, inside[:SIBLINGS])
        for site in inside[SIBLINGS:]:
            passes(store, AUTH, site, 1)

    elsewhere = store.decide(AUTH, [ip_subject("2001:db8:1:ff00::1")])

    assert [name.rpartition("/")[2] for name in elsewhere.charged][-1] == "48"


def test_a_lifted_network_is_no_longer_counted_as_one(store: Store) -> None:
    misbehave(store, SITES[:SIBLINGS])

    for name in SITES[0].names:
        store.lift(name)

    assert store.standings(AUTH, [SITES[SIBLINGS]])[0].level == 1


def test_a_block_does_not_shorten_what_staff_hold_strictly(store: Store, clock: Clock) -> None:
    store.hold(str(HOME), mode=Mode.STRICT, seconds=7 * 24 * HOUR)
    be_blocked(store, AUTH, HOME)

    clock.shift(5 * DAY)

    assert store.decide(AUTH, [HOME]).mode is Mode.STRICT
    clock.shift(2 * DAY)
    assert store.decide(AUTH, [HOME]).mode is Mode.NORMAL


def test_blocks_double_up_to_a_day_and_are_forgotten_a_day_after_the_last(store: Store, clock: Clock) -> None:
    hours = []
    for _ in range(7):
        seconds = be_blocked(store, AUTH, HOME)
        hours.append(seconds // HOUR)
        clock.shift(seconds * SECOND)
    clock.shift(BLOCK_MEMORY * SECOND)

    assert hours == [1, 2, 4, 8, 16, 24, 24]
    assert be_blocked(store, AUTH, HOME) == HOUR


def test_asking_while_blocked_never_extends_the_block(store: Store, clock: Clock) -> None:
    seconds = be_blocked(store, AUTH, HOME)
    waits = []
    for _ in range(9):
        clock.shift(seconds * 100)
        waits.append(store.decide(AUTH, [HOME]).reset_seconds)

    assert waits == [seconds * part // 10 for part in range(9, 0, -1)]
    clock.shift(seconds * 100)
    assert store.decide(AUTH, [HOME]).allowed


@pytest.mark.parametrize("shadow", [False, True], ids=["enforced", "in shadow"])
def test_a_lift_reaches_counts_in_shadow_and_enforced_ones_alike(store: Store, shadow: bool) -> None:
    policy = replace(AUTH, shadow=shadow)
    be_blocked(store, policy, HOME)

    store.lift(str(HOME))

    standing = store.standings(policy, [HOME])[0]
    assert (standing.mode, standing.refusals, standing.blocks) == (Mode.NORMAL, 0, 0)
    assert store.held(10) == []


@pytest.mark.parametrize("policy", [AUTH, replace(AUTH, shadow=True), MERGED], ids=["exact", "in shadow", "merged"])
def test_a_reset_leaves_nothing(store: Store, policy: Policy, redis: Redis) -> None:
    be_blocked(store, policy, BOB)

    store.reset(str(BOB))

    assert store.standings(policy, [BOB])[0].used == 0
    assert store.held(10) == []
    assert redis.keys() == []


def test_a_hold_of_staffs_is_enforced_while_a_policy_is_in_shadow(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(POLICIES, "api", replace(API, shadow=True))

    store.hold(str(HOME), mode=Mode.BLOCKED, seconds=60)

    assert store.decide(AUTH, [HOME]).mode is Mode.BLOCKED


@pytest.mark.parametrize("policy", [AUTH, MERGED], ids=["exact", "merged"])
def test_whoever_goes_on_misbehaving_stays_on_the_list(store: Store, clock: Clock, policy: Policy) -> None:
    passes(store, policy, BOB, policy.normal + policy.strict_after)
    store.hold(str(HOME), mode=Mode.STRICT, seconds=5 * HOUR)
    for _ in range(8):
        clock.shift(10 * MINUTE)
        while store.decide(policy, [BOB]).allowed:
            pass
        passes(store, policy, BOB, 2)

    assert ("strict", f"{policy.prefix}{BOB}") in store.held(10)


def test_a_clock_that_is_set_back_lets_no_more_pass_and_says_the_true_wait(store: Store, clock: Clock) -> None:
    assert passes(store, AUTH, BOB, 3) == 3
    clock.shift(-5 * MINUTE)

    more = [store.decide(AUTH, [BOB]) for _ in range(4)]

    assert [decision.allowed for decision in more] == [True, True, False, False]
    assert more[-1].reset_seconds == AUTH.window + 300
    clock.shift(more[-1].reset_seconds * SECOND - 1)
    assert passes(store, AUTH, BOB, 1) == 0
    clock.shift(1)
    assert passes(store, AUTH, BOB, 9) == AUTH.strict


def test_a_lower_limit_holds_at_once_and_a_higher_one_counts_what_was_used(store: Store) -> None:
    passes(store, AUTH, HOME, 4)

    lowered = store.decide(replace(AUTH, normal=3, strict=3), [HOME])
    raised = store.decide(replace(AUTH, normal=8), [HOME])

    assert (lowered.allowed, lowered.limit, lowered.remaining) == (False, 3, 0)
    assert (raised.allowed, raised.remaining) == (True, 3)


def test_merged_hits_never_let_more_than_the_limit_pass_in_any_trailing_window(store: Store, clock: Clock) -> None:
    passed: list[int] = []
    for turn in range(90):
        passed += [clock.ms] * passes(store, MERGED, BOB, 200)
        clock.shift(37_003 + turn)

    worst = max(sum(end - MERGED.window * SECOND < at <= end for at in passed) for end in passed)
    assert worst == MERGED.normal


def test_giving_back_a_merged_charge_that_has_left_takes_nobody_elses(store: Store, clock: Clock) -> None:
    old = store.decide(MERGED, [BOB])
    clock.shift(MERGED.window * SECOND)
    passes(store, MERGED, BOB, 3)

    store.give_back(old)

    assert store.standings(MERGED, [BOB])[0].used == 3


def test_giving_back_a_merged_charge_takes_one_off(store: Store, clock: Clock) -> None:
    charge = store.decide(MERGED, [BOB])
    clock.shift(1)
    passes(store, MERGED, BOB, 3)

    store.give_back(charge)

    assert store.standings(MERGED, [BOB])[0].used == 3


@pytest.mark.parametrize("mode", [Mode.BLOCKED, Mode.STRICT])
def test_who_holds_a_network_holds_every_site_in_it_and_none_beside_it(store: Store, mode: Mode) -> None:
    store.hold(SITES[0].names[1], mode=mode, seconds=60)

    assert {store.decide(AUTH, [site]).mode for site in SITES} == {mode}
    assert store.decide(AUTH, [ip_subject("2001:db8:1:100::1")]).mode is Mode.NORMAL


def test_a_second_hold_of_staffs_leaves_the_first_as_it_is(store: Store, clock: Clock) -> None:
    store.hold(str(HOME), mode=Mode.BLOCKED, seconds=HOUR)
    store.hold(str(HOME), mode=Mode.STRICT, seconds=60)

    clock.shift(HOUR * SECOND - 1)

    assert store.decide(AUTH, [HOME]).mode is Mode.BLOCKED


@pytest.mark.parametrize("policy", [AUTH, MERGED], ids=["exact", "merged"])
def test_each_charge_can_be_given_back_in_any_order(store: Store, clock: Clock, policy: Policy) -> None:
    charges = []
    for _ in range(3):
        charges.append(store.decide(policy, [BOB]))
        clock.shift(MINUTE)

    used = []
    for number in (1, 0, 2):
        store.give_back(charges[number])
        used.append(store.standings(policy, [BOB])[0].used)

    assert used == [2, 1, 0]


def test_a_merged_hit_is_counted_for_a_slot_longer_at_most(store: Store, clock: Clock) -> None:
    for _ in range(MERGED.normal):
        assert store.decide(MERGED, [BOB]).allowed
        clock.shift(400)
    clock.shift(MERGED.window * SECOND - MERGED.normal * 400 + MERGED.slot_ms)

    assert store.decide(MERGED, [BOB]).allowed
