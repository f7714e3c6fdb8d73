"""What staff do: followed by every instance, recorded, and undone only by whom it says."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from nocturnal_project import clock
from ratelimits import limiter, records, staff
from ratelimits.decisions import Mode
from ratelimits.errors import LimitsContradict
from ratelimits.models import LimitEvent, LimitOverride
from ratelimits.policies import POLICIES, in_force, put_in_force
from ratelimits.subjects import ip_subject, user_subject

AUTH = POLICIES["auth"]
HOME = ip_subject("203.0.113.7")
SAM = "sam@example.com"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def as_the_variables_say() -> Iterator[None]:
    records._waiting.clear()
    yield
    put_in_force({})
    records._waiting.clear()


def change(**changes: int | bool | None) -> None:
    staff.change_limits(policy="auth", changes=changes, actor=SAM, now=clock.now())


def be_blocked() -> None:
    while limiter.decide(AUTH, [HOME]).mode is not Mode.BLOCKED:
        pass


def test_a_changed_number_holds_at_once_and_its_change_is_on_record() -> None:
    change(normal=2, strict=1)

    assert [limiter.decide(AUTH, [HOME]).allowed for _ in range(3)] == [True, True, False]
    (event,) = LimitEvent.objects.all()
    assert (event.kind, event.policy, event.actor) == ("changed", "auth", SAM)
    assert event.facts == "normal None -> 2, strict None -> 1"


def test_another_instance_follows_when_it_looks() -> None:
    LimitOverride.objects.create(policy="auth", normal=7)
    assert in_force(AUTH).normal == 5

    staff.follow_changes()

    assert in_force(AUTH).normal == 7


def test_a_number_that_is_given_back_is_the_variables_again() -> None:
    change(normal=7)

    change(normal=None)

    assert in_force(AUTH) == AUTH


def test_numbers_that_contradict_each_other_change_nothing() -> None:
    with pytest.raises(LimitsContradict, match=r"keep strict \(9\) at most normal \(5\)"):
        change(strict=9)

    assert in_force(AUTH) == AUTH
    assert not LimitOverride.objects.exists()
    assert not LimitEvent.objects.exists()


def test_a_row_of_a_policy_that_is_no_more_is_passed_over() -> None:
    LimitOverride.objects.create(policy="fax", normal=7)

    staff.follow_changes()

    assert in_force(AUTH) == AUTH


def test_a_lifted_block_stays_lifted() -> None:
    be_blocked()

    staff.lift_holds(subject=HOME, actor=SAM)

    decision = limiter.decide(AUTH, [HOME])
    assert (decision.mode, decision.allowed) == (Mode.NORMAL, False)  # its tries are used, and that is all
    assert [limiter.decide(AUTH, [HOME]).mode for _ in range(AUTH.strict_after - 1)] == [Mode.NORMAL] * 2
    assert LimitEvent.objects.get(kind="lifted").subject == "ip:203.0.113.7"


def test_counts_that_are_forgotten_can_be_used_again() -> None:
    be_blocked()

    staff.reset_counts(subject=HOME, actor=SAM)

    assert limiter.decide(AUTH, [HOME]).remaining == 4


def test_whom_staff_hold_is_held_under_every_policy() -> None:
    alice = user_subject("alice")

    staff.hold_subject(subject=alice, mode=Mode.BLOCKED, seconds=60, actor=SAM)

    decisions = [limiter.decide(POLICIES[name], [alice]) for name in ("api", "upload")]
    assert {(decision.mode, decision.reset_seconds) for decision in decisions} == {(Mode.BLOCKED, 60)}
    assert LimitEvent.objects.get(kind="held_blocked").seconds == 60


def test_a_refusal_writes_nothing_and_its_steps_are_rows_soon_after() -> None:
    with CaptureQueriesContext(connection) as queries:
        be_blocked()

    assert not queries
    records.write_waiting()
    steps = {(event.kind, event.subject, event.times) for event in LimitEvent.objects.all()}
    assert steps == {("strict", "ip:203.0.113.7", 3), ("blocked", "ip:203.0.113.7", 1)}
