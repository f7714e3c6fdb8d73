"""The decisions of the last hour as stacked bars, a minute each, drawn by the server: no script, and no other host."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from ratelimits.policies import POLICIES, Policy, in_force
from ratelimits.tally import Outcome

# From the ground up: what passed, what would have been refused, what was.
_STACK = (("allowed", "allowed"), ("shadow_refused", "shadow"), ("refused", "refused"))
_NAMES = {"allowed": "allowed", "shadow": "would have been refused", "refused": "refused"}
_HEIGHT = 100
_STEPS = (1, 2, 5)
# A minute with one refusal among thousands must still be seen.
_LOWEST = 1.5


class Block(NamedTuple):
    """One rectangle of a bar, in a picture a hundred high."""

    kind: str
    y: float
    height: float


class Bar(NamedTuple):
    """One minute."""

    x: int
    title: str
    blocks: tuple[Block, ...]


class Chart(NamedTuple):
    """One policy's last hour. ``top`` is the number at the upper edge."""

    policy: Policy
    bars: tuple[Bar, ...]
    top: int
    totals: dict[str, int]
    first: datetime
    last: datetime

    @property
    def half(self) -> str:
        """The number at half the height."""
        return f"{self.top / 2:g}"

    @property
    def description(self) -> str:
        """The picture in a sentence, for who cannot see it."""
        told = ", ".join(f"{number} {_NAMES[kind]}" for kind, number in self.totals.items())
        return f"Decisions under {self.policy.name} in the last hour: {told}."


def charts(minutes: Mapping[int, Counter[Outcome]]) -> list[Chart]:
    """Return a chart for each policy."""
    return [_chart(in_force(policy), minutes) for policy in POLICIES.values()]


def _chart(policy: Policy, minutes: Mapping[int, Counter[Outcome]]) -> Chart:
    counted = {minute: _counts(policy.name, outcomes) for minute, outcomes in sorted(minutes.items())}
    top = _round_up(max(sum(counts.values()) for counts in counted.values()))
    bars = tuple(_bar(x, minute, counts, top) for x, (minute, counts) in enumerate(counted.items()))
    totals = {kind: sum(counts[kind] for counts in counted.values()) for _, kind in _STACK}
    return Chart(policy, bars, top, totals, _time(min(counted)), _time(max(counted)))


def _counts(policy_name: str, outcomes: Counter[Outcome]) -> dict[str, int]:
    counts = dict.fromkeys((kind for _, kind in _STACK), 0)
    kinds = dict(_STACK)
    for (policy, _, outcome), number in outcomes.items():
        if policy == policy_name and outcome in kinds:
            counts[kinds[outcome]] += number
    return counts


def _bar(x: int, minute: int, counts: dict[str, int], top: int) -> Bar:
    blocks, ground = [], float(_HEIGHT)
    for _, kind in _STACK:
        if counts[kind]:
            height = min(max(counts[kind] / top * _HEIGHT, _LOWEST), ground)
            ground -= height
            blocks.append(Block(kind, round(ground, 2), round(height, 2)))
    told = ", ".join(f"{number} {_NAMES[kind]}" for kind, number in counts.items() if number) or "nothing"
    return Bar(x, f"{_time(minute):%H:%M}: {told}", tuple(blocks))


def _round_up(number: int) -> int:
    """Return the next number of 1, 2, 5, 10, 20 and so on, from 5."""
    power = 1
    while True:
        for step in _STEPS:
            if step * power >= max(number, 5):
                return step * power
        power *= 10


def _time(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
