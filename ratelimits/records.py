"""The record of the ladder: each step is a log line at once, and a row soon after.

The row is written off the request, because a refusal must stay cheap and must not wait for a database. What was not
written yet when a process dies is in its log only.
"""

from collections import deque

import structlog
from django.db import DatabaseError

from nocturnal_project.background import every
from ratelimits.decisions import Step
from ratelimits.models import LimitEvent
from ratelimits.policies import Policy

_log = structlog.stdlib.get_logger("nocturnal.ratelimits")
# A flood from very many addresses may bring more steps than a database should see; the log has them all.
_MOST_WAITING = 1000
_BATCH = 100
_waiting: deque[LimitEvent] = deque(maxlen=_MOST_WAITING)


def note_step(policy: Policy, step: Step) -> None:
    """Log a step, and remember it for the table."""
    shadow = {"shadow": True} if policy.shadow else {}
    _log.warning(
        "rate limit escalated",
        step=step.kind,
        policy=policy.name,
        subject=step.subject,
        seconds=step.seconds,
        times=step.times,
        **shadow,
    )
    _waiting.append(
        LimitEvent(
            kind=step.kind,
            policy=policy.name,
            subject=step.subject,
            seconds=step.seconds,
            times=step.times,
            facts="in shadow" if policy.shadow else "",
        )
    )


@every(seconds=1)
def write_waiting() -> None:
    """Write the steps that were noted; those that the database does not take now are tried again."""
    while _waiting:
        batch = [_waiting.popleft() for _ in range(min(_BATCH, len(_waiting)))]
        try:
            LimitEvent.objects.bulk_create(batch)
        except DatabaseError:
            _waiting.extendleft(reversed(batch))
            return
