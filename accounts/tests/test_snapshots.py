"""A signed-in request against a real Redis: one round trip, no query, and never a session that has ended."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import services, sessions, snapshots, staff_actions, tokens
from accounts.models import Session, StaleSnapshot, User
from accounts.serializers import UserAnswer
from conftest import PASSWORD
from nocturnal_project import clock
from nocturnal_project.redis import link

ME = "/api/v1/me"
SignIn = Callable[[User], APIClient]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


def commands_sent() -> dict[str, int]:
    """How often each command was carried out, without what this question itself sends."""
    lines = link.call("INFO", "commandstats").decode().splitlines()
    counts = {
        line.split(":")[0].removeprefix("cmdstat_"): int(line.split("calls=")[1].split(",")[0]) for line in lines[1:]
    }
    return {name: count for name, count in counts.items() if name not in {"info", "config|resetstat"}}


def session_of(user: User) -> Session:
    return Session.objects.get(user=user)


def kept(session_id: uuid.UUID) -> bytes:
    return bytes(link.call("GET", snapshots.name_of(session_id)) or b"")


def test_a_signed_in_request_is_one_script_in_redis_and_no_query(
    alice: User, sign_in: SignIn, django_assert_num_queries: Callable[[int], CaptureQueriesContext]
) -> None:
    client = sign_in(alice)
    client.get(ME)
    link.call("CONFIG", "RESETSTAT")

    with django_assert_num_queries(0):
        answer = client.get(ME)

    # Once for the request; the commands inside the script are counted too.
    assert commands_sent() == {"evalsha": 1, "time": 1, "mget": 1, "set": 1}
    assert answer.json()["email"] == alice.email
    assert answer.headers["RateLimit"] == '"api";r=98;t=600'


def test_a_profile_reads_the_same_from_a_snapshot_and_from_the_database(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    from_snapshot = client.get(ME).json()
    link.call("FLUSHALL")

    assert client.get(ME).json() == from_snapshot == UserAnswer(alice).data


def test_a_request_without_a_snapshot_keeps_one_for_the_next(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    link.call("FLUSHALL")

    answer = client.get(ME)

    assert answer.status_code == 200
    assert answer.headers["RateLimit"] == '"api";r=99;t=600'
    assert kept(session_of(alice).pk).startswith(b"L0\n")


def test_a_snapshot_has_nothing_that_a_reader_of_redis_could_use(alice: User, sign_in: SignIn) -> None:
    sign_in(alice)

    text = kept(session_of(alice).pk).partition(b"\n")[2]

    assert json.loads(text).keys() == {"expires", "profile", "server"}
    assert json.loads(text)["profile"].keys() == {"id", "email", "email_verified", "name", "created_at"}


@pytest.mark.parametrize("how", ["sign out", "staff", "deactivate", "must reset", "close"])
def test_a_session_that_ends_is_refused_at_its_next_request(alice: User, sign_in: SignIn, how: str) -> None:
    client = sign_in(alice)
    session, now = session_of(alice), clock.now()

    match how:
        case "sign out":
            token = tokens.refresh_token(session_id=session.pk, counter=0)
            sessions.end_sessions(token=token, scope="local", now=now)
        case "staff":
            sessions.end_session(session_id=session.pk, user_id=alice.pk, reason=Session.EndReason.BY_STAFF, now=now)
        case "deactivate":
            staff_actions.deactivate(user=alice, now=now)
        case "must reset":
            staff_actions.require_password_reset(user=alice, now=now)
        case "close":
            services.close_account(user=alice, now=now)

    answer = client.get(ME)
    assert answer.status_code == 401
    assert answer.json()["code"] == ("invalid_token" if how == "close" else "session_ended")


def test_a_token_of_an_ended_session_costs_the_address_and_not_the_user(alice: User, sign_in: SignIn) -> None:
    stolen, present = sign_in(alice), None
    sessions.end_session(
        session_id=session_of(alice).pk, user_id=alice.pk, reason=Session.EndReason.BY_STAFF, now=clock.now()
    )
    present = sign_in(alice)

    refused = [stolen.get(ME).status_code for _ in range(5)]

    assert refused == [401] * 5
    assert present.get(ME).headers["RateLimit"].startswith('"api";r=99;')


def test_what_a_slow_reader_read_before_a_session_ended_is_not_kept_after(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    session = session_of(alice)  # read now, put below
    sessions.end_session(session_id=session.pk, user_id=alice.pk, reason=Session.EndReason.BY_STAFF, now=clock.now())

    snapshots.keep(session, alice)

    assert kept(session.pk) == b"E"
    assert client.get(ME).status_code == 401


def test_what_a_slow_reader_read_before_a_profile_changed_is_not_kept_after(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    session, before = session_of(alice), User.objects.get(pk=alice.pk)
    assert client.patch(ME, {"name": "Alice B."}).status_code == 200

    snapshots.keep(session, before)

    assert client.get(ME).json()["name"] == "Alice B."
    assert kept(session.pk).startswith(b"L1\n")


def test_a_changed_profile_is_seen_by_every_session_at_once(alice: User, sign_in: SignIn) -> None:
    phone, laptop = sign_in(alice), sign_in(alice)

    phone.patch(ME, {"name": "Al"})

    assert [client.get(ME).json()["name"] for client in (phone, laptop)] == ["Al", "Al"]


def test_what_staff_change_is_seen_at_once(alice: User, sign_in: SignIn, staff: Client) -> None:
    client = sign_in(alice)
    before = client.get(ME).json()["name"]

    staff.post(f"/admin/accounts/user/{alice.pk}/change/", {"email": alice.email, "name": "Alicia"})

    assert (before, client.get(ME).json()["name"]) == ("Alice", "Alicia")


def test_a_session_that_ran_out_is_refused_though_its_snapshot_is_there(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    session = session_of(alice)
    Session.objects.filter(pk=session.pk).update(expires_at=clock.now() + timedelta(minutes=5))
    link.call("FLUSHALL")
    assert client.get(ME).status_code == 200

    with time_machine.travel(clock.now() + timedelta(minutes=6)):
        answer = client.get(ME)

    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")


def test_what_was_noted_is_marked_and_forgotten(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    session = session_of(alice)
    StaleSnapshot.objects.create(session_id=session.pk)
    Session.objects.filter(pk=session.pk).update(ended_at=clock.now())

    snapshots.mark_noted()

    assert client.get(ME).status_code == 401
    assert not StaleSnapshot.objects.exists()


def test_snapshots_and_marks_are_forgotten_by_themselves(alice: User, sign_in: SignIn) -> None:
    sign_in(alice)
    name = snapshots.name_of(session_of(alice).pk)
    token_ms = settings.ACCESS_TOKEN_LIFETIME.total_seconds() * 1000
    alive = link.call("PTTL", name)

    sessions.end_session(
        session_id=session_of(alice).pk, user_id=alice.pk, reason=Session.EndReason.BY_STAFF, now=clock.now()
    )

    assert 0 < alive <= token_ms
    # A mark outlives every snapshot that could have been read before it.
    assert link.call("PTTL", name) > token_ms


def test_a_password_that_changes_during_a_sign_in_lets_nobody_in(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    start = sessions.start_session

    def start_while_the_password_changes(**known: Any) -> Session:
        session = start(**known)
        changed = User.objects.get(pk=alice.pk)
        changed.set_password("quite another one, with words")
        User.objects.filter(pk=alice.pk).update(password=changed.password)
        return session

    monkeypatch.setattr(sessions, "start_session", start_while_the_password_changes)

    answer = APIClient().post("/api/v1/auth/login", {"email": alice.email, "password": PASSWORD})

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    assert not Session.objects.filter(user=alice, ended_at=None).exists()
