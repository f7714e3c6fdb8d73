"""The one place that decides whether a request may pass: in Redis, and here while Redis is away."""

from collections.abc import Callable, Sequence

import structlog
from django.conf import settings

from nocturnal_project.instances import live_instances, others_were_seen
from nocturnal_project.redis import RedisAway, link
from ratelimits import local_store, records, redis_store, tally
from ratelimits.cases import Case
from ratelimits.decisions import Decision, Mode
from ratelimits.errors import RateLimitExceeded
from ratelimits.policies import POLICIES, ChargedTo, Policy, in_force
from ratelimits.redis_store import SessionUnknown
from ratelimits.subjects import Subject, is_exempt

__all__ = [
    "SessionUnknown",
    "announce",
    "cases",
    "charge",
    "decide",
    "give_back",
    "held",
    "hold",
    "lift",
    "reset",
    "share",
]

_log = structlog.stdlib.get_logger("nocturnal.ratelimits")
shared = redis_store.RedisStore()
local = local_store.LocalStore()


def decide(policy: Policy, subjects: Sequence[Subject], *, session: str = "") -> Decision:
    """Charge the subjects and say whether the request may pass.

    Addresses of exempt networks are not charged; the accounts that are named beside them are.

    With the name of a session's snapshot, only if the snapshot is a live one, which comes back with the decision. While
    Redis is away there are no snapshots, and this instance lets through its share of the limit.

    Raises:
        SessionUnknown: there is no live snapshot of the session; nothing was charged.
    """
    policy = in_force(policy)
    subjects = tuple(dict.fromkeys(subjects))  # one that is named twice is charged once
    if settings.RATE_LIMIT_EXEMPT_NETWORKS:
        subjects = [subject for subject in subjects if not is_exempt(subject)]
        if not subjects:
            return Decision(
                policy, Mode.NORMAL, allowed=True, limit=policy.normal, remaining=policy.normal, reset_seconds=0
            )
    try:
        decision = shared.decide(policy, subjects, session=session)
    except RedisAway:
        if session:
            raise SessionUnknown(None) from None
        decision = local.decide(policy, subjects, share=share(policy))
    tally.count(decision)
    if not decision.allowed:
        _note_refusal(decision)
    return decision


def charge(policy: Policy, subjects: Sequence[Subject], *, session: str = "") -> Decision:
    """Charge the subjects.

    Raises:
        RateLimitExceeded: one of them has no try left; none was charged. Never under a policy in shadow.
        SessionUnknown: there is no live snapshot of the session; nothing was charged.
    """
    decision = decide(policy, subjects, session=session)
    if not decision.allowed and not decision.policy.shadow:
        raise RateLimitExceeded(decision)
    return decision


def give_back(decision: Decision) -> None:
    """Undo a charge. One that was made in Redis is lost while Redis is away: that is strict, and safe."""
    if not decision.allowed or not decision.charged:
        return
    try:
        (shared if decision.shared else local).give_back(decision)
    except RedisAway:
        _log.warning("charge not given back", policy=decision.policy.name)


def cases(asked: Sequence[tuple[Policy, Subject]]) -> list[Case]:
    """Return what is kept of each subject under its policy, in one round trip, and charge nobody.

    While Redis is away, what this instance keeps, with its share of the limits.
    """
    current = [(in_force(policy), subject) for policy, subject in asked]
    try:
        return shared.cases(current)
    except RedisAway:
        return [local.case(policy, subject, share=share(policy)) for policy, subject in current]


def hold(name: str, *, mode: Mode, seconds: int) -> None:
    """Block a subject, or hold it strictly, under every policy.

    Raises:
        RedisAway: Redis is configured and not there, so that no other instance would know.
    """
    _act(lambda store: store.hold(name, mode=mode, seconds=seconds))


def lift(name: str) -> None:
    """Let a subject go: its blocks, strict holds and refusals are forgotten, so that it stays lifted.

    Raises:
        RedisAway: as for hold.
    """
    _act(lambda store: store.lift(name))


def reset(name: str) -> None:
    """Forget everything about a subject, also what it used.

    Raises:
        RedisAway: as for hold.
    """
    _act(lambda store: store.reset(name))


def held(limit: int) -> list[tuple[str, str]]:
    """Return (kind, key) of subjects that came to the strict limit or a block lately; the latest to end first."""
    try:
        return shared.held(limit)
    except RedisAway:
        return local.held(limit)


def announce() -> None:
    """Log, once a process, where each policy keeps its counts."""
    name = redis_store.NAME if link.configured else local_store.NAME
    for policy in POLICIES.values():
        _log.info(f"Rate limiter for {policy.name} using {name}")


def _act(act: Callable[[redis_store.RedisStore | local_store.LocalStore], None]) -> None:
    act(shared if link.configured else local)


def share(policy: Policy) -> Callable[[int], int] | None:
    """Return how much of a limit is this instance's while Redis is away; None: all of it, there are no others.

    Of a limit against guessing all instances together let no more pass than the limit: each has its part, and those
    that come last by name may have none. One that was started while Redis was away, and has seen no other, takes the
    smallest of as many parts as instances are expected. Of other limits each has its part rounded up, because there a
    request too few harms more than one too many.
    """
    if not link.configured:
        return None
    living = live_instances()
    number = max(len(living), settings.INSTANCES_EXPECTED)
    if policy.charged_to is not ChargedTo.IP_AND_ACCOUNT:
        known = len(living) if others_were_seen() else number
        return lambda limit: -(-limit // known)
    if not others_were_seen():
        return lambda limit: limit // number
    rank = living.index(settings.INSTANCE_ID)
    return lambda limit: limit // number + (rank < limit % number)


def _note_refusal(decision: Decision) -> None:
    shadow = {"shadow": True} if decision.policy.shadow else {}
    _log.info("rate limit refused", policy=decision.policy_name, mode=decision.mode.value, **shadow)
    for step in decision.steps:
        records.note_step(decision.policy, step)
