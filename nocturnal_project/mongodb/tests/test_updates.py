"""Updates change the same rows as the parent's, in commands that every server knows."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import NotSupportedError
from django.db.models import F, Value
from django.db.models.functions import Concat

from accounts.models import Session, User
from nocturnal_project.identifiers import uuid7
from nocturnal_project.mongodb.tests.conftest import Recorded
from nocturnal_project.mongodb.tests.rows import collection_of, make_session, make_user, new_upload
from uploads.models import Upload

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CHANGES: dict[str, dict[str, Any]] = {
    "a value": {"user_agent": "Firefox"},
    "a value like a field": {"user_agent": "$counter"},
    "null": {"ended_at": None},
    "a date": {"ended_at": NOON},
    "a uuid": {"device_id": uuid7()},
    "an expression of a value": {"user_agent": Value("$x")},
    "a step up": {"counter": F("counter") + 1},
    "a step down": {"counter": F("counter") - 2},
    "a step, turned round": {"counter": 3 + F("counter")},
    "a step and a value": {"counter": F("counter") + 1, "rotated_at": NOON},
    "a product": {"counter": F("counter") * 2},
    "turned round": {"counter": 10 - F("counter")},
    "another column": {"rotated_at": F("created_at")},
    "text": {"user_agent": Concat(F("user_agent"), Value("!"))},
}


@pytest.fixture
def session(db: None) -> Session:
    """A session to change."""
    return make_session(make_user("alice@example.com"), counter=5, user_agent="Safari", ended_at=NOON)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_leaves_what_the_parent_leaves(session: Session, stock: str, name: str) -> None:
    outcomes = []
    for alias in ("default", stock):
        Session.objects.all().delete()
        session.save(force_insert=True)
        count = Session.objects.using(alias).filter(counter=5).update(**CHANGES[name])
        document = collection_of(Session).find_one()
        outcomes.append((count, document, {field: type(value) for field, value in document.items()}))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("change", "document"),
    [
        ({"user_agent": "Firefox"}, {"$set": {"user_agent": "Firefox"}}),
        ({"counter": F("counter") + 1}, {"$inc": {"counter": 1}}),
        (
            {"counter": F("counter") - 1, "user_agent": "x"},
            {"$inc": {"counter": -1}, "$set": {"user_agent": "x"}},
        ),
    ],
)
def test_plain_changes_are_sent_without_a_pipeline(
    session: Session, recorded: Recorded, change: dict[str, Any], document: dict[str, Any]
) -> None:
    sessions = Session.objects.using(recorded.alias)
    (by_key,) = recorded.sent_by(lambda: sessions.filter(pk=session.pk, counter=5).update(**change))
    (all_of_them,) = recorded.sent_by(lambda: sessions.update(**change))
    assert by_key["updates"][0]["u"] == all_of_them["updates"][0]["u"] == document
    assert not by_key["updates"][0].get("multi")
    assert "txnNumber" in by_key  # so that the driver may send it again
    assert all_of_them["updates"][0]["multi"]


def test_a_nullable_column_keeps_its_null_under_a_step(session: Session) -> None:
    Session.objects.update(ended_at=None)
    assert Session.objects.update(ended_at=F("ended_at")) == 1
    session.refresh_from_db()
    assert session.ended_at is None


def test_an_update_counts_the_rows_it_matched(session: Session) -> None:
    assert Session.objects.filter(pk=session.pk).update(counter=5) == 1  # matched, though nothing changed
    assert Session.objects.filter(pk=session.pk, counter=99).update(counter=6) == 0
    assert Session.objects.filter(pk=uuid7()).update(counter=6) == 0
    assert Session.objects.filter(pk__in=[]).update(counter=6) == 0


def test_saving_and_deleting_by_key_can_be_sent_again(session: Session, recorded: Recorded) -> None:
    session.counter = 9
    (save,) = recorded.sent_by(lambda: session.save(using=recorded.alias))
    commands = recorded.sent_by(lambda: Upload.objects.using(recorded.alias).filter(pk=uuid7()).delete())
    delete = next(command for command in commands if "delete" in command)
    assert "txnNumber" in save
    assert "txnNumber" in delete
    assert delete["deletes"][0]["limit"] == 1


def test_a_delete_takes_exactly_what_matches(session: Session) -> None:
    owner = session.user
    Upload.objects.bulk_create(new_upload(owner, number, category="ab"[number % 2]) for number in range(6))
    keys = list(Upload.objects.order_by("id").values_list("pk", flat=True))
    assert Upload.objects.filter(pk=keys[0], category="b").delete()[0] == 0
    assert Upload.objects.filter(pk__in=keys[:1]).delete()[0] == 1
    assert Upload.objects.filter(pk__in=keys[1:3]).delete()[0] == 2
    assert Upload.objects.filter(category="a").delete()[0] == 1
    assert owner.delete()[0] == 1 + 1 + 2  # the user, a session and the two uploads left
    assert not User.objects.exists()


def test_fifty_racing_conditional_updates_have_one_winner(session: Session) -> None:
    def rotate(_: int) -> int:
        rows: int = Session.objects.filter(pk=session.pk, counter=5).update(counter=F("counter") + 1)
        return rows

    with ThreadPoolExecutor(50) as threads:
        assert sum(threads.map(rotate, range(50))) == 1
    session.refresh_from_db()
    assert session.counter == 6


def test_fifty_racing_steps_all_count(session: Session) -> None:
    with ThreadPoolExecutor(50) as threads:
        list(threads.map(lambda _: Session.objects.filter(pk=session.pk).update(counter=F("counter") + 1), range(50)))
    session.refresh_from_db()
    assert session.counter == 55


def test_a_delete_that_joins_or_asks_another_collection_takes_what_matches(session: Session) -> None:
    bob = make_user("bob@example.com", name="Bob")
    Upload.objects.bulk_create(new_upload((session.user, bob)[number % 2], number) for number in range(6))
    assert Upload.objects.filter(owner__name="Bob", size_bytes__lt=2).delete()[0] == 1
    assert Upload.objects.filter(owner__in=User.objects.filter(name="Bob")).delete()[0] == 2
    assert Upload.objects.filter(owner__name="Nobody").delete()[0] == 0
    assert Upload.objects.count() == 3


def test_an_update_that_joins_or_asks_another_collection_is_refused(session: Session) -> None:
    for conditions in ({"user__name": "Alice"}, {"user__in": User.objects.filter(email="alice@example.com")}):
        with pytest.raises(NotSupportedError):
            Session.objects.filter(**conditions).update(counter=1)
