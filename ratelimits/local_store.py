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

from ratelimits import policies
from ratelimits.cases import Case, Hold, Kept, Share
from ratelimits.decisions import Decision, Mode, Standing, Step
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
    """One count of a subject, as one decision sees it: on the widest of its levels the subject answers for refusals."""

    subject: Subject
    level: int
    answers: bool
    counts: list[_Count]
    holds: list[_Hold]
    blocked_until: int
    strict_until: int
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
    def weight(self) -> tuple[bool, int]:
        """Of several the verdict is of one that refuses, for longest; else of the one with the least left."""
        return self.refused, self.reset_ms if self.refused else -self.left

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
            clock = self._now_ms()
            now, seen = self._look(policy, subjects, clock)
            if share is not None:
                for each in seen:
                    _hold_to(each, policy, share(each.limit), clock)
            verdict = max(seen, key=lambda each: each.weight)
            steps: list[Step] = []
            for each in seen:
                if not verdict.refused:
                    each.count.hits.append(now)
                elif each.answers and each.subject.kind.escalates:
                    steps += self._refuse(policy, each, now)
            return _decision(policy, verdict, now, seen, tuple(steps))

    def standings(self, policy: Policy, subjects: Sequence[Subject]) -> list[Standing]:
        """Return where each subject stands, and charge nobody."""
        with self._lock:
            now, seen = self._look(policy, subjects, self._now_ms())
            standing = []
            for subject in subjects:
                own = [each for each in seen if each.subject == subject]
                standing.append(_standing(max(own, key=lambda each: each.weight), own[-1], now))
            return standing

    def case(self, policy: Policy, subject: Subject, *, share: Share | None = None) -> Case:
        """Return what is kept of a subject under a policy."""
        with self._lock:
            now = self._now_ms()
            levels = tuple(self._kept(policy, subject, name, now) for name in subject.names)
        return Case(policy, subject, now, levels, shared=False, limit_share=share)

    def give_back(self, decision: Decision) -> None:
        """Take the charges of a decision off again."""
        with self._lock:
            for name in decision.charged:
                hits = self._count(name).hits
                if decision.stamp in hits:
                    hits.remove(decision.stamp)

    def hold(self, name: str, *, mode: Mode, seconds: int) -> None:
        """Block a subject, or hold it strictly under every policy that is enforced, for so long from now."""
        with self._lock:
            hold, until = self._hold(policies.HOLD_PREFIX + name), self._now_ms() + seconds * 1000
            if mode is Mode.BLOCKED:
                hold.blocked_until = until
            else:
                hold.strict_until = until

    def lift(self, name: str) -> None:
        """Forget a subject's blocks, strict holds, refusals and misbehaving siblings under every policy."""
        with self._lock:
            for prefix in policies.HOLD_PREFIXES:
                self._holds.pop(prefix + name, None)
            for prefix in policies.PREFIXES:
                if count := self._counts.get(prefix + name):
                    count.refusals.clear()
                    count.siblings.clear()

    def reset(self, name: str) -> None:
        """Forget everything about a subject: what it used, too."""
        self.lift(name)
        with self._lock:
            for prefix in policies.PREFIXES:
                self._counts.pop(prefix + name, None)

    def held(self, limit: int) -> list[tuple[str, str]]:
        """Return (kind, key) of the subjects that are held, at most so many."""
        with self._lock:
            now = self._now_ms()
            found = []
            for key, hold in self._holds.items():
                listed = policies.prefix_of("api") + key.split(":", 2)[2]
                held = (("blocked", hold.blocked_until), ("strict", hold.strict_until))
                found += [(kind, listed) for kind, until in held if until > now]
            for key, count in self._counts.items():
                policy = policies.in_force(POLICIES[key.split(":", 2)[1].removesuffix("-shadow")])
                if len(_after(count.refusals, now - _REFUSAL_MS)) >= policy.strict_after:
                    found.append(("strict", key))
            return found[:limit]

    def _count(self, name: str) -> _Count:
        return _remembered(self._counts, name, _Count)

    def _hold(self, name: str) -> _Hold:
        return _remembered(self._holds, name, _Hold)

    def _kept(self, policy: Policy, subject: Subject, name: str, now: int) -> Kept:
        count, hold = self._counts.get(policy.prefix + name, _Count()), self._holds.get(policy.hold_prefix + name)
        if not subject.kind.escalates:
            return Kept(name, tuple((stamp, 1) for stamp in count.hits))
        return Kept(
            name,
            tuple((stamp, 1) for stamp in count.hits),
            tuple(_after(count.refusals, now - _REFUSAL_MS)),
            sum(at > now - _REFUSAL_MS for at in count.siblings.values()),
            Hold(hold.blocked_until, hold.strict_until, hold.forgotten_at, hold.blocks) if hold else Hold(),
        )

    def _look(self, policy: Policy, subjects: Sequence[Subject], clock: int) -> tuple[int, list[_Seen]]:
        """Return now and the counts: a clock that was set back stands still until it has caught up with the stamps."""
        now, seen = clock, []
        for subject in subjects:
            now, found = self._found(policy, subject, now)
            seen += found
        for each in seen:
            _measure(each, policy, now, clock)
        return now, seen

    def _found(self, policy: Policy, subject: Subject, now: int) -> tuple[int, list[_Seen]]:
        names, escalates = subject.names, subject.kind.escalates
        counts = [self._count(policy.prefix + name) for name in names]
        holds = [self._hold(policy.hold_prefix + name) for name in names] if escalates else [_Hold()]
        widest = 0
        for level, count in enumerate(counts):
            now = max([now, *count.refusals[-1:], *count.siblings.values()])
            fresh = {who: at for who, at in count.siblings.items() if at > now - _REFUSAL_MS}
            count.siblings = fresh
            if len(fresh) >= SIBLINGS:
                widest = level
        now = max([now, *(hit for count in counts[: widest + 1] for hit in count.hits[-1:])])
        blocked_until = max(hold.blocked_until for hold in holds)
        strict_until = max(hold.strict_until for hold in holds)
        return now, [
            _Seen(subject, level, level == widest, counts, holds, blocked_until, strict_until)
            for level in range(widest + 1)
        ]

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


