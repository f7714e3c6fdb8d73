"""What this process has decided: counted here, added up over all instances for staff, and read by metrics."""

import threading
import time
from collections import Counter
from pathlib import Path

from nocturnal_project.background import every
from nocturnal_project.redis import RedisAway, Script, link
from ratelimits.decisions import Decision, Mode
from ratelimits.policies import POLICIES

_MINUTES = 60
_KEY = "rate-limit:decisions:"
_ADD = Script(Path(__file__).parent / "lua" / "add_decisions.lua")
Outcome = tuple[str, str, str]
_OUTCOMES = ("allowed", "refused", "shadow_refused")
_KNOWN = [
    (policy, mode.value, outcome)
    for policy in POLICIES
    for mode in Mode
    for outcome in _OUTCOMES
    if (mode, outcome) != (Mode.BLOCKED, "allowed")
]

_lock = threading.Lock()
_totals: Counter[Outcome] = Counter()
# What this process has not yet added to the minutes in Redis, or, without Redis, its own minutes.
_unsent: dict[int, Counter[Outcome]] = {}


def outcome_of(decision: Decision) -> Outcome:
    """Return (policy, mode, outcome) as metrics name them."""
    refused = "shadow_refused" if decision.policy.shadow else "refused"
    return decision.policy.name, decision.mode.value, "allowed" if decision.allowed else refused


def count(decision: Decision) -> None:
    """Count one decision."""
    outcome = outcome_of(decision)
    minute = int(time.time()) // 60
    with _lock:
        _totals[outcome] += 1
        if minute not in _unsent:
            _unsent[minute] = Counter()
        _unsent[minute][outcome] += 1


def totals() -> dict[Outcome, int]:
    """Return how often this process decided what, since it started."""
    with _lock:
        return dict(_totals)


def known_totals() -> dict[Outcome, int]:
    """Return the same with a zero for what could be decided and was not: a rate needs the number before the first."""
    return dict.fromkeys(_KNOWN, 0) | totals()


@every(seconds=2)
def send() -> None:
    """Add what was counted to the minutes that all instances share.

    What cannot be sent is kept for later; so a minute that was sent without an answer may be counted twice.
    """
    with _lock:
        oldest = int(time.time()) // 60 - _MINUTES
        for minute in [minute for minute in _unsent if minute < oldest]:
            del _unsent[minute]
        if not link.closed:
            return
        batch = dict(_unsent)
        _unsent.clear()
    while batch:
        minute, outcomes = batch.popitem()
        numbers = [part for outcome, number in outcomes.items() for part in ("/".join(outcome), number)]
        try:
            link.run(_ADD, [f"{_KEY}{minute}"], [(_MINUTES + 2) * 60, *numbers])
        except RedisAway:
            with _lock:
                for kept, again in ((minute, outcomes), *batch.items()):
                    _unsent.setdefault(kept, Counter()).update(again)
            return


def last_hour() -> dict[int, Counter[Outcome]]:
    """Return the decisions of each of the last sixty minutes, by minutes since 1970, of all instances.

    Without Redis: of this one.
    """
    return last_minutes(_MINUTES)


def last_minutes(number: int) -> dict[int, Counter[Outcome]]:
    """Return the same of fewer minutes: each is a round trip."""
    now = int(time.time()) // 60
    with _lock:
        found = {minute: Counter(_unsent.get(minute, {})) for minute in range(now - number + 1, now + 1)}
    try:
        for minute, outcomes in found.items():
            answer = link.call("HGETALL", f"{_KEY}{minute}")
            # A map in RESP3, the pairs in a row in RESP2: REDIS_URL may ask for either.
            pairs = answer.items() if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=True)
            for name, times in pairs:
                policy, mode, outcome = name.decode().split("/")
                outcomes[policy, mode, outcome] += int(times)
    except RedisAway:
        pass
    return found
