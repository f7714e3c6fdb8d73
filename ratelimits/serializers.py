"""The shape of an answer about limits."""

from typing import Any

from rest_framework import serializers

from ratelimits.cases import Case
from ratelimits.decisions import Mode
from ratelimits.explanations import blocked_until, reason


class StandingAnswer(serializers.Serializer[Any]):
    """Where one subject stands under one policy."""

    policy = serializers.CharField(help_text="auth, api or upload.")
    name = serializers.CharField(help_text="As in RateLimit-Policy: the policy, with -strict where that limit holds.")
    charged_to = serializers.ChoiceField(
        ("address", "account", "user"),
        help_text="Whose count it is: of the address, the account's e-mail, or the user.",
    )
    subject = serializers.CharField(help_text="Which address (IPv6: network), e-mail or user.")
    mode = serializers.ChoiceField([mode.value for mode in Mode])
    limit = serializers.IntegerField(help_text="Requests that may pass in any window of so many seconds.")
    remaining = serializers.IntegerField(help_text="How many more would pass now.")
    window_seconds = serializers.IntegerField()
    reset_seconds = serializers.IntegerField(
        help_text="Until one more may pass than now, or until the block ends; 0 when nothing is used."
    )
    blocked_until = serializers.DateTimeField(allow_null=True, help_text="Until when nothing passes, or null.")
    shadow = serializers.BooleanField(help_text="Whether the policy only counts and reports, and refuses nobody.")
    reason = serializers.CharField(help_text="Why, in a sentence for people.")


class StandingsAnswer(serializers.Serializer[Any]):
    """Where the caller stands under every policy."""

    store = serializers.ChoiceField(
        ("redis", "local"),
        help_text="Where the counts are: shared by all instances, or this instance's own with its share.",
    )
    standings = StandingAnswer(many=True)


def standing_body(case: Case, *, charged_to: str, subject: str) -> dict[str, Any]:
    """Return one standing as StandingAnswer has it; ``subject`` is what its owner calls it."""
    standing, policy = case.standing, case.policy
    return {
        "policy": policy.name,
        "name": policy.name if standing.mode is Mode.NORMAL else f"{policy.name}-strict",
        "charged_to": charged_to,
        "subject": subject,
        "mode": standing.mode.value,
        "limit": standing.limit,
        "remaining": standing.remaining,
        "window_seconds": policy.window,
        "reset_seconds": standing.reset_seconds,
        "blocked_until": blocked_until(case),
        "shadow": policy.shadow,
        "reason": reason(case),
    }
