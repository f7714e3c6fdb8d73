import sys
import threading
from collections.abc import Iterator

import pytest
import time_machine

from ratelimits.decisions import Mode
from ratelimits.local_store import LocalStore
from ratelimits.policies import POLICIES
from ratelimits.subjects import Subject, account_subject, device_subject, ip_subject, user_subject

AUTH, API = POLICIES["auth"], POLICIES["api"]
HOME = ip_subject("203.0.113.7")
CAFE = ip_subject("198.51.100.9")
ALICE = account_subject("alice@example.com")
BOB = account_subject("bob@example.com")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-01-02T03:04:05Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def store(clock: time_machine.Traveller) -> LocalStore:
    return LocalStore()


def use_up(store: LocalStore, *subjects: Subject) -> None:
    while store.decide(AUTH, subjects).allowed:
        pass


def left(store: LocalStore, subject: Subject) -> int:
    """How many more tries the subject had before this one."""
    decision = store.decide(AUTH, [subject])
    return decision.remaining + 1 if decision.allowed else 0


def test_the_limit_passes_and_no_more(store: LocalStore) -> None:
    decisions = [store.decide(AUTH, [ALICE]) for _ in range(7)]

    assert [decision.allowed for decision in decisions] == [True] * 5 + [False] * 2
    assert [decision.remaining for decision in decisions] == [4, 3, 2, 1, 0, 0, 0]
    assert {decision.limit for decision in decisions} == {5}


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Let the interpreter change threads as often as it can, so that a race shows."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("restless_threads")
def test_exactly_the_limit_passes_under_fifty_threads(store: LocalStore) -> None:
    passed: list[bool] = []
    start = threading.Barrier(50)

    def try_four_times() -> None:
        start.wait()
        passed.extend(store.decide(API, [HOME]).allowed for _ in range(4))

    threads = [threading.Thread(target=try_four_times) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(passed) == 200
    assert passed.count(True) == API.normal


def test_a_refused_request_does_not_extend_the_wait(store: LocalStore, clock: time_machine.Traveller) -> None:
    use_up(store, ALICE)
    wait = store.decide(AUTH, [ALICE]).reset_seconds
    assert 0 < wait <= AUTH.window

    clock.shift(wait - 1)
    again = store.decide(AUTH, [ALICE])
    clock.shift(again.reset_seconds)

    assert (again.allowed, again.reset_seconds) == (False, 1)
    assert store.decide(AUTH, [ALICE]).allowed


def test_the_window_passes_for_all_tries_at_once(store: LocalStore, clock: time_machine.Traveller) -> None:
    use_up(store, ALICE)

    clock.shift(AUTH.window)

    assert left(store, ALICE) == AUTH.normal


def test_subjects_and_policies_are_counted_apart(store: LocalStore) -> None:
    use_up(store, ALICE)

    assert left(store, BOB) == AUTH.normal
    assert store.decide(API, [ALICE]).remaining == API.normal - 1


def test_a_refusal_of_one_subject_charges_none_of_the_others(store: LocalStore) -> None:
    use_up(store, ALICE)

    refused = [store.decide(AUTH, [HOME, ALICE]).allowed for _ in range(2)]

    assert refused == [False, False]
    assert left(store, HOME) == AUTH.normal


def test_an_answer_tells_of_the_subject_with_the_least_left(store: LocalStore) -> None:
    store.decide(AUTH, [ALICE])
    store.decide(AUTH, [ALICE])

    assert store.decide(AUTH, [HOME, ALICE]).remaining == 2
    assert store.decide(AUTH, [ALICE, CAFE]).remaining == 1


def test_what_is_given_back_can_be_used_again(store: LocalStore) -> None:
    first = store.decide(AUTH, [ALICE])
    use_up(store, ALICE)

    store.give_back(first)

    assert [store.decide(AUTH, [ALICE]).allowed for _ in range(2)] == [True, False]


def test_giving_back_reaches_every_subject_of_the_charge_and_nobody_else(store: LocalStore) -> None:
    charge = store.decide(AUTH, [HOME, ALICE])
    store.decide(AUTH, [BOB])

    store.give_back(charge)

    assert (left(store, HOME), left(store, ALICE), left(store, BOB)) == (5, 5, 4)


def test_giving_back_twice_is_worth_no_more_than_once(store: LocalStore, clock: time_machine.Traveller) -> None:
    store.decide(AUTH, [ALICE])
    clock.shift(1)
    charge = store.decide(AUTH, [ALICE])

    for _ in range(2):
        store.give_back(charge)

    assert left(store, ALICE) == AUTH.normal - 1


@pytest.mark.parametrize("subject", [ALICE, device_subject("d1")], ids=["account", "device"])
def test_a_flood_at_an_account_or_a_device_never_escalates(
    store: LocalStore, clock: time_machine.Traveller, subject: Subject
) -> None:
    decisions = [store.decide(AUTH, [subject]) for _ in range(200)]

    clock.shift(AUTH.window)

    assert {decision.mode for decision in decisions} == {Mode.NORMAL}
    assert left(store, subject) == AUTH.normal


def test_the_refusals_of_one_address_are_not_held_against_another(store: LocalStore) -> None:
    for _ in range(50):
        store.decide(AUTH, [HOME, ALICE])

    assert store.decide(AUTH, [CAFE]).mode is Mode.NORMAL
    assert store.decide(API, [user_subject("alice")]).mode is Mode.NORMAL
