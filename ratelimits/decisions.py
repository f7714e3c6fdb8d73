"""What the limiter decided about one request, and the header fields that say so."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ratelimits.policies import Policy


class Mode(StrEnum):
    """How a subject is held: by the normal limit, by the strict one, or not let in at all."""

    NORMAL = "normal"
    STRICT = "strict"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer. Times are whole seconds from now, rounded up; ``reset_seconds`` is 0 only when nothing is used."""

    policy: Policy
    mode: Mode
    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int

    @property
    def policy_name(self) -> str:
        """The policy as clients see it: strict mode has a name of its own."""
        return self.policy.name if self.mode is Mode.NORMAL else f"{self.policy.name}-strict"

    def headers(self) -> Iterator[tuple[str, str]]:
        """Yield the fields of draft-ietf-httpapi-ratelimit-headers, and Retry-After on a refusal."""
        yield "RateLimit-Policy", f'"{self.policy_name}";q={self.limit};w={self.policy.window}'
        yield "RateLimit", f'"{self.policy_name}";r={self.remaining};t={self.reset_seconds}'
        if not self.allowed:
            yield "Retry-After", str(max(1, self.reset_seconds))