def _measure(each: _Seen, policy: Policy, now: int, clock: int) -> None:
    """Drop what is past, and say what is left and for how long."""
    count = each.count
    count.hits = _after(count.hits, now - policy.window * 1000)
    count.refusals = _after(count.refusals, now - _REFUSAL_MS)
    escalated = each.subject.kind.escalates and len(count.refusals) >= policy.strict_after
    each.strict = each.strict_until > now or escalated
    if each.blocked_until <= now:
        each.blocked_until = 0
    _hold_to(each, policy, policy.strict if each.strict else policy.normal, clock)


def _hold_to(each: _Seen, policy: Policy, limit: int, clock: int) -> None:
    hits = each.count.hits
    each.limit, each.left = limit, limit - len(hits)
    if each.blocked_until:
        each.reset_ms = each.blocked_until - clock
    elif not hits:
        each.reset_ms = policy.window * 1000
    else:
        # With a limit of 0, which a share can be, nothing passes before the youngest has left.
        first = hits[min(-each.left, len(hits) - 1) if each.left <= 0 else 0]
        each.reset_ms = first + policy.window * 1000 - clock


def _decision(policy: Policy, verdict: _Seen, now: int, seen: list[_Seen], steps: tuple[Step, ...]) -> Decision:
    return Decision(
        policy,
        verdict.mode,
        not verdict.refused,
        verdict.limit,
        0 if verdict.refused else verdict.left - 1,
        math.ceil(verdict.reset_ms / 1000),
        now,
        tuple(policy.prefix + each.subject.names[each.level] for each in seen),
        steps=steps,
    )


def _standing(each: _Seen, answers: _Seen, now: int) -> Standing:
    hold = answers.holds[answers.level]
    used = len(each.count.hits)
    return Standing(
        each.mode,
        not each.refused,
        each.limit,
        used,
        math.ceil(each.reset_ms / 1000) if used or each.refused else 0,
        len(answers.count.refusals) if each.subject.kind.escalates else 0,
        hold.blocks if hold.forgotten_at > now else 0,
        answers.level + 1,
    )
