"""What the limiter refuses."""

from nocturnal_project.errors import NocturnalError
from ratelimits.decisions import Decision, Mode

# Registered by draft-ietf-httpapi-ratelimit-headers, section "Problem Types".
_PROBLEM_TYPES = "https://iana.org/assignments/http-problem-types#"


class RateLimitExceeded(NocturnalError):
    """The caller asked more often than its policy lets it, or is blocked for having done so again and again."""

    code = "rate_limited"
    status = 429
    title = "Too many requests."

    def __init__(self, decision: Decision) -> None:
        """Say which policy, and when to come back."""
        wait = max(1, decision.reset_seconds)
        blocked = decision.mode is Mode.BLOCKED
        detail = (
            f"Blocked after repeated refusals. Try again in {wait} seconds."
            if blocked
            else f"The limit of {decision.limit} requests in {decision.policy.window} seconds is used up. "
            f"Try again in {wait} seconds."
        )
        facts = {
            "type": _PROBLEM_TYPES + ("abnormal-usage-detected" if blocked else "quota-exceeded"),
            "violated-policies": [decision.policy_name],
            "retry_after_seconds": wait,
        }
        super().__init__(detail, headers=dict(decision.headers()), **facts)
        self.decision = decision


class LimitsContradict(ValueError):
    """The numbers that staff chose for a policy do not fit together; the message says how."""
