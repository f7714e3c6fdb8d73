"""A policy in shadow, as clients and operators meet it: counted and reported, never enforced."""

from collections.abc import Iterator

import pytest
import structlog
from rest_framework.test import APIClient

from ratelimits import limiter, records, tally
from ratelimits.decisions import Mode
from ratelimits.policies import POLICIES, in_force, put_in_force
from ratelimits.subjects import ip_subject

LOGIN = "/api/v1/auth/login"
ME = "/api/v1/me"
AUTH, API = POLICIES["auth"], POLICIES["api"]
HOME = ip_subject("127.0.0.1")


@pytest.fixture(params=["local", "redis"])
def auth_in_shadow(request: pytest.FixtureRequest) -> Iterator[None]:
    """The limit of sign-in only watches, on either store."""
    if request.param == "redis":
        request.getfixturevalue("redis")
    records._waiting.clear()
    put_in_force({"auth": {"shadow": True}})
    yield
    put_in_force({})


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("auth_in_shadow")]


def test_nothing_is_refused_and_the_headers_say_what_would_be(api: APIClient) -> None:
    answers = [api.post(LOGIN, {}) for _ in range(17)]

    assert [answer.status_code for answer in answers] == [422] * 17
    assert [answer.headers["RateLimit"].split(";")[1] for answer in answers] == [
        f"r={left}" for left in (4, 3, 2, 1, *[0] * 13)
    ]
    policies = [answer.headers["RateLimit-Policy"] for answer in answers]
    assert policies == ['"auth";q=5;w=900'] * 8 + ['"auth-strict";q=3;w=900'] * 9
    assert not any("Retry-After" in answer.headers for answer in answers)


def test_what_would_have_been_refused_is_tallied_apart(api: APIClient) -> None:
    before = tally.totals()
    for _ in range(17):
        api.post(LOGIN, {})

    after = tally.totals()
    found = {outcome: number - before.get(outcome, 0) for outcome, number in after.items()}
    assert {outcome: number for outcome, number in found.items() if number} == {
        ("auth", "normal", "allowed"): 5,
        ("auth", "normal", "shadow_refused"): 3,
        ("auth", "strict", "shadow_refused"): 7,
        ("auth", "blocked", "shadow_refused"): 2,
    }


def test_each_refusal_and_each_step_is_logged_as_one_in_shadow(api: APIClient) -> None:
    with structlog.testing.capture_logs() as lines:
        for _ in range(17):
            api.post(LOGIN, {})

    refused = [line for line in lines if line["event"] == "rate limit refused"]
    steps = [line for line in lines if line["event"] == "rate limit escalated"]
    assert len(refused) == 12
    assert all(line["shadow"] is True for line in (*refused, *steps))
    assert [line["step"] for line in steps] == ["strict", "blocked"]
    assert [(event.kind, event.facts) for event in records._waiting] == [
        ("strict", "in shadow"),
        ("blocked", "in shadow"),
    ]


def test_a_block_in_shadow_holds_under_no_policy_that_is_enforced(api: APIClient) -> None:
    for _ in range(17):
        api.post(LOGIN, {})

    answer = api.get(ME)

    assert (answer.status_code, answer.headers["RateLimit"].split(";")[:2]) == (401, ['"api"', "r=99"])


def test_when_the_shadow_ends_everybody_begins_anew(api: APIClient) -> None:
    for _ in range(17):
        api.post(LOGIN, {})
    put_in_force({})

    statuses = [api.post(LOGIN, {}).status_code for _ in range(6)]

    assert statuses == [422] * 5 + [429]


def test_a_block_that_is_enforced_does_not_reach_a_policy_in_shadow(api: APIClient) -> None:
    limiter.hold(str(HOME), mode=Mode.BLOCKED, seconds=60)

    assert api.get(ME).status_code == 429
    assert api.post(LOGIN, {}).status_code == 422


def test_where_one_stands_is_told_for_the_shadow(api: APIClient) -> None:
    for _ in range(9):
        api.post(LOGIN, {})

    (case,) = limiter.cases([(AUTH, HOME)])

    assert (case.policy.shadow, in_force(API).shadow) == (True, False)
    assert (case.standing.mode, case.standing.refusals) == (Mode.STRICT, 4)
