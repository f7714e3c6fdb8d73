"""Staff's pages with a real Redis, and without the one that is configured."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from nocturnal_project.redis import link
from ratelimits import limiter, local_store, tally
from ratelimits.decisions import Mode
from ratelimits.models import LimitEvent
from ratelimits.policies import POLICIES
from ratelimits.subjects import ip_subject
from ratelimits.tests.staff_pages import LIVE, be_refused, decided, text_of
from tests.services import RedisServer

pytestmark = pytest.mark.django_db
HOME = ip_subject("203.0.113.7")
SITE = ip_subject("2001:db8:7:1::5")


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def redis(server: RedisServer, settings: Any) -> Iterator[RedisServer]:
    """The limits are in Redis; the sessions of staff are not, so that they outlive it."""
    settings.CACHES = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": server.url,
            "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 0.2, "SOCKET_TIMEOUT": 0.2},
        },
        "sessions": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    }
    settings.SESSION_CACHE_ALIAS = "sessions"
    settings.REDIS_URL = server.url
    link.call("FLUSHALL")
    yield server
    if not link.closed:
        server.start()
        deadline = time.monotonic() + 10
        while not link.closed and time.monotonic() < deadline:
            time.sleep(0.05)
        assert link.closed


def test_the_page_shows_what_all_instances_hold(redis: RedisServer, staff: Client) -> None:
    be_refused(HOME, 10)
    for number in (1, 2, 3):
        be_refused(ip_subject(f"2001:db8:7:{number}::5"), 3)

    page = text_of(staff.get(LIVE))

    assert "Redis, shared" in page
    assert "10 refusals in the last hour; its first block." in page
    assert "for 1 h more" in page
    assert "Three of its parts misbehaved within an hour" in page


def test_what_every_instance_decided_is_drawn(redis: RedisServer, staff: Client) -> None:
    tally.send()
    before = decided(tally.last_hour(), "refused")
    be_refused(HOME, 2)
    tally.send()

    assert f"{before + 2} refused" in text_of(staff.get(LIVE))


def test_what_is_held_is_told_alike_in_redis_and_here(redis: RedisServer) -> None:
    here = local_store.LocalStore()
    policy = POLICIES["auth"]
    for _ in range(17):
        limiter.shared.decide(policy, [HOME])
        here.decide(policy, [HOME])
    for store in (limiter.shared, here):
        store.hold(str(SITE), mode=Mode.STRICT, seconds=60)

    for subject in (HOME, SITE):
        (theirs,) = limiter.shared.cases([(policy, subject)])
        ours = here.case(policy, subject)
        assert len(theirs.refusals) == len(ours.refusals)
        assert theirs.strict_until == pytest.approx(ours.strict_until, abs=2000)
        for one, other in zip(theirs.levels, ours.levels, strict=True):
            assert one.hold[:3] == pytest.approx(other.hold[:3], abs=2000)
            assert one.hold.by_staff == other.hold.by_staff


def test_the_page_says_that_redis_is_away_and_shows_what_is_counted_here(redis: RedisServer, staff: Client) -> None:
    redis.kill()
    be_refused(HOME, 10)

    page = text_of(staff.get(LIVE))

    assert "Redis is away: counting locally" in page
    assert "lets 1/1 of each limit through" in page
    assert "10 refusals in the last hour" in page
    assert staff.get(f"{LIVE}?q=203.0.113.7").status_code == 200


@pytest.mark.parametrize("action", ["lift", "hold", "reset"])
def test_acting_while_redis_is_away_says_so_and_records_nothing(redis: RedisServer, staff: Client, action: str) -> None:
    redis.kill()
    form = {"subject": str(HOME), "mode": "blocked", "seconds": "3600"}

    assert staff.get(f"{LIVE}{action}/", form).status_code == 200
    answer = text_of(staff.post(f"{LIVE}{action}/", form, follow=True))

    assert "Redis does not answer, so nothing is sure to have happened to 203.0.113.7" in answer
    assert not LimitEvent.objects.exists()
