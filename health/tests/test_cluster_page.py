"""The cluster page, of instances that a real Redis knows; the browser's part is in tests/test_living_instances.py."""

import json
import re
import time
from collections import deque
from typing import Any

import pytest
from django.test import Client

from nocturnal_project import instances, traffic
from nocturnal_project.redis import link
from ratelimits.tests.staff_pages import staff_with, text_of

pytestmark = pytest.mark.django_db
PAGE, PART = "/admin/cluster/", "/admin/cluster/live/"


@pytest.fixture
def pod(redis: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """This process is pod-1 and has served a little; the sessions of staff are not in Redis."""
    monkeypatch.setattr(instances, "_seen", {})
    settings.INSTANCE_ID = "pod-1"
    settings.CACHES = settings.CACHES | {"sessions": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.SESSION_CACHE_ALIAS = "sessions"
    instances.beat()
    for status, ms in ((200, 3), (200, 40), (500, 900)):
        traffic.count("/api/v1/me", status, ms)
    instances.beat()
    return redis


def beside(redis: Any, name: str, *, version: str = "0.1.0", draining: bool = False, seconds_ago: float = 1) -> None:
    """Another instance beats."""
    now, _ = redis.time()
    stamp = int((now - seconds_ago) * 1000)
    said = {
        "version": version,
        "hostname": "host-9",
        "address": "10.0.0.9:5000",
        "draining": draining,
        "started": now - 5370,
    }
    redis.zadd(instances.KEY, {name: stamp})
    redis.hset(instances.FACTS_KEY, name, json.dumps(said))
    for ago in (10, 5, 0):
        reading = [[100 - 2 * ago, 0, 12.5, [100 - 2 * ago]], 30.0, 100 * 1024**2]
        redis.lpush(f"{instances.READINGS_KEY}{name}", f"{stamp - ago * 1000} {json.dumps(reading)}")


def test_the_page_has_every_instance_with_its_numbers_and_pictures(pod: Any, staff: Client) -> None:
    beside(pod, "pod-2")

    page = text_of(staff.get(PAGE))

    assert "<strong>2</strong> of 2" in page
    for said in ("pod-1", "gave this page", "pod-2", "10.0.0.9:5000 on host-9", "100 MB", "30 %", "1 h 30 min"):
        assert said in page
    assert page.count("<svg") == 3 + 2 * 3 + 3 * 2
    assert "pod-2: requests a second in the last five minutes; upper edge" in page
    assert 'class="cluster-failing"><span>33 %</span>' in page
    assert "4.3 % of the requests fail." in page
    assert "One request in a hundred takes more than" not in page  # of so few, it would be a single one
    for name in ("database", "cache", "storage"):
        assert f'data-dependency="{name}"' in page
    assert page.count("sqlite") + page.count("mongodb") >= 1


def test_what_needs_attention_is_said_first(pod: Any, staff: Client) -> None:
    beside(pod, "pod-2", version="0.10.0")
    beside(pod, "pod-3", version="0.9.0", draining=True)
    beside(pod, "pod-4", version="0.9.0", seconds_ago=10)
    now, _ = pod.time()
    pod.zadd(instances.RECENT_KEY, {"pod-5": (now - 40) * 1000})
    pod.zadd(instances.RECENT_KEY, {"pod-6": (now - 50) * 1000})
    pod.lpush(f"{instances.READINGS_KEY}pod-6", "left")

    page = text_of(staff.get(PART))
    notices = re.findall(r'cluster-notice cluster-(\w+)">([^<]+)<', page)

    assert [level for level, _ in notices] == sorted((level for level, _ in notices), key="danger warning info".index)
    said = " ".join(sentence for _, sentence in notices)
    assert re.search(r"pod-5 was lost 4\d seconds ago, without a word", said)
    assert "Versions differ: 0.1.0 on 1, 0.10.0 on 1, 0.9.0 on 2." in said
    assert "pod-4 has not beaten for more than 8 seconds." in said
    assert "Draining: pod-3." in said
    assert "pod-6 was lost" not in said
    assert "pod-6 ended" in page
    outdated = [row for row in page.split("<tr")[1:] if "bg-orange-100" in row.partition('data-label="Version"')[2]]
    assert [re.findall(r'data-instance="(.*?)"', row)[0] for row in outdated] == ["pod-1", "pod-3", "pod-4"]


def test_slow_answers_are_told_when_they_are_many_enough_to_know(redis: Any, staff: Client, settings: Any) -> None:
    settings.CACHES = settings.CACHES | {"sessions": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    now_ms = int(redis.time()[0] * 1000)
    redis.zadd(instances.KEY, {"pod-9": now_ms})
    for ago, served in ((20, 0), (15, 6000), (10, 12_000), (5, 18_000), (0, 24_000)):
        durations = [0] * 27 + [served]
        reading = [[served, 0, served * 4500.0, durations], 30.0, 100 * 1024**2]
        redis.lpush(f"{instances.READINGS_KEY}pod-9", f"{now_ms - ago * 1000} {json.dumps(reading)}")

    page = text_of(staff.get(PART))

    assert re.search(r"One request in a hundred takes more than [67],\d{3} ms.", page)


def test_all_is_well_when_nothing_is_wrong(pod: Any, staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    pod.delete(f"{instances.READINGS_KEY}pod-1")

    assert "All is well" in text_of(staff.get(PART))


def test_without_redis_this_instance_is_shown_alone(redis_away: None, settings: Any, staff: Client) -> None:
    settings.INSTANCE_ID = "pod-1"
    instances.beat()
    assert not link.closed

    page = text_of(staff.get(PAGE))

    assert "Redis is away: limits are counted by each instance, and only this one is seen here." in page
    assert re.findall(r'data-instance="(.*?)"', page) == ["pod-1"]
    assert "decisions in 10 minutes, this instance" in page


def test_a_deployment_without_redis_is_no_outage(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "_own", deque())
    page = text_of(staff.get(PAGE))

    assert 'cluster-info">No Redis is configured: this process is alone' in page
    assert "cluster-danger" not in page


@pytest.mark.parametrize("path", [PAGE, PART])
def test_only_staff_with_the_permission_see_it(client: Client, path: str) -> None:
    assert client.get(path).status_code == 302
    assert staff_with("view_limitevent").get(path).status_code == 403


def test_the_permission_alone_is_enough_and_shows_no_way_to_the_limits(db: None) -> None:
    kim = staff_with("view_cluster")

    page = text_of(kim.get(PAGE))

    assert 'href="/admin/cluster/"' in page
    assert "Who is held" not in page
    assert kim.post(PAGE).status_code == 405


def test_the_part_needs_nothing_that_a_strict_policy_refuses(pod: Any, staff: Client) -> None:
    part = text_of(staff.get(PART))

    assert not re.search(r"<script|<style| style=| on\w+=|javascript:", part)


def test_many_instances_are_shown_quickly(pod: Any, staff: Client) -> None:
    began = int(time.time() * 1000) - 290_000
    for number in range(50):
        beside(pod, f"pod-{number}")
        for beat in range(57):
            reading = [[1000 + beat, 0, 12.5, [30 + beat] * 34], 30.0, 100 * 1024**2]
            pod.lpush(f"{instances.READINGS_KEY}pod-{number}", f"{began + beat * 5000} {json.dumps(reading)}")
    started = time.thread_time()

    page = text_of(staff.get(PART))

    assert page.count("data-instance") == 50
    assert time.thread_time() - started < 3  # 0.28 s of CPU when it was written
