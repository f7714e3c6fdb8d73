"""Limits to try, as people write them: auth=normal:10,window:30m."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ratelimits.policies import OVERRIDABLE, POLICIES, Policy, contradictions, in_force

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class NotLimits(ValueError):
    """What was written is no set of limits; the message says why."""


def present_limits() -> dict[str, Policy]:
    """Return the limits in force, as if each were enforced."""
    return {name: replace(in_force(policy), shadow=False) for name, policy in POLICIES.items()}


def candidate_limits(texts: Iterable[str], present: Mapping[str, Policy]) -> dict[str, Policy]:
    """Return the present limits with what was written put in.

    Raises:
        NotLimits: a name, a number, or how they fit together is wrong.
    """
    changed = dict(present)
    for text in texts:
        name, equals, numbers = text.partition("=")
        if name not in changed or not equals:
            raise NotLimits(
                f"{text!r}: write {' or '.join(changed)}, then = and numbers, such as auth=normal:5,strict:3"
            )
        said: dict[str, Any] = dict(_number(text, part) for part in numbers.split(","))
        if complaints := contradictions(changed[name], said):
            raise NotLimits(f"{text!r} contradicts itself: {', and '.join(complaints)}")
        changed[name] = replace(changed[name], **said)
    return changed


def _number(text: str, part: str) -> tuple[str, int]:
    name, _, value = part.strip().partition(":")
    unit = _UNITS.get(value[-1:], 0) if name == "window" else 0
    digits = value[:-1] if unit else value
    if name not in OVERRIDABLE:
        raise NotLimits(f"{text!r}: {name!r} is none of {', '.join(OVERRIDABLE)}")
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits) < 10**9):
        raise NotLimits(f"{text!r}: {name} takes a whole number above 0, not {value!r}")
    return name, int(digits) * (unit or 1)
