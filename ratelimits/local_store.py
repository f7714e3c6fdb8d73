"""The limiter of one instance: the same ladder as decide.lua, on the memory of this process.

It serves where no Redis is configured, stands in while Redis is away, replays logs for simulate_limits, and is the
model that the script is held against. Exact in any trailing window, between the threads of a process.
"""

import math
import threading
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ratelimits.decisions import Decision, Mode, Standing, Step
from ratelimits.evidence import Evidence
from ratelimits.policies import (
    BLOCK_MEMORY,
    FIRST_BLOCK,
    LONGEST_BLOCK,
    POLICIES,
    REFUSAL_MEMORY,
    SIBLINGS,
    Policy,
)
from ratelimits.subjects import Subject

NAME = "local store (single instance only)"
# At so many counts the least recently used go first.
_MOST_COUNTS = 200_000
_REFUSAL_MS = REFUSAL_MEMORY * 1000
_T = TypeVar("_T")


@dataclass(slots=True)
class _Hold:
    """How a subject is held whatever it asks: times in ms, as in decide.lua."""

    blocked_until: int = 0
    strict_until: int = 0
    forgotten_at: int = 0
    blocks: int = 0


@dataclass(slots=True)
class _Count:
    """One name under one policy: stamps of hits and refusals, oldest first, and siblings that misbehaved below it."""

    hits: list[int] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    siblings: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Seen:
    """One subject, as one decision sees it."""

    subject: Subject
    level: int
    counts: list[_Count]
    holds: list[_Hold]
    blocked_until: int
    strict: bool = False
    limit: int = 0
    left: int = 0
    reset_ms: int = 0

    @property
    def count(self) -> _Count:
        return self.counts[self.level]

    @property
    def refused(self) -> bool:
        return self.blocked_until > 0 or self.left <= 0

    @property
    def mode(self) -> Mode:
        if self.blocked_until:
            return Mode.BLOCKED
        return Mode.STRICT if self.strict else Mode.NORMAL


class LocalStore:
    """Decides on the counts of this process; ``now_ms`` is its clock."""

    def __init__(self, *, now_ms: Callable[[], int] = lambda: int(time.time() * 1000)) -> None:
        """Begin with nothing counted."""
        self._now_ms = now_ms
        # One decision reads several counts before it writes any.
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._holds: OrderedDict[str, _Hold] = OrderedDict()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._counts.clear()
            self._holds.clear()

    def decide(
        self, policy: Policy, subjects: Sequence[Subject], *, share: Callable[[int], int] | None = None
    ) -> Decision:
        """Let a request through and charge every subject, or refuse it and charge none.

        A refusal feeds the score of the subjects that answer for it; it never extends the wait. ``share`` says how
        much of a limit this instance may let through, where others do the same.
        """
        with self._lock:
            now, seen = self._look(policy, subjects)
            if share is not None:
                for each in seen:
                    _hold_to(each, policy, share(each.limit), now)
            refusing = [each for each in seen if each.refused]
            if refusing:
                worst = max(refusing, key=lambda each: each.reset_ms)
                steps = [
                    step for each in seen if each.subject.kind.escalates for step in self._refuse(policy, each, now)
                ]
                return _decision(policy, worst, now, seen, allowed=False, steps=tuple(steps))
            tightest = min(seen, key=lambda each: each.left)
            decision = _decision(policy, tightest, now, seen, allowed=True)
            for each in seen:
                each.count.hits.append(now)
            return decision

    def standings(self, policy: Policy, subjects: Sequence[Subject]) -> list[Standing]:
        """Return where each subject stands, and charge nobody."""
        with self._lock:
            now, seen = self._look(policy, subjects)
            return [_standing(each, now) for each in seen]

    def evidence(self, policy: Policy, names: Sequence[str]) -> list[Evidence]:
        """Return what is held against each name."""
        with self._lock:
            now = self._now_ms()
            found = []
            for name in names:
                hold = self._holds.get(policy.hold_prefix + name) or _Hold()
                count = self._counts.get(policy.prefix + name) or _Count()
                fresh = tuple(_after(count.refusals, now - _REFUSAL_MS))
                found.append(Evidence(now, hold.blocked_until, hold.strict_until, hold.forgotten_at, fresh))
            return found

    def give_back(self, decision: Decision) -> None:
        """Take the charges of a decision off again."""
        with self._lock:
            for name in decision.charged:
                hits = self._count(name).hits
                if decision.stamp in hits:
                    hits.remove(decision.stamp)

    def hold(self, name: str, *, mode: Mode, seconds: int) -> None:
        """Block a subject, or hold it strictly under every policy, for so long from now."""
        with self._lock:
            hold, until = self._hold(POLICIES["api"].hold_prefix + name), self._now_ms() + seconds * 1000
            if mode is Mode.BLOCKED:
                hold.blocked_until = until
            else:
                hold.strict_until = until

    def lift(self, name: str) -> None:
        """Forget a subject's blocks, strict holds and refusals under every policy."""
        with self._lock:
            for policy in POLICIES.values():
                self._holds.pop(policy.hold_prefix + name, None)
                self._count(policy.prefix + name).refusals.clear()

    def reset(self, name: str) -> None:
        """Forget everything about a subject: what it used, too."""
        self.lift(name)
        with self._lock:
            for policy in POLICIES.values():
                self._counts.pop(policy.prefix + name, None)

    def held(self, limit: int) -> list[tuple[str, str]]:
        """Return (kind, key) of the subjects that are held, at most so many."""
        with self._lock:
            now = self._now_ms()
            found = [
                ("blocked" if hold.blocked_until > now else "strict", POLICIES["api"].prefix + _name_of(key))
                for key, hold in self._holds.items()
                if max(hold.blocked_until, hold.strict_until) > now
            ]
            for key, count in self._counts.items():
                policy = POLICIES.get(key.split(":", 2)[1])
                if policy and len(_after(count.refusals, now - _REFUSAL_MS)) >= policy.strict_after:
                    found.append(("strict", key))
            return found[:limit]

    def _count(self, name: str) -> _Count:
        return _remembered(self._counts, name, _Count)

    def _hold(self, name: str) -> _Hold:
        return _remembered(self._holds, name, _Hold)

    def _look(self, policy: Policy, subjects: Sequence[Subject]) -> tuple[int, list[_Seen]]:
        now = self._now_ms()
        seen = []
        for subject in subjects:
            each = self._found(policy, subject, now)
            if each.count.hits:
                now = max(now, each.count.hits[-1])
            seen.append(each)
        for each in seen:
            _measure(each, policy, now)
        return now, seen

    def _found(self, policy: Policy, subject: Subject, now: int) -> _Seen:
        names = subject.names
        counts = [self._count(policy.prefix + name) for name in names]
        escalates = subject.kind.escalates
        holds = [self._hold(policy.hold_prefix + name) for name in names] if escalates else [_Hold()]
        level = 0
        for wider in range(1, len(names)):
            fresh = {who: at for who, at in counts[wider].siblings.items() if at > now - _REFUSAL_MS}
            counts[wider].siblings = fresh
            if len(fresh) >= SIBLINGS:
                level = wider
        blocked_until = max(hold.blocked_until for hold in holds)
        strict = max(hold.strict_until for hold in holds) > now
        return _Seen(subject, level, counts, holds, blocked_until if blocked_until > now else 0, strict)

    def _refuse(self, policy: Policy, each: _Seen, now: int) -> list[Step]:
        """Remember a refusal, and return the steps up the ladder that it led to."""
        name = each.subject.names[each.level]
        before = len(each.count.refusals)
        each.count.refusals = [*each.count.refusals, now][-policy.block_after :]
        count = len(each.count.refusals)
        steps = []
        if before < policy.strict_after <= count:
            steps.append(Step(Mode.STRICT.value, name, REFUSAL_MEMORY, count))
        if count >= policy.strict_after and each.level + 1 < len(each.counts):
            siblings = each.counts[each.level + 1].siblings
            known = len(siblings)
            siblings[each.subject.among_siblings[each.level]] = now
            if known < SIBLINGS <= len(siblings):
                wider = each.subject.names[each.level + 1]
                steps.append(Step("widened", wider, REFUSAL_MEMORY, len(siblings)))
        if count >= policy.block_after and not each.blocked_until:
            hold = each.holds[each.level]
            times = hold.blocks if hold.forgotten_at > now else 0
            seconds = min(FIRST_BLOCK * 2**times, LONGEST_BLOCK)
            hold.blocks = times + 1
            hold.blocked_until = now + seconds * 1000
            hold.forgotten_at = hold.blocked_until + BLOCK_MEMORY * 1000
            steps.append(Step(Mode.BLOCKED.value, name, seconds, hold.blocks))
        return steps


