"""GET /api/v1/me/rate-limits: where the caller stands, and why."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.test import override_settings
from rest_framework.test import APIClient

from nocturnal_project.redis import link
from ratelimits import limiter
from ratelimits.decisions import Mode
from ratelimits.policies import POLICIES, put_in_force
from ratelimits.subjects import account_subject, ip_subject, user_subject

STANDINGS = "/api/v1/me/rate-limits"
ME = "/api/v1/me"
LOGIN = "/api/v1/auth/login"
SignIn = Callable[[Any], APIClient]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-01-02T03:04:05Z", tick=False) as traveller:
        yield traveller


def standing(client: APIClient, policy: str, charged_to: str) -> dict[str, Any]:
    answer = client.get(STANDINGS)
    assert answer.status_code == 200, answer.content
    (found,) = [
        each for each in answer.json()["standings"] if (each["policy"], each["charged_to"]) == (policy, charged_to)
    ]
    return dict(found)


def test_a_caller_who_used_nothing_is_told_every_limit(alice: Any, sign_in: SignIn) -> None:
    answer = sign_in(alice).get(STANDINGS)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["store"] == "local"
    shared = {"mode": "normal", "blocked_until": None, "shadow": False, "reset_seconds": 0}
    assert answer.json()["standings"] == [
        {
            **shared, "policy": policy, "name": policy, "charged_to": charged_to, "subject": subject,
            "limit": limit, "remaining": limit, "window_seconds": window,
            "reason": f"Nothing used in the last {words}.",
        }
        for policy, charged_to, subject, limit, window, words in (
            ("auth", "account", "alice@example.com", 5, 900, "15 minutes"),
            ("auth", "address", "127.0.0.1", 5, 900, "15 minutes"),
            ("api", "user", str(alice.pk), 100, 600, "10 minutes"),
            ("upload", "user", str(alice.pk), 10, 3600, "hour"),
        )
    ]  # fmt: skip


def test_asking_costs_nothing_and_has_no_limit_of_its_own(alice: Any, sign_in: SignIn) -> None:
    client = sign_in(alice)

    answers = [client.get(STANDINGS) for _ in range(120)]

    assert {answer.status_code for answer in answers} == {200}
    assert not any("RateLimit" in answer.headers for answer in answers)
    assert client.get(ME).headers["RateLimit"].startswith('"api";r=99;')


def test_what_was_used_and_when_it_comes_back_is_told(
    alice: Any, sign_in: SignIn, clock: time_machine.Traveller
) -> None:
    client = sign_in(alice)
    client.get(ME)
    clock.shift(60)
    client.get(ME)

    api = standing(client, "api", "user")

    assert (api["limit"], api["remaining"], api["reset_seconds"]) == (100, 98, 540)
    assert api["reason"] == "2 of 100 used in the last 10 minutes; one more is free in 9 minutes."


def test_guesses_of_others_at_the_account_and_ones_own_address_are_told_apart(alice: Any, sign_in: SignIn) -> None:
    client = sign_in(alice)
    for last in range(3):
        APIClient().post(LOGIN, {"email": alice.email, "password": "x"}, REMOTE_ADDR=f"203.0.113.{last}")

    assert standing(client, "auth", "account")["remaining"] == 2
    assert standing(client, "auth", "address")["remaining"] == 5


def test_the_strict_limit_is_explained(alice: Any, sign_in: SignIn, clock: time_machine.Traveller) -> None:
    client = sign_in(alice)
    for _ in range(111):
        client.get(ME)
    clock.shift(12 * 60)
    client = sign_in(alice)
    assert client.get(ME).headers["RateLimit"].startswith('"api-strict";r=49;')

    api = standing(client, "api", "user")

    assert (api["name"], api["mode"], api["limit"], api["remaining"]) == ("api-strict", "strict", 50, 49)
    assert api["reason"] == (
        "Held to the strict limit after 11 refusals within the hour; "
        "back to normal in at most 48 minutes if none follow."
    )


def test_a_blocked_caller_may_still_ask_and_is_told_until_when(alice: Any, sign_in: SignIn) -> None:
    client = sign_in(alice)
    for _ in range(120):
        client.get(ME)
    assert client.get(ME).status_code == 429

    for policy in ("api", "upload"):
        found = standing(client, policy, "user")
        assert (found["mode"], found["remaining"], found["reset_seconds"]) == ("blocked", 0, 3600)
        assert found["blocked_until"] == "2026-01-02T04:04:05Z"
        assert found["reason"] == "Blocked until 2026-01-02 04:04:05 UTC after repeated refusals."


def test_what_staff_hold_is_said_to_be_staffs(alice: Any, sign_in: SignIn) -> None:
    client = sign_in(alice)
    limiter.hold(str(user_subject(alice.pk)), mode=Mode.STRICT, seconds=1800)
    limiter.hold("ip:127.0.0.1", mode=Mode.BLOCKED, seconds=7200)

    assert (
        standing(client, "api", "user")["reason"] == "Held to the strict limit by staff; back to normal in 30 minutes."
    )
    address = standing(client, "auth", "address")
    assert address["reason"] == "Blocked until 2026-01-02 05:04:05 UTC by staff."


def test_a_policy_in_shadow_says_so(alice: Any, sign_in: SignIn) -> None:
    client = sign_in(alice)
    put_in_force({"api": {"shadow": True, "normal": 2}})
    try:
        for _ in range(5):
            assert client.get(ME).status_code == 200
        api = standing(client, "api", "user")
    finally:
        put_in_force({})

    assert (api["shadow"], api["limit"], api["remaining"]) == (True, 2, 0)
    assert api["reason"].endswith("This policy is in shadow: it counts and reports, but refuses nobody.")


def test_an_ipv6_caller_is_told_their_network(alice: Any, sign_in: SignIn) -> None:
    client = sign_in(alice)

    answer = client.get(STANDINGS, REMOTE_ADDR="2001:db8:0:1::42")

    assert answer.json()["standings"][1]["subject"] == "2001:db8:0:1::/64"


@pytest.mark.django_db
@pytest.mark.parametrize("header", [None, "Bearer forged", "Basic eDp5"])
def test_a_stranger_is_told_nothing(api: APIClient, header: str | None) -> None:
    if header:
        api.credentials(HTTP_AUTHORIZATION=header)
    answer = api.get(STANDINGS)

    assert answer.status_code == 401
    assert "standings" not in answer.json()


def test_an_ended_session_is_told_nothing(alice: Any, sign_in: SignIn) -> None:
    client = sign_in(alice)
    alice.sessions.update(ended_at="2026-01-01T00:00:00Z")

    assert (client.get(STANDINGS).status_code, client.get(STANDINGS).json()["code"]) == (401, "session_ended")


@pytest.mark.usefixtures("redis_away")
def test_while_redis_is_away_this_instances_share_is_told(
    alice: Any, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(alice)
    monkeypatch.setattr("ratelimits.limiter.live_instances", lambda: ("one", "three", "two"))
    monkeypatch.setattr("ratelimits.limiter.others_were_seen", lambda: True)

    with override_settings(INSTANCE_ID="three"):
        answer = client.get(STANDINGS).json()

    assert answer["store"] == "local"
    # Of five tries at sign-in the first two of three instances have two each, the last one; of a hundred each has 34.
    assert [each["limit"] for each in answer["standings"]] == [2, 2, 34, 4]


def test_on_redis_the_shared_counts_are_told_in_at_most_two_round_trips(
    redis: Any, alice: Any, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(alice)
    client.get(ME)
    client.get(STANDINGS)  # the scripts are known from here on
    limiter.shared.decide(POLICIES["auth"], [account_subject(alice.email), ip_subject("127.0.0.1")])
    trips: list[str] = []
    send = link._connections.exchange

    def heard(command: tuple[Any, ...], **how: Any) -> Any:
        trips.append(command[0])
        return send(command, **how)

    monkeypatch.setattr(link._connections, "exchange", heard)

    answer = client.get(STANDINGS).json()

    assert trips == ["GET", "EVALSHA"]
    assert answer["store"] == "redis"
    assert [(each["limit"], each["remaining"]) for each in answer["standings"]] == [(5, 4), (5, 4), (100, 99), (10, 10)]
