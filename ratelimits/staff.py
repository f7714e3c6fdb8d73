"""What staff do about limits: let a subject go, hold one, change a policy's numbers. Each is recorded.

Subjects are named as the limiter names them (``ip:203.0.113.7``, ``user:`` and an id); ``actor`` is the e-mail of the
member of staff, or empty on the command line.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db import DatabaseError

from ratelimits import limiter
from ratelimits.decisions import Mode
from ratelimits.errors import LimitsContradict
from ratelimits.models import LimitEvent, LimitOverride
from ratelimits.policies import OVERRIDABLE, POLICIES, SHADOW, contradictions, put_in_force
from ratelimits.subjects import Subject

_log = structlog.stdlib.get_logger("nocturnal.ratelimits")
_FIELDS = (*OVERRIDABLE, SHADOW)
# How soon other instances see a change of the numbers.
FOLLOW_SECONDS = 2


def lift_holds(*, subject: Subject, actor: str) -> None:
    """Let a subject go under every policy: it starts anew on the ladder.

    Raises:
        RedisAway: Redis is configured and does not answer.
    """
    for name in subject.names:
        limiter.lift(name)
    _record(LimitEvent.Kind.LIFTED, actor, subject=str(subject))


def reset_counts(*, subject: Subject, actor: str) -> None:
    """Forget everything about a subject, also what it used.

    Raises:
        RedisAway: Redis is configured and does not answer.
    """
    for name in subject.names:
        limiter.reset(name)
    _record(LimitEvent.Kind.RESET, actor, subject=str(subject))


def hold_subject(*, subject: Subject, mode: Mode, seconds: int, actor: str) -> None:
    """Block a subject, or hold it strictly, under every policy.

    Raises:
        RedisAway: Redis is configured and does not answer.
    """
    limiter.hold(str(subject), mode=mode, seconds=seconds)
    kind = LimitEvent.Kind.HELD_BLOCKED if mode is Mode.BLOCKED else LimitEvent.Kind.HELD_STRICTLY
    _record(kind, actor, subject=str(subject), seconds=seconds)


def change_limits(*, policy: str, changes: Mapping[str, int | bool | None], actor: str, now: datetime) -> None:
    """Change numbers of a policy for all instances; None gives a number back to the variables.

    Other instances follow within two seconds.

    Raises:
        LimitsContradict: the numbers do not fit together; nothing was changed.
    """
    override = LimitOverride.objects.filter(pk=policy).first() or LimitOverride(policy=policy)
    before = {name: getattr(override, name) for name in _FIELDS}
    after = before | dict(changes)
    if complaints := contradictions(POLICIES[policy], _said(after)):
        raise LimitsContradict(f"The limits of {policy} contradict each other: {', and '.join(complaints)}.")
    LimitOverride.objects.update_or_create(pk=policy, defaults={**after, "updated_at": now, "updated_by": actor})
    changed = [f"{name} {before[name]} -> {after[name]}" for name in _FIELDS if before[name] != after[name]]
    _record(LimitEvent.Kind.CHANGED, actor, policy=policy, facts=", ".join(changed)[:300])
    follow_changes()


def follow_changes() -> None:
    """Let the numbers that staff chose hold in this process.

    While the database is away, those last seen hold; a process that starts then has those of the variables.
    """
    try:
        rows = list(LimitOverride.objects.all())
    except DatabaseError:
        return
    chosen = {row.policy: _said({name: getattr(row, name) for name in _FIELDS}) for row in rows}
    put_in_force({name: said for name, said in chosen.items() if name in POLICIES})


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _record(kind: LimitEvent.Kind, actor: str, **fields: Any) -> None:
    _log.warning("limits acted on by staff", kind=kind.value, actor=actor, **fields)
    LimitEvent.objects.create(kind=kind, actor=actor, **fields)
