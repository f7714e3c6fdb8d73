"""What explain_limit says of one case, as data."""

from typing import Any

from ratelimits.cases import Case, Kept
from ratelimits.explanations import blocked_until, moment, network_name, next_block_seconds, next_step, reason
from ratelimits.explanations import strict_seconds as strict_seconds_of
from ratelimits.models import LimitEvent
from ratelimits.policies import REFUSAL_MEMORY, SIBLINGS


def case_facts(case: Case) -> dict[str, Any]:
    """Return everything about where a subject stands under a policy."""
    standing, hold = case.standing, case.levels[case.charged].hold
    return {
        "policy": case.policy.name,
        "subject": str(case.subject),
        "counted_as": case.levels[case.charged].name,
        "mode": standing.mode.value,
        "used": standing.used,
        "limit": standing.limit,
        "remaining": standing.remaining,
        "window_seconds": case.policy.window,
        "reset_seconds": standing.reset_seconds,
        "shadow": case.policy.shadow,
        "reason": reason(case),
        "next": next_step(case),
        "blocked_until": _iso(blocked_until(case)),
        "strict_seconds": strict_seconds_of(case),
        "refusals": {
            "count": len(case.refusals),
            "forgotten_at": [_iso(moment(stamp + REFUSAL_MEMORY * 1000)) for stamp in case.refusals],
        },
        "blocks": {
            "count": case.earlier_blocks,
            "forgotten_at": _iso(moment(hold.forgotten_at)) if case.earlier_blocks else None,
            "next_seconds": next_block_seconds(case),
        },
        "networks": [_network(case, level, kept) for level, kept in enumerate(case.levels) if level],
    }


def event_facts(event: LimitEvent) -> dict[str, Any]:
    """Return what is recorded of an event."""
    return {
        "at": _iso(event.created_at),
        "kind": event.kind,
        "policy": event.policy,
        "subject": event.subject,
        "seconds": event.seconds,
        "times": event.times,
        "actor": event.actor,
        "facts": event.facts,
    }


def _network(case: Case, level: int, kept: Kept) -> dict[str, Any]:
    hold = kept.hold
    return {
        "network": network_name(kept),
        "counted_as_one": level == case.charged,
        "misbehaving_parts": kept.siblings,
        "parts_to_be_one": SIBLINGS,
        "refusals": len(kept.refusals),
        "blocked_until": _iso(moment(hold.blocked_until)) if hold.blocked_until > case.now_ms else None,
        "strict_until": _iso(moment(hold.strict_until)) if hold.strict_until > case.now_ms else None,
    }


def _iso(when: Any) -> str | None:
    return when.isoformat().replace("+00:00", "Z") if when else None
