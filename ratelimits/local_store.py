"""The limiter for one instance: django-ratelimit's counters on a local-memory cache.

Exact between the threads of a process, not between pods. Its windows are fixed (each subject has its own
edges), so a caller who waits for the edge gets at most twice the limit around it.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.core.cache import caches
from django_ratelimit.core import get_usage

from ratelimits.decisions import Decision, Mode
from ratelimits.policies import HOUR, Policy
from ratelimits.subjects import Subject

NAME = "local store (single instance only)"
FIRST_BLOCK = HOUR
LONGEST_BLOCK = 24 * HOUR
# A block that comes back within this time of the last one's end is twice as long.
_BLOCK_MEMORY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where one subject stands under one policy."""

    mode: Mode
    limit: int
    used: int
    reset_seconds: int

    @property
    def refused(self) -> bool:
        return self.mode is Mode.BLOCKED or self.used >= self.limit


class LocalStore:
    """Decides on the counts of this process."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        """Keep counts in the cache named ``ratelimits``; ``now`` is for the blocks' clock."""
        self._cache = caches["ratelimits"]
        self._now = now
        # One decision reads several counters before it writes any.
        self._lock = threading.Lock()

    def decide(self, policy: Policy, subjects: Sequence[Subject]) -> Decision:
        """Let a request through and charge every subject, or refuse it and charge none.

        A refusal feeds the abuse score of the subjects that escalate; it never extends the wait.
        """
        with self._lock:
            standings = [self._standing(policy, subject) for subject in subjects]
            refusals = [standing for standing in standings if standing.refused]
            if refusals:
                for subject in subjects:
                    self._note_refusal(policy, subject)
                return _decision(policy, max(refusals, key=lambda s: s.reset_seconds), allowed=False)
            for subject in subjects:
                _count(policy.name, subject, policy, increment=True)
            tightest = min(standings, key=lambda s: s.limit - s.used)
            return _decision(policy, tightest, allowed=True)

    def give_back(self, policy: Policy, subjects: Sequence[Subject]) -> None:
        """Take one charge off each subject: the try turned out to be a good one."""
        with self._lock:
            for subject in subjects:
                _count(f"{policy.name}:given-back", subject, policy, increment=True)

    def _standing(self, policy: Policy, subject: Subject) -> _Standing:
        until = self._cache.get(f"block:{subject}")
        if until and until > self._now():
            return _Standing(Mode.BLOCKED, policy.strict, policy.strict, math.ceil(until - self._now()))
        charged, reset_seconds = _count(policy.name, subject, policy, increment=False)
        given_back, _ = _count(f"{policy.name}:given-back", subject, policy, increment=False)
        refused, _ = _refusals(policy, subject, increment=False)
        strict = subject.kind.escalates and refused >= policy.strict_after
        used = max(0, charged - given_back)
        return _Standing(
            Mode.STRICT if strict else Mode.NORMAL, policy.strict if strict else policy.normal, used, reset_seconds
        )

    def _note_refusal(self, policy: Policy, subject: Subject) -> None:
        if not subject.kind.escalates:
            return
        refused, _ = _refusals(policy, subject, increment=True)
        blocked_until = self._cache.get(f"block:{subject}") or 0
        if refused >= policy.block_after and blocked_until <= self._now():
            times = self._cache.get(f"blocks:{subject}", 0)
            seconds = min(FIRST_BLOCK * 2**times, LONGEST_BLOCK)
            self._cache.set(f"blocks:{subject}", times + 1, seconds + _BLOCK_MEMORY)
            self._cache.set(f"block:{subject}", self._now() + seconds, seconds)


def _count(group: str, subject: Subject, policy: Policy, *, increment: bool) -> tuple[int, int]:
    """Return how often the subject was counted in its window, and the seconds until that ends."""
    usage = get_usage(
        None,  # no request: the key is given
        group=group,
        key=lambda _group, _request: str(subject),
        rate=(policy.normal, policy.window),
        increment=increment,
    )
    return usage["count"], usage["time_left"] + 1


def _refusals(policy: Policy, subject: Subject, *, increment: bool) -> tuple[int, int]:
    """Return the subject's refusals of the last hour, and the seconds until they are forgotten."""
    usage = get_usage(
        None,
        group=f"{policy.name}:refusals",
        key=lambda _group, _request: str(subject),
        rate=(policy.block_after, HOUR),
        increment=increment,
    )
    return usage["count"], usage["time_left"]


def _decision(policy: Policy, standing: _Standing, *, allowed: bool) -> Decision:
    return Decision(
        policy=policy,
        mode=standing.mode,
        allowed=allowed,
        limit=standing.limit,
        remaining=standing.limit - standing.used - 1 if allowed else 0,
        reset_seconds=standing.reset_seconds,
    )
