"""Rotation over several instances that share a database: nobody is signed out, and a leaked key is dead at once."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings as live_settings
from django.db import connections
from django.utils import timezone

from accounts import claims, tokens
from accounts.errors import InvalidToken
from accounts.key_rotation import Outcome, ring_in_database, rotate_signing_key
from accounts.models import SigningKey
from accounts.ring import PUBLISHED_AHEAD, State
from accounts.tests.pods import Pod
from nocturnal_project.identifiers import uuid7

pytestmark = pytest.mark.django_db
LIFETIME = live_settings.ACCESS_TOKEN_LIFETIME
MARGIN = timedelta(minutes=1)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as moment:
        yield moment


def _sign(pod: Pod) -> str:
    with pod.serving():
        return tokens.access_token(user_id=uuid7(), session_id=uuid7(), issued=timezone.now())


def _read(pod: Pod, token: str) -> str:
    """What a pod says of a token."""
    with pod.serving():
        try:
            tokens.read_access_token(token)
        except InvalidToken as refusal:
            return refusal.code
        return "good"


def _refresh(*pods: Pod) -> None:
    for pod in pods:
        pod.keyring.refresh(timezone.now())


def _rotate(*, at_once: bool = False, revoke_older: bool = False) -> Outcome:
    return rotate_signing_key(at_once=at_once, revoke_older=revoke_older, now=timezone.now()).outcome


def _states(at: datetime | None = None) -> list[State]:
    ring = ring_in_database()
    return [ring.state_of(key, (at or timezone.now()).timestamp()) for key in ring.keys]


def _kid(pod: Pod) -> str:
    return pod.keyring.ring().signing_key(timezone.now().timestamp()).kid


@pytest.fixture(params=["HS256", "EdDSA"])
def algorithm(request: pytest.FixtureRequest, settings: Any) -> str:
    settings.JWT_ALGORITHM = request.param
    return str(request.param)


def test_before_any_rotation_every_pod_signs_with_the_key_of_the_secret(algorithm: str) -> None:
    a, b = Pod(), Pod()

    assert _read(b, _sign(a)) == "good"
    assert _kid(a) == _kid(b)
    assert SigningKey.objects.count() == 0


def test_a_rotated_key_is_known_everywhere_before_it_signs(algorithm: str, clock: time_machine.Traveller) -> None:
    a, b = Pod(), Pod()
    _refresh(a, b)
    first = _kid(a)

    _rotate()
    _refresh(a, b)
    while_published = _kid(a)
    clock.shift(PUBLISHED_AHEAD)
    second = _kid(a)

    assert while_published == first != second == SigningKey.objects.get().kid
    assert _kid(b) == second
    assert _read(b, _sign(a)) == "good"


def test_tokens_of_the_old_key_are_good_until_they_expire(algorithm: str, clock: time_machine.Traveller) -> None:
    a, b = Pod(), Pod()
    _refresh(a, b)
    _rotate()
    _refresh(a, b)
    clock.shift(PUBLISHED_AHEAD - timedelta(seconds=1))
    last = _sign(a)  # by the old key, one second before it is succeeded

    clock.shift(LIFETIME - timedelta(seconds=1))
    _refresh(a, b)
    at_its_end = (_read(a, last), _read(b, last))
    clock.shift(timedelta(seconds=1))

    assert at_its_end == ("good", "good")
    assert (_read(a, last), _read(b, last)) == ("token_expired", "token_expired")


def test_a_pod_takes_the_token_of_a_key_that_it_has_not_heard_of(algorithm: str, clock: time_machine.Traveller) -> None:
    a, b = Pod(), Pod()
    _refresh(a, b)

    _rotate(at_once=True)
    _refresh(a)
    token = _sign(a)

    assert _kid(a) != _kid(b)
    assert _read(b, token) == "good"  # before b's next reading
    assert _kid(a) == _kid(b)


def test_after_revocation_every_older_token_is_refused_and_a_refresh_helps(
    algorithm: str, clock: time_machine.Traveller
) -> None:
    a, b = Pod(), Pod()
    old = _sign(a)
    assert (_read(a, old), _read(b, old)) == ("good", "good")  # and remembered as verified

    _rotate(at_once=True, revoke_older=True)
    _refresh(a, b)

    assert (_read(a, old), _read(b, old)) == ("token_expired", "token_expired")
    assert _read(b, _sign(a)) == "good"
    assert _states() == [State.SIGNING, State.REVOKED, State.REVOKED]


def test_a_revoked_key_signs_nothing_that_is_accepted_even_with_a_long_life(
    algorithm: str, clock: time_machine.Traveller
) -> None:
    a = Pod()
    leaked = a.keyring.ring().signing_key(timezone.now().timestamp())
    _rotate(at_once=True, revoke_older=True)
    _refresh(a)

    with a.serving():
        forged = leaked.backend.encode(
            claims.written(user_id=uuid7(), session_id=uuid7(), issued=timezone.now() + timedelta(seconds=4))
        )

    assert _read(a, forged) == "token_expired"


def test_a_retired_key_accepts_nothing_however_long_the_token_says(
    algorithm: str, clock: time_machine.Traveller
) -> None:
    a = Pod()
    old = a.keyring.ring().signing_key(timezone.now().timestamp())
    _rotate(at_once=True)

    clock.shift(LIFETIME + MARGIN)
    _refresh(a)
    with a.serving():
        fresh = old.backend.encode(claims.written(user_id=uuid7(), session_id=uuid7(), issued=timezone.now()))

    assert _read(a, fresh) == "token_expired"
    assert _states() == [State.SIGNING, State.RETIRED, State.RETIRED]


def test_a_verified_token_is_not_good_beyond_its_key(algorithm: str, clock: time_machine.Traveller) -> None:
    a = Pod()
    _refresh(a)
    old = a.keyring.ring().signing_key(timezone.now().timestamp())
    _rotate(at_once=True)
    _refresh(a)
    said = claims.written(user_id=uuid7(), session_id=uuid7(), issued=timezone.now())
    token = old.backend.encode(said | {"exp": said["exp"] + 3600})
    assert _read(a, token) == "good"

    clock.shift(LIFETIME + MARGIN)

    assert _read(a, token) == "token_expired"


def test_the_states_of_a_key_follow_one_another(clock: time_machine.Traveller) -> None:
    _rotate()
    now = timezone.now()
    signs = now + PUBLISHED_AHEAD
    retires = signs + LIFETIME + MARGIN

    assert _states(now) == [State.PUBLISHED, State.SIGNING, State.ACCEPTED]
    assert _states(signs) == [State.SIGNING, State.ACCEPTED, State.ACCEPTED]
    assert _states(retires - timedelta(seconds=1)) == [State.SIGNING, State.ACCEPTED, State.ACCEPTED]
    assert _states(retires) == [State.SIGNING, State.RETIRED, State.RETIRED]


def test_a_second_rotation_waits_for_the_first_unless_it_is_urgent(clock: time_machine.Traveller) -> None:
    assert _rotate() is Outcome.ROTATED
    assert _rotate() is Outcome.PENDING
    assert SigningKey.objects.count() == 1

    assert _rotate(at_once=True) is Outcome.ROTATED
    at_once = _states()[:2]
    clock.shift(PUBLISHED_AHEAD)

    assert at_once == _states()[:2] == [State.SIGNING, State.ACCEPTED]  # the one that waited never signs
    assert _rotate() is Outcome.ROTATED


def test_a_rotation_that_was_overtaken_stands_in_the_way_of_no_other() -> None:
    outcomes = [_rotate(), _rotate(at_once=True), _rotate(), _rotate()]

    assert outcomes == [Outcome.ROTATED, Outcome.ROTATED, Outcome.ROTATED, Outcome.PENDING]


def test_revoking_before_there_is_another_key_is_wrong() -> None:
    with pytest.raises(ValueError, match="signs at once"):
        rotate_signing_key(at_once=False, revoke_older=True, now=timezone.now())


def test_changing_the_algorithm_by_rolling_restart_signs_nobody_out(
    settings: Any, clock: time_machine.Traveller
) -> None:
    still, already = Pod(), Pod()
    by_secret = _sign(still)
    settings.JWT_ALGORITHM = "EdDSA"  # what a pod signs with is asked at each signing
    by_key_pair = _sign(already)

    assert [_read(pod, token) for pod in (still, already) for token in (by_secret, by_key_pair)] == ["good"] * 4

    _rotate(at_once=True)
    clock.shift(LIFETIME + MARGIN)

    assert _states() == [State.SIGNING, State.RETIRED, State.RETIRED]
    settings.JWT_ALGORITHM = "HS256"  # without a key of its own any more, a pod signs with what there is
    _refresh(still)
    assert _read(already, _sign(still)) == "good"


def test_a_pod_whose_clock_is_late_signs_with_the_new_key_when_the_old_ones_are_revoked(
    clock: time_machine.Traveller,
) -> None:
    _rotate(at_once=True, revoke_older=True)

    late = ring_in_database().signing_key((timezone.now() - timedelta(seconds=5)).timestamp())

    assert late.kid == SigningKey.objects.get().kid


def test_keys_that_retired_long_ago_are_deleted_and_revive_nothing(clock: time_machine.Traveller) -> None:
    _rotate(at_once=True, revoke_older=True)
    for _ in range(3):
        clock.shift(timedelta(days=31))
        _rotate(at_once=True)

    clock.shift(LIFETIME + MARGIN)

    assert SigningKey.objects.count() == 2
    assert sorted(SigningKey.objects.values_list("generation", flat=True)) == [3, 4]
    assert _states() == [State.SIGNING, *[State.RETIRED] * 3]


def test_a_retired_key_still_tells_old_clients_to_refresh(clock: time_machine.Traveller) -> None:
    a = Pod()
    token = _sign(a)
    _rotate(at_once=True)

    clock.shift(timedelta(days=29))
    _refresh(a)

    assert _read(a, token) == "token_expired"


def _rotate_in_threads(*, at_once: bool) -> list[Outcome]:
    start = threading.Barrier(8)
    outcomes: list[Outcome] = []
    now = timezone.now()

    def rotate() -> None:
        try:
            start.wait(timeout=30)
            outcomes.append(rotate_signing_key(at_once=at_once, revoke_older=at_once, now=now).outcome)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=rotate) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(outcomes) == 8
    return outcomes


@pytest.mark.django_db(transaction=True)
def test_of_rotations_at_the_same_moment_one_is_stored() -> None:
    outcomes = _rotate_in_threads(at_once=False)

    assert sorted(outcome.name for outcome in outcomes) == ["PENDING"] * 7 + ["ROTATED"]
    assert SigningKey.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_urgent_rotations_at_the_same_moment_each_knows_whether_it_is_stored() -> None:
    outcomes = _rotate_in_threads(at_once=True)

    stored = SigningKey.objects.count()
    assert outcomes.count(Outcome.ROTATED) == stored
    assert outcomes.count(Outcome.OVERTAKEN) == 8 - stored
    assert _states() == [State.SIGNING, *[State.REVOKED] * (stored + 1)]
