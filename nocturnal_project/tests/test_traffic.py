import random
import statistics
import time
from typing import Any

import pytest

from nocturnal_project import traffic


@pytest.fixture(autouse=True)
def nothing_served(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_requests", 0), ("_errors", 0), ("_total_ms", 0.0)):
        monkeypatch.setattr(traffic, name, value)
    monkeypatch.setattr(traffic, "_durations", [0] * (len(traffic.EDGES_MS) + 1))


def test_every_answer_is_counted_where_its_log_line_is_written(client: Any, db: None) -> None:
    client.get("/api/v1/me")
    client.get("/api/nothing-is-here")
    client.get("/api/health/live")

    served = traffic.traffic()

    assert (served.requests, served.errors, sum(served.durations)) == (2, 0, 2)


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_percentiles_are_told_to_within_a_tenth(share: float) -> None:
    chance = random.Random(7)  # noqa: S311  a sample
    took = [chance.lognormvariate(3, 1) for _ in range(20_000)]
    for ms in took:
        traffic.count("/", 200, ms)

    told = traffic.percentile_ms(traffic.traffic().durations, share)

    assert told == pytest.approx(statistics.quantiles(took, n=100)[round(share * 100) - 1], rel=0.1)


def test_what_took_longer_than_the_last_edge_is_told_as_that() -> None:
    assert traffic.percentile_ms(traffic.traffic().durations, 0.5) is None
    traffic.count("/", 200, 10_000_000)
    assert traffic.percentile_ms(traffic.traffic().durations, 0.5) == 60_000


def test_counting_costs_next_to_nothing() -> None:
    """1 µs on a quiet machine; the bound is for a noisy one."""
    best = min(_seconds_of(1000) for _ in range(20))

    assert best / 1000 < 5e-6


def _seconds_of(times: int) -> float:
    started = time.thread_time()
    for _ in range(times):
        traffic.count("/api/v1/me", 200, 12.5)
    return time.thread_time() - started
