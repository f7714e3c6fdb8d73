"""Beats in a real Redis, of several instances that this process is by turns."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import override_settings

from nocturnal_project import instances, traffic
from nocturnal_project.colleagues import Instance, instances_now
from nocturnal_project.redis import RedisAway, link

Being = Callable[[str], Any]
_EVERYTHING_OF_ONE = ("_seen", "_known", "_mark", "_confirmed", "_server", "_server_since")

_NOTHING = dict(zip(_EVERYTHING_OF_ONE, ({}, (), 0, 0.0, "", 0.0), strict=True))


@pytest.fixture
def being(monkeypatch: pytest.MonkeyPatch) -> Being:
    """Be one instance after the other, each with a memory of its own."""
    memories: dict[str, dict[str, Any]] = {}

    @contextmanager
    def one(name: str) -> Iterator[None]:
        for variable, value in memories.get(name, _NOTHING).items():
            monkeypatch.setattr(instances, variable, value)
        with override_settings(INSTANCE_ID=name):
            yield
        memories[name] = {variable: getattr(instances, variable) for variable in _EVERYTHING_OF_ONE}

    return one


def beat_as(being: Being, *names: str) -> list[tuple[str, ...]]:
    seen = []
    for name in names:
        with being(name):
            instances.beat()
            seen.append(instances.live_instances())
    return seen


def the(name: str) -> Instance:
    return next(instance for instance in instances_now()[1] if instance.id == name)


def living() -> list[str]:
    return [instance.id for instance in instances_now()[1] if instance.alive]


def test_each_learns_of_all_who_come_and_go(redis: Any, being: Being) -> None:
    assert beat_as(being, "pod-1", "pod-2", "pod-3")[-1] == ("pod-1", "pod-2", "pod-3")
    assert beat_as(being, "pod-1")[-1] == ("pod-1", "pod-2", "pod-3")
    with being("pod-2"):
        instances.leave()

    assert living() == ["pod-1", "pod-3"]
    with being("pod-3"):
        instances.beat()
        assert sorted(instances._known) == ["pod-1", "pod-3"]


def test_an_instance_that_stops_beating_is_forgotten_with_what_it_said(redis: Any, being: Being) -> None:
    beat_as(being, "pod-1", "pod-2")
    redis.zadd(instances.KEY, {"pod-2": (time.time() - instances.GONE_AFTER_SECONDS - 1) * 1000})

    assert living() == ["pod-1"]
    with being("pod-1"):
        instances.beat()
        assert instances._known == ("pod-1",)
    assert redis.hkeys(instances.FACTS_KEY) == [b"pod-1"]


def test_a_beat_names_the_others_only_when_one_has_come_or_gone(redis: Any, being: Being) -> None:
    """So what a beat costs does not grow with their number."""
    stamp = int(time.time() * 1000)
    redis.zadd(instances.KEY, {f"other-{number}": stamp for number in range(1000)})
    answers = []
    with being("pod-1"), pytest.MonkeyPatch.context() as patch:
        run = link.run

        def heard(*command: Any) -> Any:
            answers.append(run(*command))
            return answers[-1]

        patch.setattr(link, "run", heard)
        for _ in range(3):
            instances.beat()

        assert [len(answer) for answer in answers] == [2, 1, 1]
        assert len(instances.live_instances()) == 1001
    # One that joins without a mark, as a former version does, is noticed by the number alone.
    redis.zadd(instances.KEY, {"of-a-former-version": stamp})
    with being("pod-1"):
        instances.beat()
        assert "of-a-former-version" in instances.live_instances()


@pytest.mark.parametrize("cleanly", [True, False])
def test_one_that_comes_as_another_goes_is_noticed(redis: Any, being: Being, cleanly: bool) -> None:
    """Their number alone would not tell."""
    beat_as(being, "pod-1", "pod-2", "pod-1")
    if cleanly:
        with being("pod-2"):
            instances.leave()
    else:
        redis.zadd(instances.KEY, {"pod-2": 1})
    beat_as(being, "pod-3")

    with being("pod-1"):
        instances.beat()
        assert sorted(instances._known) == ["pod-1", "pod-3"]


def test_a_beat_says_who_it_is_and_what_it_serves(redis: Any, being: Being, settings: Any) -> None:
    with being("pod-1"):
        instances.beat()
        traffic.count("/api/v1/me", 200, 12)
        traffic.count("/api/v1/me", 503, 700)
        traffic.count("/api/health/live", 200, 1)
        instances.beat()
    pod = the("pod-1")

    assert (pod.facts.version, pod.facts.address, pod.facts.draining) == (settings.VERSION, "127.0.0.1:5000", False)
    assert pod.latest is not None
    assert pod.latest.memory_bytes > 20 * 1024**2
    assert pod.latest.cpu_percent >= 0
    (step,) = pod.steps()
    assert (step.traffic.requests, step.traffic.errors, step.traffic.total_ms) == (2, 1, 712)
    assert sum(step.traffic.durations) == 2


def test_the_readings_kept_are_few_and_end_by_themselves(redis: Any, being: Being) -> None:
    beat_as(being, *["pod-1"] * (instances.READINGS_KEPT + 5))
    readings = f"{instances.READINGS_KEY}pod-1"

    assert redis.llen(readings) == instances.READINGS_KEPT
    assert 290_000 < redis.pttl(readings) <= 300_000
    assert all(0 < redis.pttl(key) <= 300_000 for key in redis.keys("nocturnal:instances*"))
    assert redis.memory_usage(readings) < 20_000
    times = [at for at, _ in the("pod-1").readings]
    assert times == sorted(times)


def test_those_of_before_stand_while_a_redis_that_was_started_again_knows_nobody(
    redis: Any, being: Being, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()

    def after(seconds: float) -> tuple[str, ...]:
        monkeypatch.setattr("nocturnal_project.instances.time.monotonic", lambda: began + seconds)
        return beat_as(being, "pod-1")[0]

    beat_as(being, "pod-2")
    assert [after(seconds) for seconds in range(100, 131, 5)] == [("pod-1", "pod-2")] * 7
    redis.flushall()
    monkeypatch.setattr(link._connections, "server", "another")

    assert after(135) == ("pod-1", "pod-2")
    assert after(151) == ("pod-1",)


def test_one_that_is_gone_is_remembered_for_as_long_as_its_readings(redis: Any, being: Being) -> None:
    beat_as(being, "pod-1", "pod-2", "pod-3")
    with being("pod-2"):
        instances.leave()
    redis.zadd(instances.KEY, {"pod-3": 1})
    beat_as(being, "pod-1")

    assert [(each.id, each.alive, each.left) for each in instances_now()[1]] == [
        ("pod-1", True, False), ("pod-2", False, True), ("pod-3", False, False),
    ]  # fmt: skip
    assert len(the("pod-2").readings) == 1
    beat_as(being, "pod-2")
    assert (the("pod-2").alive, the("pod-2").left) == (True, False)
    redis.zadd(instances.RECENT_KEY, {"pod-3": 1})
    beat_as(being, "pod-1")
    assert living() == [each.id for each in instances_now()[1]] == ["pod-1", "pod-2"]


def test_one_that_was_started_again_counts_from_nothing(
    redis: Any, being: Being, monkeypatch: pytest.MonkeyPatch
) -> None:
    with being("pod-1"):
        for number in (500, 3):
            monkeypatch.setattr(traffic, "_requests", number)
            instances.beat()

    assert [step.traffic.requests for step in the("pod-1").steps()] == [3]


def test_nobody_knows_without_redis_and_each_knows_itself(redis_away: None, being: Being, settings: Any) -> None:
    with being("pod-1"):
        instances.beat()
        assert instances.live_instances() == ("pod-1",)
    with pytest.raises(RedisAway):
        instances_now()
    facts, readings = instances.own_readings()
    assert facts.version == settings.VERSION
    assert time.time() - readings[-1][0] < 60
