"""What clients see of a decision: header fields, and the problem of a refusal."""

import pytest

from ratelimits.decisions import Decision, Mode
from ratelimits.errors import RateLimitExceeded
from ratelimits.policies import POLICIES

ALLOWED = Decision(policy=POLICIES["api"], mode=Mode.NORMAL, allowed=True, limit=100, remaining=42, reset_seconds=123)
REFUSED = ALLOWED._replace(allowed=False, remaining=0)


def test_an_allowed_request_is_told_its_quota_and_what_is_left() -> None:
    assert dict(ALLOWED.headers()) == {
        "RateLimit-Policy": '"api";q=100;w=600',
        "RateLimit": '"api";r=42;t=123',
    }


def test_strict_mode_is_a_policy_with_a_name_of_its_own() -> None:
    strict = ALLOWED._replace(mode=Mode.STRICT, limit=50, remaining=7)

    assert dict(strict.headers()) == {
        "RateLimit-Policy": '"api-strict";q=50;w=600',
        "RateLimit": '"api-strict";r=7;t=123',
    }


@pytest.mark.parametrize(("reset", "retry_after"), [(123, "123"), (1, "1"), (0, "1")])
def test_a_refused_request_is_told_when_to_come_back_and_never_at_once(reset: int, retry_after: str) -> None:
    assert dict(REFUSED._replace(reset_seconds=reset).headers())["Retry-After"] == retry_after


def test_a_used_up_quota_is_the_registered_problem() -> None:
    error = RateLimitExceeded(REFUSED)

    assert (error.status, error.code) == (429, "rate_limited")
    assert error.facts == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "violated-policies": ["api"],
        "retry_after_seconds": 123,
    }
    assert error.detail == "The limit of 100 requests in 600 seconds is used up. Try again in 123 seconds."
    assert error.headers["Retry-After"] == "123"


def test_a_block_is_another_registered_problem() -> None:
    error = RateLimitExceeded(REFUSED._replace(mode=Mode.BLOCKED, limit=50, reset_seconds=3600))

    assert error.facts["type"] == "https://iana.org/assignments/http-problem-types#abnormal-usage-detected"
    assert error.facts["violated-policies"] == ["api-strict"]
    assert error.detail == "Blocked after repeated refusals. Try again in 3600 seconds."
    assert error.headers["Retry-After"] == "3600"
