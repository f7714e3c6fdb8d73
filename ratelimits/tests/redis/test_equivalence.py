"""The script held against the local store, which is the model: whatever happens, both decide the same.

The machine runs the same examples each time; ``NOCTURNAL_SOAK=1`` runs new ones, and very many.
"""

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from nocturnal_project.redis import link
from ratelimits.decisions import Decision, Mode
from ratelimits.local_store import LocalStore
from ratelimits.policies import POLICIES, Policy
from ratelimits.redis_store import RedisStore
from ratelimits.subjects import Subject, account_subject, ip_subject, user_subject
from tests.services import RedisServer

_SOAK = os.environ.get("NOCTURNAL_SOAK") == "1"
_SETTINGS = settings(
    max_examples=2000 if _SOAK else 50,
    stateful_step_count=60,
    derandomize=not _SOAK,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Making a failure small takes minutes: that is for whoever looks into it.
    phases=[Phase.generate, Phase.shrink] if _SOAK else [Phase.generate],
)
AUTH = POLICIES["auth"]
_LIMITS = (
    replace(POLICIES["api"], normal=6, strict=4, strict_after=3, block_after=6),
    replace(POLICIES["api"], normal=3, strict=1, strict_after=3, block_after=4),
    replace(POLICIES["api"], normal=9, strict=9, strict_after=3, block_after=8),
    replace(POLICIES["api"], normal=6, strict=4, strict_after=3, block_after=6, shadow=True),
)
HOME, ALICE = ip_subject("203.0.113.7"), account_subject("alice@example.com")
# Four /64s of one /56, and one each of two more /56s of the same /48.
SITES = tuple(ip_subject(f"2001:db8:1:{site}::7") for site in ("0", "1", "2", "3", "100", "200"))
BOB = user_subject("0190b0a0-0000-7000-8000-000000000001")
ASKING: tuple[Sequence[Subject], ...] = (
    (HOME, ALICE),
    (HOME,),
    (BOB,),
    *((site,) for site in SITES),
    (SITES[0], ALICE),
)
SUBJECTS = (HOME, ALICE, BOB, *SITES)
ANSWERING = sorted({name for subject in (HOME, BOB, *SITES) for name in subject.names})
_SPANS = (1, 999, 1000, 59_000, 300_000, 600_000, 900_000, 3_599_999, 3_600_000, 7_200_000, 86_400_000)


class Machine(RuleBasedStateMachine):
    """Everything that can happen to the counts, to both stores."""

    decisions = Bundle("decisions")

    def __init__(self, server: RedisServer, redis: Redis) -> None:
        super().__init__()
        redis.flushall()
        self.server, self.redis, self.clock = server, redis, server.clock
        self.shared, self.model = RedisStore(), LocalStore(now_ms=lambda: server.clock.ms)
        self.limits = _LIMITS[0]
        self.elapsed_ms = 0
        self.passed: dict[Subject, list[tuple[int, Decision]]] = defaultdict(list)

    @property
    def policies(self) -> tuple[Policy, ...]:
        return AUTH, self.limits

    @rule(asking=st.sampled_from(ASKING), auth=st.booleans(), times=st.integers(1, 8), target=decisions)
    def ask(self, asking: Sequence[Subject], auth: bool, times: int) -> object:
        policy = AUTH if auth else self.limits
        charged = []
        for _ in range(times):
            self.wait(1)  # so that no charge after a reset has the stamp of one before, which may yet be given back
            ours, expected = self.shared.decide(policy, asking), self.model.decide(policy, asking)
            assert ours._replace(shared=False) == expected
            if ours.allowed:
                charged.append((ours, expected))
                if auth:
                    self._note_pass(asking, ours)
        return multiple(*charged)

    def _note_pass(self, asking: Sequence[Subject], decision: Decision) -> None:
        for subject in asking:
            passed = self.passed[subject]
            passed.append((self.elapsed_ms, decision))
            inside = [at for at, _ in passed if at > self.elapsed_ms - AUTH.window * 1000]
            assert len(inside) <= AUTH.normal, f"{subject} had {len(inside)} in a trailing window"

    @rule(span=st.sampled_from(_SPANS))
    def wait(self, span: int) -> None:
        self.clock.shift(span)
        self.elapsed_ms += span

    @rule(charge=consumes(decisions))
    def give_back(self, charge: tuple[Decision, Decision]) -> None:
        self.shared.give_back(charge[0])
        self.model.give_back(charge[1])
        for passed in self.passed.values():
            passed[:] = [(at, decision) for at, decision in passed if decision is not charge[0]]

    @rule(
        name=st.sampled_from(ANSWERING),
        mode=st.sampled_from([Mode.BLOCKED, Mode.STRICT]),
        seconds=st.sampled_from([1, 60, 3600, 7 * 86_400]),
    )
    def hold(self, name: str, mode: Mode, seconds: int) -> None:
        for store in (self.shared, self.model):
            store.hold(name, mode=mode, seconds=seconds)  # type: ignore[attr-defined]  # mypy joins the two to object

    @rule(name=st.sampled_from(ANSWERING))
    def lift(self, name: str) -> None:
        self.shared.lift(name)
        self.model.lift(name)

    @rule(subject=st.sampled_from(SUBJECTS))
    def reset(self, subject: Subject) -> None:
        for name in subject.names:
            self.shared.reset(name)
            self.model.reset(name)
        self.passed[subject].clear()

    @rule(limits=st.sampled_from(_LIMITS))
    def change_limits(self, limits: Policy) -> None:
        self.limits = limits

    @rule()
    def forget_scripts(self) -> None:
        self.redis.script_flush()

    @rule(clean=st.booleans())
    def restart(self, clean: bool) -> None:
        if clean:
            self.server.stop()
        else:
            # With everysec Redis answers before it writes while a sync goes on: a crash would lose what it answered.
            self.redis.config_set("appendfsync", "always")
            self.server.kill()
        self.server.start()
        link.forget()  # a new run of Redis would be left alone for a moment, which other tests are about

    @invariant()
    def both_say_the_same_of_everybody(self) -> None:
        for policy in self.policies:
            assert self.shared.standings(policy, SUBJECTS) == self.model.standings(policy, SUBJECTS)

    @invariant()
    def whoever_is_held_is_listed(self) -> None:
        listed = {(kind, key.split(":", 2)[2]) for kind, key in self.shared.held(1000)}
        assert {(kind, key.split(":", 2)[2]) for kind, key in self.model.held(1000)} <= listed

    @invariant()
    def every_key_ends_and_is_short_and_plain(self) -> None:
        for key in self.redis.scan_iter():
            assert len(key) <= 128
            assert key.isascii()
            assert key.decode().isprintable()
            assert self.redis.pttl(key) != -1, f"{key!r} never ends"

    def teardown(self) -> None:
        self.clock.shift(8 * 86_400_000)
        assert self.redis.keys() == []


def test_the_script_decides_as_the_model_whatever_happens(server: RedisServer, redis: Redis) -> None:
    machine: Any = partial(Machine, server, redis)  # it is called for a new one, as a class would be
    run_state_machine_as_test(machine, settings=_SETTINGS)
