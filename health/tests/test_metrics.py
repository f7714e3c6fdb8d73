from collections import Counter
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from nocturnal_project import instances
from nocturnal_project.redis import link
from ratelimits import tally


def _metrics(text: str) -> dict[str, str]:
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


@pytest.mark.django_db
def test_decisions_are_told_by_policy_mode_and_outcome(
    api: APIClient, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "_totals", Counter())
    for number in range(6):
        api.post("/api/v1/auth/login", {"email": "alice@example.com", "password": f"is it this one {number}?"})

    answer = client.get("/metrics")

    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = _metrics(answer.content.decode())
    assert found['nocturnal_ratelimit_decisions_total{policy="auth",mode="normal",outcome="allowed"}'] == "5"
    assert found['nocturnal_ratelimit_decisions_total{policy="auth",mode="normal",outcome="refused"}'] == "1"


def test_without_redis_configured_limits_are_this_instances_own(client: Client) -> None:
    found = _metrics(client.get("/metrics").content.decode())

    assert found["nocturnal_ratelimit_store_shared"] == "0"
    assert found["nocturnal_instances_total"] == "1"


def test_failed_calls_and_the_instances_last_seen_are_told(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "errors", 3)
    monkeypatch.setattr(instances, "_seen", {"pod-1": 0.0, "pod-2": 0.0, settings.INSTANCE_ID: 0.0})

    found = _metrics(client.get("/metrics").content.decode())

    assert found["nocturnal_ratelimit_store_errors_total"] == "3"
    assert found["nocturnal_instances_total"] == "3"


def test_each_metric_says_what_it_is_before_its_samples(client: Client) -> None:
    lines = client.get("/metrics").content.decode().splitlines()

    for name in ("decisions_total", "store_errors_total", "store_shared"):
        at = next(place for place, line in enumerate(lines) if line.startswith(f"# HELP nocturnal_ratelimit_{name} "))
        assert lines[at + 1].split()[:3] == ["#", "TYPE", f"nocturnal_ratelimit_{name}"]


def test_prometheus_may_ask_by_address_and_writes_nothing(client: Client) -> None:
    assert client.get("/metrics", headers={"Host": "10.0.0.7:5000"}).status_code == 200
    assert client.post("/metrics").status_code == 405
