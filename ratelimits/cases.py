"""What is kept of a subject under a policy: where it stands, and all that is needed to say why.

It is the decision of decide.lua without a charge, in Python, because an explanation needs the stamps behind the
verdict. A test holds the two against each other. Times are in ms since 1970 on the clock of the store.
"""

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ratelimits.decisions import Mode, Standing
from ratelimits.policies import BLOCK_MEMORY, EXACT_UP_TO, REFUSAL_MEMORY, SIBLINGS, Policy
from ratelimits.subjects import Subject

_REFUSAL_MS = REFUSAL_MEMORY * 1000
_STAMP_BYTES, _MERGED_BYTES, _SIBLING_BYTES = 6, 10, 7
Share = Callable[[int], int]


class Hold(NamedTuple):
    """How a name is held whatever it asks; 0 is never."""

    blocked_until: int = 0
    strict_until: int = 0
    forgotten_at: int = 0
    blocks: int = 0

    @property
    def by_staff(self) -> bool:
        """Whether its block is staff's: one that refusals led to is remembered for exactly so long after its end."""
        return self.forgotten_at != self.blocked_until + BLOCK_MEMORY * 1000


class Kept(NamedTuple):
    """What is kept of one name: (stamp, number) of its hits, its refusals, how many siblings misbehaved below it."""

    name: str
    hits: tuple[tuple[int, int], ...] = ()
    refusals: tuple[int, ...] = ()
    siblings: int = 0
    hold: Hold = Hold()


@dataclass(frozen=True, slots=True)
class Case:
    """One subject under one policy. ``levels`` are its names, from itself to the widest network.

    ``limit_share`` is what is this instance's of the limit, where it counts for itself while Redis is away.
    """

    policy: Policy
    subject: Subject
    now_ms: int
    levels: tuple[Kept, ...]
    shared: bool
    limit_share: Share | None = None

    @property
    def charged(self) -> int:
        """Up to which level it is counted, from 0: itself."""
        return max((level for level, kept in enumerate(self.levels) if kept.siblings >= SIBLINGS), default=0)

    @property
    def refusals(self) -> tuple[int, ...]:
        """The refusals that count now, oldest first."""
        return self.levels[self.charged].refusals

    @property
    def blocked_by(self) -> Kept | None:
        """The name whose block keeps the subject out for longest."""
        worst = max(self.levels, key=lambda kept: kept.hold.blocked_until)
        return worst if worst.hold.blocked_until > self.now_ms else None

    @property
    def strict_until(self) -> int:
        """Until when staff hold it strictly, or 0."""
        until = max(kept.hold.strict_until for kept in self.levels)
        return until if until > self.now_ms else 0

    @property
    def earlier_blocks(self) -> int:
        """How many blocks still make the next one longer."""
        hold = self.levels[self.charged].hold
        return hold.blocks if hold.forgotten_at > self.now_ms else 0

    @property
    def standing(self) -> Standing:
        """Where it stands: what the next decision would find.

        A network that is counted as one is counted beside its /64s: the verdict is of a level that refuses, for
        longest, else of the one with the least left.
        """
        found = [self._measured(level) for level in range(self.charged + 1)]
        blocked = self.blocked_by
        limit, used, strictly, reset = found[0] if blocked else max(found, key=self._weight)
        mode = Mode.STRICT if strictly else Mode.NORMAL
        if blocked:
            mode, reset = Mode.BLOCKED, blocked.hold.blocked_until - self.now_ms
        allowed = blocked is None and used < limit
        refused = len(self.refusals)
        return Standing(
            mode, allowed, limit, used, math.ceil(reset / 1000), refused, self.earlier_blocks, self.charged + 1
        )

    @staticmethod
    def _weight(measured: tuple[int, int, bool, int]) -> tuple[bool, int]:
        limit, used, _, reset = measured
        return (True, reset) if used >= limit else (False, used - limit)

    def _measured(self, level: int) -> tuple[int, int, bool, int]:
        """Return a level's limit, what is used of it, whether it is the strict one, and the ms until one is free."""
        hits, refused = self._hits_of(level), len(self.levels[level].refusals)
        used = sum(number for _, number in hits)
        strictly = self.subject.kind.escalates and (refused >= self.policy.strict_after or self.strict_until > 0)
        limit = self.policy.strict if strictly else self.policy.normal
        limit = self.limit_share(limit) if self.limit_share else limit
        return limit, used, strictly, self._until_left(hits, max(0, used - limit))

    def _hits_of(self, level: int) -> tuple[tuple[int, int], ...]:
        since = self.now_ms - self.policy.window * 1000
        return tuple(hit for hit in self.levels[level].hits if hit[0] > since)

    def _until_left(self, hits: Sequence[tuple[int, int]], over: int) -> int:
        """Return the ms until one more than ``over`` hits have left the window; 0 when there are none."""
        for stamp, number in hits:
            over -= number
            if over < 0:
                return stamp + self.policy.window * 1000 - self.now_ms
        return hits[-1][0] + self.policy.window * 1000 - self.now_ms if hits else 0


def unpacked(policy: Policy, subject: Subject, now_ms: int, values: Sequence[bytes | None]) -> Case:
    """Return what Redis keeps of a subject, from the values of its keys in the order that decide.lua reads them."""
    if not subject.kind.escalates:
        return Case(policy, subject, now_ms, (Kept(str(subject), _hits(policy, values[0])),), shared=True)
    levels, at = [], 0
    for level, name in enumerate(subject.names):
        hits, refusals, hold = values[at : at + 3]
        siblings = values[at + 3] if level else None
        at += 4 if level else 3
        since = now_ms - _REFUSAL_MS
        levels.append(
            Kept(
                name,
                _hits(policy, hits),
                tuple(stamp for stamp in _stamps(refusals, _STAMP_BYTES) if stamp > since),
                sum(stamp > since for stamp in _stamps(siblings, _SIBLING_BYTES)),
                _hold(hold),
            )
        )
    return Case(policy, subject, now_ms, tuple(levels), shared=True)


def _stamps(packed: bytes | None, width: int) -> list[int]:
    text = packed or b""
    return [int.from_bytes(text[at : at + _STAMP_BYTES]) for at in range(0, len(text), width)]


def _hits(policy: Policy, packed: bytes | None) -> tuple[tuple[int, int], ...]:
    if policy.normal <= EXACT_UP_TO:
        return tuple((stamp, 1) for stamp in _stamps(packed, _STAMP_BYTES))
    text = (packed or b"")[_STAMP_BYTES:]
    entries = [text[at : at + _MERGED_BYTES] for at in range(0, len(text), _MERGED_BYTES)]
    return tuple((int.from_bytes(each[:_STAMP_BYTES]), int.from_bytes(each[_STAMP_BYTES:])) for each in entries)


def _hold(packed: bytes | None) -> Hold:
    if not packed:
        return Hold()
    times = [high << 32 | low for high, low in struct.iter_unpack(">HI", packed[: 3 * _STAMP_BYTES])]
    return Hold(times[0], times[1], times[2], packed[3 * _STAMP_BYTES])
