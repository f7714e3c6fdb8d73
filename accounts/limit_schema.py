"""How the endpoint about limits looks in the OpenAPI description."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema

from ratelimits.serializers import StandingsAnswer

_USER_ID = "019b2c3d-4e5f-7a6b-8c7d-9e0f1a2b3c4d"


def _standing(policy: str, charged_to: str, subject: str, **rest: Any) -> dict[str, Any]:
    return {
        "policy": policy,
        "name": policy,
        "charged_to": charged_to,
        "subject": subject,
        "mode": "normal",
        "blocked_until": None,
        "shadow": False,
        **rest,
    }


_UNUSED = _standing(
    "upload", "user", _USER_ID,
    limit=10, remaining=10, window_seconds=3600, reset_seconds=0, reason="Nothing used in the last hour.",
)  # fmt: skip
_NORMAL: dict[str, Any] = {
    "store": "redis",
    "standings": [
        _standing(
            "auth", "account", "alice@example.com",
            limit=5, remaining=3, window_seconds=900, reset_seconds=412,
            reason="2 of 5 used in the last 15 minutes; one more is free in 6 minutes 52 seconds.",
        ),
        _standing(
            "auth", "address", "203.0.113.7",
            limit=5, remaining=5, window_seconds=900, reset_seconds=0, reason="Nothing used in the last 15 minutes.",
        ),
        _standing(
            "api", "user", _USER_ID,
            limit=100, remaining=58, window_seconds=600, reset_seconds=123,
            reason="42 of 100 used in the last 10 minutes; one more is free in 2 minutes 3 seconds.",
        ),
        _UNUSED,
    ],
}  # fmt: skip
_HELD: dict[str, Any] = {
    "store": "redis",
    "standings": [
        _NORMAL["standings"][0],
        _standing(
            "auth", "address", "203.0.113.7",
            name="auth-strict", mode="blocked", limit=3, remaining=0, window_seconds=900, reset_seconds=3540,
            blocked_until="2026-01-02T04:04:05Z",
            reason="Blocked until 2026-01-02 04:04:05 UTC after repeated refusals.",
        ),
        _standing(
            "api", "user", _USER_ID,
            name="api-strict", mode="strict", limit=50, remaining=0, window_seconds=600, reset_seconds=123,
            reason="Held to the strict limit after 12 refusals within the hour; "
            "back to normal in at most 48 minutes if none follow.",
        ),
        _UNUSED,
    ],
}  # fmt: skip

read_rate_limits = extend_schema(
    tags=["me"],
    operation_id="read_rate_limits",
    responses=StandingsAnswer,
    examples=[
        OpenApiExample("within the limits", value=_NORMAL, response_only=True),
        OpenApiExample("held", value=_HELD, response_only=True),
    ],
)
