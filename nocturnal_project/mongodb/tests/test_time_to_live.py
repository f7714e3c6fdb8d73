"""MongoDB removes by itself what has had its time."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pymongo
import pytest
from django.db import connection

from accounts.events import Kind, record
from accounts.models import SecurityEvent
from nocturnal_project import clock
from nocturnal_project.mongodb.tests.rows import collection_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def quick_monitor() -> Iterator[None]:
    """The server looks every second for what has had its time, instead of every minute."""
    with pymongo.MongoClient[dict[str, Any]](str(connection.settings_dict["HOST"])) as client:
        client.admin.command({"setParameter": 1, "ttlMonitorSleepSecs": 1})
        yield
        client.admin.command({"setParameter": 1, "ttlMonitorSleepSecs": 60})


def test_the_index_on_the_time_says_so(db: None) -> None:
    indexes = collection_of(SecurityEvent).index_information()

    assert indexes["event_expiry"] == {"v": 2, "key": [("expires_at", 1)], "expireAfterSeconds": 0}


def test_an_event_goes_when_its_time_is_over_and_others_stay(quick_monitor: None) -> None:
    record(Kind.SIGNED_IN, now=clock.now() - timedelta(days=90))
    record(Kind.REGISTERED, now=clock.now())
    deadline = time.monotonic() + 90

    while SecurityEvent.objects.filter(kind=Kind.SIGNED_IN).exists():
        assert time.monotonic() < deadline, "The server did not remove it."

    assert [event.kind for event in SecurityEvent.objects.all()] == [Kind.REGISTERED]
