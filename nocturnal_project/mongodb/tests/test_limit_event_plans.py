"""What the commands about limits read of the record, at 20,000 documents, half of them about one address."""

from collections.abc import Iterator

import pytest

from nocturnal_project.mongodb.tests.rows import collection_of
from nocturnal_project.mongodb.tests.walk import Walk
from ratelimits.histories import latest_events
from ratelimits.models import LimitEvent, LimitOverride
from ratelimits.staff import follow_changes

pytestmark = pytest.mark.django_db
DOCUMENTS = 20_000


@pytest.fixture
def busy(db: None) -> Iterator[None]:
    LimitEvent.objects.bulk_create(
        LimitEvent(kind="strict", policy="auth", subject="ip:203.0.113.7" if number % 2 else f"ip:198.51.100.{number}")
        for number in range(DOCUMENTS)
    )
    yield
    for model in (LimitEvent, LimitOverride):
        collection_of(model).delete_many({})


@pytest.mark.usefixtures("busy")
def test_the_latest_events_of_a_subject_are_found_without_reading_the_others() -> None:
    walk = Walk()
    with walk.watching():
        found = latest_events(["ip:203.0.113.7", "ip:2001:db8::/56"], 10)
        follow_changes()

    events = [sent for sent in walk.sent if sent.collection == "ratelimits_limitevent"]
    assert len(found) == 10
    assert [event.id for event in found] == sorted((event.id for event in found), reverse=True)
    assert [(sent.documents, sent.scans, sent.sorts) for sent in events] == [(10, False, False), (0, False, False)]
