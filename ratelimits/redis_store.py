"""The limiter that all instances share: one script in Redis decides everything about a request."""

import math
from collections.abc import Sequence
from pathlib import Path

from nocturnal_project.redis import Script, link
from ratelimits import policies
from ratelimits.cases import Case, unpacked
from ratelimits.decisions import Decision, Mode, Standing, Step
from ratelimits.policies import Policy, prefix_of
from ratelimits.subjects import Subject

NAME = "Redis store (distributed)"
HELD = "rate-limit:held"
_FOLDER = Path(__file__).parent / "lua"
_DECIDE = Script(
    _FOLDER / "decide.lua",
    REFUSAL_MS=policies.REFUSAL_MEMORY * 1000,
    FIRST_BLOCK_MS=policies.FIRST_BLOCK * 1000,
    LONGEST_BLOCK_MS=policies.LONGEST_BLOCK * 1000,
    BLOCK_MEMORY_MS=policies.BLOCK_MEMORY * 1000,
    SIBLINGS=policies.SIBLINGS,
    EXACT_UP_TO=policies.EXACT_UP_TO,
    SLOTS=policies.SLOTS,
)
_GIVE_BACK = Script(_FOLDER / "give_back.lua")
_HOLD = Script(_FOLDER / "hold.lua")
_LOOK = Script(_FOLDER / "look.lua")
# By the outcome that decide.lua returns.
_MODES = (Mode.NORMAL, Mode.STRICT, Mode.NORMAL, Mode.STRICT, Mode.BLOCKED)
_ALLOWED = 2


class SessionUnknown(Exception):
    """There is no live snapshot of the session, and nothing was charged; ``snapshot`` is what there is."""

    def __init__(self, snapshot: bytes | None) -> None:
        """Keep what there is."""
        super().__init__()
        self.snapshot = snapshot


class RedisStore:
    """Decides on the counts in Redis. Every method raises RedisAway when it is not there."""

    def decide(self, policy: Policy, subjects: Sequence[Subject], *, session: str = "") -> Decision:
        """Let a request through and charge every subject, or refuse it and charge none.

        With the name of a session's snapshot, only when that is a live one; it comes back with the decision.

        Raises:
            RedisAway: Redis does not answer.
            SessionUnknown: the snapshot is not a live one.
        """
        keys = [session] if session else []
        for subject in subjects:
            keys += _keys(policy, subject)
        shapes = [subject.shape for subject in subjects]
        answer = link.run(_DECIDE, keys, (1 if session else 0, 0, *policy.numbers, *shapes))
        outcome = answer[0]
        if outcome < 0:
            raise SessionUnknown(answer[1])
        levels = answer[5]
        charged = tuple(
            policy.prefix + name + policy.suffix
            for subject, level in zip(subjects, levels, strict=True)
            for name in ((str(subject),) if level == _ITSELF else subject.names[: level - _ITSELF + 1])
        )
        return Decision(
            policy,
            _MODES[outcome],
            outcome < _ALLOWED,
            answer[1],
            answer[2],
            -(-answer[3] // 1000),
            answer[4],
            charged,
            answer[6],
            tuple(_step(subjects, *found) for found in answer[7:]) if outcome >= _ALLOWED else (),
            shared=True,
        )

    def standings(self, policy: Policy, subjects: Sequence[Subject]) -> list[Standing]:
        """Return where each subject stands by the script's own word, which a Case is held against; charge nobody."""
        keys = [key for subject in subjects for key in _keys(policy, subject)]
        shapes = [subject.shape for subject in subjects]
        return [_standing(*found) for found in link.run(_DECIDE, keys, (0, 1, *policy.numbers, *shapes))]

    def cases(self, asked: Sequence[tuple[Policy, Subject]]) -> list[Case]:
        """Return what is kept of each subject under its policy, all of one moment and in one round trip."""
        keys = [_keys(policy, subject) for policy, subject in asked]
        (seconds, microseconds), values = link.run(_LOOK, [key for some in keys for key in some], ())
        now_ms, found = int(seconds) * 1000 + int(microseconds) // 1000, iter(values)
        return [
            unpacked(policy, subject, now_ms, [next(found) for _ in some])
            for (policy, subject), some in zip(asked, keys, strict=True)
        ]

    def give_back(self, decision: Decision) -> None:
        """Take the charges of a decision off again."""
        link.run(_GIVE_BACK, decision.charged, (decision.stamp, decision.policy.slot_ms))

    def hold(self, name: str, *, mode: Mode, seconds: int) -> None:
        """Block a subject, or hold it strictly under every policy that is enforced, for so long from now."""
        listed = f"{prefix_of('api')}{name}"
        link.run(_HOLD, [policies.HOLD_PREFIX + name], (mode.value, seconds * 1000, listed))

    def lift(self, name: str) -> None:
        """Forget a subject's blocks, strict holds, refusals and misbehaving siblings under every policy, at once."""
        link.call("DEL", *(prefix + name for prefix in policies.HOLD_PREFIXES), *_forgiven(name))
        kinds = (Mode.STRICT.value, Mode.BLOCKED.value, "widened")
        link.call("ZREM", HELD, *(f"{kind} {prefix}{name}" for kind in kinds for prefix in policies.PREFIXES))

    def reset(self, name: str) -> None:
        """Forget everything about a subject: what it used, too."""
        self.lift(name)
        names = [prefix + name for prefix in policies.PREFIXES]
        link.call("DEL", *names, *(each + policies.MERGED for each in names))

    def held(self, limit: int) -> list[tuple[str, str]]:
        """Return (kind, key) of the subjects that came to a step of the ladder lately, the latest to end first."""
        link.call("ZREMRANGEBYSCORE", HELD, "-inf", f"({int(_now_ms())}")
        found = link.call("ZREVRANGE", HELD, 0, limit - 1)
        return [(kind, key) for kind, _, key in (member.decode().partition(" ") for member in found)]


_ITSELF = ord("1")  # the digit for a subject's own level


def _keys(policy: Policy, subject: Subject) -> list[str]:
    """Return the names of a subject's counts in the order that decide.lua reads them."""
    if not subject.kind.escalates:
        return [f"{policy.prefix}{subject}{policy.suffix}"]
    keys: list[str] = []
    for level, name in enumerate(subject.names):
        counted = policy.prefix + name
        keys += (counted + policy.suffix, f"{counted}:refusals", policy.hold_prefix + name)
        if level:
            keys.append(f"{counted}:siblings")
    return keys


def _forgiven(name: str) -> list[str]:
    return [f"{prefix}{name}:{what}" for prefix in policies.PREFIXES for what in ("refusals", "siblings")]


def _step(subjects: Sequence[Subject], number: int, level: int, kind: bytes, ms: int, times: int) -> Step:
    return Step(kind.decode(), subjects[number - 1].names[level - 1], math.ceil(ms / 1000), times)


def _standing(outcome: int, limit: int, used: int, reset_ms: int, refusals: int, blocks: int, level: int) -> Standing:
    return Standing(_MODES[outcome], outcome < _ALLOWED, limit, used, -(-reset_ms // 1000), refusals, blocks, level)


def _now_ms() -> float:
    seconds, microseconds = link.call("TIME")
    return int(seconds) * 1000 + int(microseconds) / 1000
