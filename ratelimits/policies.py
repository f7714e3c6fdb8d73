"""The policies: how many tries, in what time, charged to whom, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from django.conf import settings

MINUTE = 60
HOUR = 60 * MINUTE

# The ladder, for addresses and users. Refusals are remembered for an hour; the first block is one hour, and each that
# comes back within a day of the last one's end is twice as long, up to a day.
REFUSAL_MEMORY = HOUR
FIRST_BLOCK = HOUR
LONGEST_BLOCK = 24 * HOUR
BLOCK_MEMORY = 24 * HOUR
# So many /64s of one /56 that came to the strict limit within the hour are counted as one, and so /56s of a /48.
SIBLINGS = 3

# Up to this limit each request in the window has a stamp of its own. Above, stamps of one slot of a window's five
# hundred are merged into the youngest: no more than the limit passes ever, and one that has left may be counted for a
# slot longer. So the counts of a subject never take more than six kilobytes.
EXACT_UP_TO = 1000
SLOTS = 500
MERGED = ":merged"
MOST_REFUSALS = 1000
MOST_REQUESTS = 1_000_000_000
LONGEST_WINDOW = 31 * 24 * HOUR


# How the names of holds begin, which all policies share; what policies in shadow would have held is apart.
HOLD_PREFIX, _SHADOW_HOLD_PREFIX = HOLD_PREFIXES = ("rate-limit:hold:", "rate-limit:hold-shadow:")


def prefix_of(policy_name: str, *, shadow: bool = False) -> str:
    """Return how the names of a policy's counts begin."""
    return f"rate-limit:{policy_name}-shadow:" if shadow else f"rate-limit:{policy_name}:"


class ChargedTo(Enum):
    """Whose count a request goes to."""

    IP_AND_ACCOUNT = "the IP, and the account named; a known device is counted by itself"
    USER_OR_IP = "the user, else the IP"
    USER = "the user"


@dataclass(frozen=True, slots=True)
class Policy:
    """One row of the table. ``window`` is in seconds; thresholds count refusals within the last hour.

    ``shadow`` counts and reports without enforcing; its counts are apart, so that what it would have done never
    reaches the policies that are enforced.
    """

    name: str
    window: int
    normal: int
    strict: int
    strict_after: int
    block_after: int
    charged_to: ChargedTo
    why: str
    shadow: bool = False

    @property
    def prefix(self) -> str:
        """How the names of its counts begin."""
        return prefix_of(self.name, shadow=self.shadow)

    @property
    def hold_prefix(self) -> str:
        """How the names of holds begin, which all policies share."""
        return _SHADOW_HOLD_PREFIX if self.shadow else HOLD_PREFIX

    @property
    def suffix(self) -> str:
        """How the names of its hits end: those whose stamps are merged are apart, because they are kept otherwise."""
        return MERGED if self.normal > EXACT_UP_TO else ""

    @property
    def slot_ms(self) -> int:
        """How far apart merged stamps are at least."""
        return max(1, self.window * 1000 // SLOTS)

    @property
    def numbers(self) -> tuple[int, ...]:
        """What decide.lua wants to know of it."""
        return self.window * 1000, self.normal, self.strict, self.strict_after, self.block_after


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

# RATE_LIMIT_AUTH_NORMAL=10 and its like change these numbers of a row, and RATE_LIMIT_AUTH_SHADOW=true its last word.
OVERRIDABLE = ("window", "normal", "strict", "strict_after", "block_after")
SHADOW = "shadow"
_FLAGS = {"true": True, "false": False}


def variable_of(policy: Policy, field_name: str) -> str:
    """Return the name of the variable that overrides a number of a policy, or its shadow."""
    return f"RATE_LIMIT_{policy.name}_{field_name}".upper()


def _overridden(policy: Policy, variables: Mapping[str, str]) -> Policy:
    """Apply what the variables say; checks.py complains of what they say wrong, which counts as unsaid."""
    said: dict[str, Any] = {}
    for name in OVERRIDABLE:
        text = variables.get(variable_of(policy, name), "")
        if text.isascii() and text.isdigit() and int(text) > 0:
            said[name] = int(text)
    if (shadow := _FLAGS.get(variables.get(variable_of(policy, SHADOW), "").lower())) is not None:
        said[SHADOW] = shadow
    return replace(policy, **said)


def contradictions(policy: Policy, changes: Mapping[str, Any]) -> list[str]:
    """Return what does not fit together in a policy with changes."""
    changed = replace(policy, **changes)
    found = []
    if changed.strict > changed.normal:
        found.append(f"keep strict ({changed.strict}) at most normal ({changed.normal})")
    if changed.strict_after > changed.block_after:
        found.append(f"keep strict_after ({changed.strict_after}) at most block_after ({changed.block_after})")
    if changed.normal > MOST_REQUESTS:
        found.append(f"keep normal ({changed.normal}) at most {MOST_REQUESTS}")
    if changed.block_after > MOST_REFUSALS:
        found.append(f"keep block_after ({changed.block_after}) at most {MOST_REFUSALS}")
    if changed.window > LONGEST_WINDOW:
        found.append(f"keep window ({changed.window}) at most {LONGEST_WINDOW} seconds")
    return found


# What holds where nobody says otherwise.
DEFAULTS = {row.name: row for row in _TABLE}
# What the variables say. Views name these; what staff have changed since is in force beside them.
POLICIES = {row.name: _overridden(row, settings.RATE_LIMIT_OVERRIDES) for row in _TABLE}

# Whether a policy runs in shadow may change while it has counts: what forgets a subject forgets it under both.
PREFIXES = tuple(prefix_of(name, shadow=shadow) for name in POLICIES for shadow in (False, True))

# Replaced as a whole, never changed, so that a decision sees one state of it.
_in_force: Mapping[str, Policy] = POLICIES


def in_force(policy: Policy) -> Policy:
    """Return the policy with the numbers that hold now."""
    return _in_force[policy.name]


def put_in_force(changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Let staff's changes hold in this process: for each policy, the fields that differ from the variables."""
    global _in_force  # noqa: PLW0603  one reference that every decision reads
    _in_force = {name: replace(row, **changes.get(name, {})) for name, row in POLICIES.items()}
