"""The policies: how many tries, in what time, charged to whom, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from django.conf import settings

MINUTE = 60
HOUR = 60 * MINUTE


class ChargedTo(Enum):
    """Whose count a request goes to."""

    IP_AND_ACCOUNT = "the IP, and the account named; a known device is counted by itself"
    USER_OR_IP = "the user, else the IP"
    USER = "the user"


@dataclass(frozen=True, slots=True)
class Policy:
    """One row of the table. ``window`` is in seconds; thresholds count refusals within the last hour."""

    name: str
    window: int
    normal: int
    strict: int
    strict_after: int
    block_after: int
    charged_to: ChargedTo
    why: str


@dataclass(frozen=True, slots=True)
class Exempt:
    """The answer of a view that is not limited, with the reason."""

    why: str


# fmt: off
_TABLE = (
    #      name      window       normal strict strict_after block_after
    Policy("auth",   15 * MINUTE,   5,     3,     3,          10,
           ChargedTo.IP_AND_ACCOUNT, "Slows guessing; a person's typos fit."),
    Policy("api",    10 * MINUTE, 100,    50,    10,          20,
           ChargedTo.USER_OR_IP,     "A client that polls fits; a loop does not."),
    Policy("upload",      HOUR,    10,     5,     5,          10,
           ChargedTo.USER,           "Storage is the cost; quota is the real guard."),
)
# fmt: on

# RATE_LIMIT_AUTH_NORMAL=10 and its like change these numbers of a row.
OVERRIDABLE = ("window", "normal", "strict", "strict_after", "block_after")


def variable_of(policy: Policy, field: str) -> str:
    """Return the name of the variable that overrides a number of a policy."""
    return f"RATE_LIMIT_{policy.name}_{field}".upper()


def _overridden(policy: Policy, variables: Mapping[str, str]) -> Policy:
    """Apply what the variables say; checks.py complains of what they say wrong, which counts as unsaid."""
    numbers: dict[str, int] = {}
    for field in OVERRIDABLE:
        text = variables.get(variable_of(policy, field), "")
        if text.isascii() and text.isdigit() and int(text) > 0:
            numbers[field] = int(text)
    return replace(policy, **numbers)  # type: ignore[arg-type]  # OVERRIDABLE names only integer fields


POLICIES = {row.name: _overridden(row, settings.RATE_LIMIT_OVERRIDES) for row in _TABLE}
