"""What the limiter decided about one request, and the header fields that say so."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from ratelimits.policies import Policy


class Mode(StrEnum):
    """How a subject is held: by the normal limit, by the strict one, or not let in at all."""

    NORMAL = "normal"
    STRICT = "strict"
    BLOCKED = "blocked"


class Step(NamedTuple):
    """One step up the ladder that a refusal led to.

    ``kind`` is ``strict``, ``blocked`` or ``widened``; ``subject`` the name of whom it holds, ``seconds`` for how long
    at most, and ``times`` how many refusals, blocks or siblings led to it.
    """

    kind: str
    subject: str
    seconds: int
    times: int


class Decision(NamedTuple):
    """One answer. Times are whole seconds from now, rounded up; ``reset_seconds`` is 0 only when nothing is used.

    ``charged`` are the counts that it was charged to and ``stamp`` names the charge in them, for giving it back.
    ``snapshot`` is what the store has of the session that was asked for.
    """

    policy: Policy
    mode: Mode
    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    stamp: int = 0
    charged: tuple[str, ...] = ()
    snapshot: bytes | None = None
    steps: tuple[Step, ...] = ()
    shared: bool = False

    @property
    def policy_name(self) -> str:
        """The policy as clients see it: strict mode has a name of its own."""
        return self.policy.name if self.mode is Mode.NORMAL else f"{self.policy.name}-strict"

    def headers(self) -> Iterator[tuple[str, str]]:
        """Yield the fields of draft-ietf-httpapi-ratelimit-headers, and Retry-After on a refusal."""
        name = self.policy_name
        yield "RateLimit-Policy", f'"{name}";q={self.limit};w={self.policy.window}'
        yield "RateLimit", f'"{name}";r={self.remaining};t={self.reset_seconds}'
        if not self.allowed and not self.policy.shadow:
            yield "Retry-After", str(max(1, self.reset_seconds))


class Standing(NamedTuple):
    """Where one subject stands under one policy, without being charged for the question.

    ``refusals`` are those of the last hour, ``blocks`` those that still make the next one longer, and ``level`` on
    which of its names the subject is counted (1: itself).
    """

    mode: Mode
    allowed: bool
    limit: int
    used: int
    reset_seconds: int
    refusals: int
    blocks: int
    level: int

    @property
    def remaining(self) -> int:
        """How many more requests would pass now."""
        return 0 if self.mode is Mode.BLOCKED else max(0, self.limit - self.used)
