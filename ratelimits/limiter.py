"""The one place that decides whether a request may pass."""

from collections.abc import Sequence

import structlog

from ratelimits import local_store
from ratelimits.decisions import Decision
from ratelimits.errors import RateLimitExceeded
from ratelimits.policies import POLICIES, Policy
from ratelimits.subjects import Subject

_log = structlog.stdlib.get_logger("nocturnal.ratelimits")
_store = local_store.LocalStore()


def decide(policy: Policy, subjects: Sequence[Subject]) -> Decision:
    """Charge the subjects and say whether the request may pass."""
    decision = _store.decide(policy, subjects)
    if not decision.allowed:
        _log.info("rate limit refused", policy=decision.policy_name, mode=decision.mode.value)
    return decision


def charge(policy: Policy, subjects: Sequence[Subject]) -> Decision:
    """Charge the subjects.

    Raises:
        RateLimitExceeded: one of them has no try left; none was charged.
    """
    decision = decide(policy, subjects)
    if not decision.allowed:
        raise RateLimitExceeded(decision)
    return decision


def give_back(policy: Policy, subjects: Sequence[Subject]) -> None:
    """Undo a charge."""
    _store.give_back(policy, subjects)


def announce() -> None:
    """Log, once a process, where each policy keeps its counts."""
    for policy in POLICIES.values():
        _log.info(f"Rate limiter for {policy.name} using {local_store.NAME}")
