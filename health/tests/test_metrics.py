from collections import Counter
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.test import APIClient

from accounts.models import User
from conftest import PASSWORD
from health import metrics
from nocturnal_project import instances
from nocturnal_project.redis import link
from ratelimits import tally


def _decisions(outcome: str) -> str:
    return f'nocturnal_ratelimit_decisions_total{{mode="normal",outcome="{outcome}",policy="auth"}}'


def _metrics(text: str) -> dict[str, float]:
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, value in lines}


@pytest.mark.django_db
def test_decisions_are_told_by_policy_mode_and_outcome(
    api: APIClient, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "_totals", Counter())
    for number in range(6):
        api.post("/api/v1/auth/login", {"email": "alice@example.com", "password": f"is it this one {number}?"})

    answer = client.get("/metrics")

    assert answer.headers["Content-Type"] == CONTENT_TYPE_LATEST
    assert answer.headers["Cache-Control"] == "no-store"
    found = _metrics(answer.content.decode())
    assert found[_decisions("allowed")] == 5
    assert found[_decisions("refused")] == 1


def test_without_redis_configured_limits_are_this_instances_own(client: Client) -> None:
    found = _metrics(client.get("/metrics").content.decode())

    assert found["nocturnal_ratelimit_store_shared"] == 0
    assert found["nocturnal_instances_total"] == 1


def test_failed_calls_and_the_instances_last_seen_are_told(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "errors", 3)
    monkeypatch.setattr(instances, "_seen", {"pod-1": 0.0, "pod-2": 0.0, settings.INSTANCE_ID: 0.0})

    found = _metrics(client.get("/metrics").content.decode())

    assert found["nocturnal_ratelimit_store_errors_total"] == 3
    assert found["nocturnal_instances_total"] == 3


def test_each_metric_says_what_it_is_before_its_samples(client: Client) -> None:
    lines = client.get("/metrics").content.decode().splitlines()

    for name in ("decisions_total", "store_errors_total", "store_shared"):
        at = next(place for place, line in enumerate(lines) if line.startswith(f"# HELP nocturnal_ratelimit_{name} "))
        assert lines[at + 1].split()[:3] == ["#", "TYPE", f"nocturnal_ratelimit_{name}"]


def test_prometheus_may_ask_by_address_and_writes_nothing(client: Client) -> None:
    assert client.get("/metrics", headers={"Host": "10.0.0.7:5000"}).status_code == 200
    assert client.post("/metrics").status_code == 405


@pytest.mark.django_db
def test_migrations_of_the_database_are_told(client: Client) -> None:
    metrics.follow_migrations()

    found = _metrics(client.get("/metrics").content.decode())
    assert found['django_migrations_unapplied_total{connection="default"}'] == 0
    assert found['django_migrations_applied_total{connection="default"}'] > 10


@pytest.mark.django_db
def test_what_the_database_is_asked_is_counted(client: Client, alice: User) -> None:
    executed = f'django_db_execute_total{{alias="default",vendor="{connection.vendor}"}}'
    measured = f'django_db_query_duration_seconds_count{{alias="default",vendor="{connection.vendor}"}}'
    before = _metrics(client.get("/metrics").content.decode())

    assert User.objects.filter(pk=alice.pk).exists()

    after = _metrics(client.get("/metrics").content.decode())
    assert after[executed] == before[executed] + 1
    assert after[measured] == before[measured] + 1


@pytest.mark.django_db(transaction=True)
def test_an_error_of_the_database_is_counted_by_its_kind(client: Client, alice: User) -> None:
    errors = f'django_db_errors_total{{alias="default",type="IntegrityError",vendor="{connection.vendor}"}}'
    before = _metrics(client.get("/metrics").content.decode()).get(errors, 0)

    with pytest.raises(IntegrityError):
        User(email=alice.email).save(force_insert=True)

    assert _metrics(client.get("/metrics").content.decode())[errors] == before + 1


@pytest.mark.django_db
def test_a_spent_refresh_token_that_comes_back_is_counted(client: Client, api: APIClient, alice: User) -> None:
    reused = "nocturnal_auth_refresh_reuse_total"
    before = _metrics(client.get("/metrics").content.decode())[reused]
    token = api.post("/api/v1/auth/login", {"email": alice.email, "password": PASSWORD}).json()["refresh_token"]

    with time_machine.travel(timezone.now(), tick=False) as moment:
        assert api.post("/api/v1/auth/refresh", {"refresh_token": token}).status_code == 200
        moment.shift(60)
        assert api.post("/api/v1/auth/refresh", {"refresh_token": token}).status_code == 401

    assert _metrics(client.get("/metrics").content.decode())[reused] == before + 1
