"""Plays requests against limits on a store and a clock of its own, and keeps count of who was refused."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from ratelimits.decisions import Decision, Mode
from ratelimits.local_store import LocalStore
from ratelimits.policies import Policy
from ratelimits.subjects import Subject

# So many clients are followed one by one, as many as the store keeps counts of: some 100 MB.
MOST_CLIENTS = 200_000
# Above, a client's most in a window is known as "at least".
MOST_IN_A_WINDOW = 5_000
_SWEEP_EVERY = 200_000
_MOST_SLOTS = 1_000


@dataclass(slots=True)
class Timeline:
    """How many were allowed and refused in each slot of time; slots widen so that there are never very many."""

    slot_ms: int = 10_000
    slots: dict[int, list[int]] = field(default_factory=dict)

    def count(self, at_ms: int, *, allowed: bool) -> None:
        """Count one request."""
        slot = self.slots.setdefault(at_ms // self.slot_ms, [0, 0])
        slot[0 if allowed else 1] += 1
        while len(self.slots) > _MOST_SLOTS:
            self._widen()

    def _widen(self) -> None:
        self.slot_ms *= 2
        wider: dict[int, list[int]] = {}
        for number, (allowed, refused) in self.slots.items():
            slot = wider.setdefault(number // 2, [0, 0])
            slot[0] += allowed
            slot[1] += refused
        self.slots = wider


@dataclass(slots=True)
class Client:
    """One subject under one policy. ``most`` is how many it asked for in any window, had nobody refused it."""

    stamps: list[int] = field(default_factory=list)
    most: int = 0
    refused: int = 0
    first_refusal_ms: int = 0


@dataclass(slots=True)
class Tally:
    """What became of the requests under one policy."""

    policy: Policy
    allowed: int = 0
    allowed_strictly: int = 0
    refused: int = 0
    refused_strictly: int = 0
    refused_blocked: int = 0
    first_refusal_ms: int = 0
    unfollowed: int = 0
    clients: dict[str, Client] = field(default_factory=dict)
    timeline: Timeline = field(default_factory=Timeline)

    @property
    def requests(self) -> int:
        """All that were charged or refused."""
        return self.allowed + self.refused

    @property
    def touched(self) -> int:
        """How many clients were refused at all."""
        return sum(client.refused > 0 for client in self.clients.values())

    @property
    def most_in_a_window(self) -> int:
        """The most that any client asked for in a window."""
        return max((client.most for client in self.clients.values()), default=0)

    def smallest_normal(self, percent: float) -> int:
        """Return the smallest normal limit that would have refused at most so many percent of the clients.

        Exact: a client is refused by a limit just when it asks for more than that in some window.
        """
        peaks = sorted((client.most for client in self.clients.values()), reverse=True)
        may_be_refused = int(len(peaks) * percent / 100)
        return max(1, peaks[may_be_refused]) if may_be_refused < len(peaks) else 1

    def note(self, decision: Decision, subject: Subject, at_ms: int, *, given_back: bool) -> None:
        """Count one decision."""
        if decision.allowed:
            self.allowed += 1
            self.allowed_strictly += decision.mode is Mode.STRICT
        else:
            self.refused += 1
            self.refused_strictly += decision.mode is Mode.STRICT
            self.refused_blocked += decision.mode is Mode.BLOCKED
            self.first_refusal_ms = self.first_refusal_ms or at_ms
        self.timeline.count(at_ms, allowed=decision.allowed)
        self._follow(str(subject), at_ms, refused=not decision.allowed, given_back=given_back)

    def forget_idle(self, at_ms: int) -> None:
        """Drop the stamps that no window reaches any more."""
        since = at_ms - self.policy.window * 1000
        for client in self.clients.values():
            if client.stamps and client.stamps[-1] <= since:
                client.stamps = []

    def _follow(self, name: str, at_ms: int, *, refused: bool, given_back: bool) -> None:
        client = self.clients.get(name)
        if client is None:
            if len(self.clients) >= MOST_CLIENTS:
                self.unfollowed += 1
                return
            client = self.clients[name] = Client()
        stamps = client.stamps
        if stamps and stamps[0] <= at_ms - self.policy.window * 1000:
            del stamps[: bisect_right(stamps, at_ms - self.policy.window * 1000)]
        client.most = max(client.most, len(stamps) + 1)
        if not given_back:
            stamps.append(at_ms)
            if len(stamps) > MOST_IN_A_WINDOW:
                del stamps[0]
        if refused:
            client.refused += 1
            client.first_refusal_ms = client.first_refusal_ms or at_ms


class Replay:
    """One set of limits, and what it did."""

    def __init__(self, policies: Mapping[str, Policy]) -> None:
        """Begin with nothing counted."""
        self._now_ms = self._asked = 0
        self._store = LocalStore(now_ms=lambda: self._now_ms)
        self.tallies = {name: Tally(policy) for name, policy in policies.items()}

    def ask(self, policy_name: str, subject: Subject, at_ms: int, *, given_back: bool = False) -> None:
        """Decide one request at its time; times never go back."""
        self._now_ms = at_ms
        tally = self.tallies[policy_name]
        decision = self._store.decide(tally.policy, [subject])
        if given_back and decision.allowed:
            self._store.give_back(decision)
        tally.note(decision, subject, at_ms, given_back=given_back)
        self._asked += 1
        if self._asked % _SWEEP_EVERY == 0:
            for each in self.tallies.values():
                each.forget_idle(at_ms)