def _remembered(memory: OrderedDict[str, _T], name: str, make: Callable[[], _T]) -> _T:
    found = memory.get(name)
    if found is None:
        found = memory[name] = make()
        if len(memory) > _MOST_COUNTS:
            memory.popitem(last=False)
    else:
        memory.move_to_end(name)
    return found


def _after(stamps: list[int], since: int) -> list[int]:
    return stamps[bisect_right(stamps, since) :] if stamps and stamps[0] <= since else stamps


def _measure(each: _Seen, policy: Policy, now: int) -> None:
    """Drop what is past, and say what is left and for how long."""
    count = each.count
    count.hits = _after(count.hits, now - policy.window * 1000)
    count.refusals = _after(count.refusals, now - _REFUSAL_MS)
    escalated = each.subject.kind.escalates and len(count.refusals) >= policy.strict_after
    each.strict = each.strict or escalated
    _hold_to(each, policy, policy.strict if each.strict else policy.normal, now)


def _hold_to(each: _Seen, policy: Policy, limit: int, now: int) -> None:
    hits = each.count.hits
    each.limit, each.left = limit, limit - len(hits)
    if each.blocked_until:
        each.reset_ms = each.blocked_until - now
    elif not hits:
        each.reset_ms = policy.window * 1000
    else:
        # With a limit of 0, which a share can be, nothing passes before the youngest has left.
        first = hits[min(-each.left, len(hits) - 1) if each.left <= 0 else 0]
        each.reset_ms = first + policy.window * 1000 - now


def _decision(
    policy: Policy, verdict: _Seen, now: int, seen: list[_Seen], *, allowed: bool, steps: tuple[Step, ...] = ()
) -> Decision:
    return Decision(
        policy,
        verdict.mode,
        allowed,
        verdict.limit,
        verdict.left - 1 if allowed else 0,
        math.ceil(verdict.reset_ms / 1000),
        now,
        tuple(policy.prefix + each.subject.names[each.level] for each in seen),
        steps=steps,
    )


def _standing(each: _Seen, now: int) -> Standing:
    hold = each.holds[each.level]
    used = len(each.count.hits)
    return Standing(
        each.mode,
        not each.refused,
        each.limit,
        used,
        math.ceil(each.reset_ms / 1000) if used or each.refused else 0,
        len(each.count.refusals) if each.subject.kind.escalates else 0,
        hold.blocks if hold.forgotten_at > now else 0,
        each.level + 1,
    )


def _name_of(key: str) -> str:
    """Return the subject's name in the name of a hold."""
    return key.split(":", 2)[2]
