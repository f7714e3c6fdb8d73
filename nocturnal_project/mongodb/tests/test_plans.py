"""What the product asks for most is answered from an index, at 20,000 documents."""

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import User
from nocturnal_project.mongodb.tests.conftest import Recorded
from nocturnal_project.mongodb.tests.plans import examined, operators, stages
from nocturnal_project.mongodb.tests.rows import collection_of, new_upload, new_user
from uploads.models import Upload

DOCUMENTS = 20_000
OWNERS = 20
PAGE = 100


@pytest.fixture(scope="module", autouse=True)
def documents(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Fill both collections once: TestCase would empty them after each test."""
    with django_db_blocker.unblock():
        users = User.objects.bulk_create(new_user(f"user{number:05}@example.com") for number in range(DOCUMENTS))
        owners = users[:OWNERS]
        Upload.objects.bulk_create(new_upload(owners[number % OWNERS], number) for number in range(DOCUMENTS))
        yield
        for model in (Upload, User):
            collection_of(model).delete_many({})


@pytest.fixture
def db(django_db_blocker: Any) -> Iterator[None]:
    """Let tests reach the data and leave it as it is."""
    with django_db_blocker.unblock():
        yield


def assert_by_index(plans: list[dict[str, Any]], *, at_most: int) -> None:
    """Fail on a collection scan, a sort in memory, or more documents read than allowed."""
    assert plans
    for plan in plans:
        assert not stages(plan) & {"COLLSCAN", "SORT", "$sort"}, plan
        assert stages(plan) & {"IXSCAN", "IDHACK", "COUNT_SCAN", "CLUSTERED_IXSCAN"}, plan
        assert examined(plan) <= at_most, plan


def newest(recorded: Recorded, **conditions: Any) -> Any:
    """Return the newest uploads of one owner."""
    owner = User.objects.using(recorded.alias).get(email="user00003@example.com")
    return Upload.objects.using(recorded.alias).filter(owner_id=owner.id, **conditions).order_by("-id")


def test_reading_by_id_reads_one_document(recorded: Recorded) -> None:
    somebody = User.objects.using(recorded.alias).get(email="user00005@example.com")
    plans = recorded.plans_of(lambda: User.objects.using(recorded.alias).get(pk=somebody.pk))
    assert_by_index(plans, at_most=1)


def test_reading_by_email_reads_one_document(recorded: Recorded) -> None:
    plans = recorded.plans_of(lambda: User.objects.using(recorded.alias).get(email="user00007@example.com"))
    assert_by_index(plans, at_most=1)


def test_the_newest_page_reads_one_page(recorded: Recorded) -> None:
    page = newest(recorded)[:51]
    assert_by_index(recorded.plans_of(lambda: list(page)), at_most=51)


def test_the_page_after_a_cursor_reads_one_page(recorded: Recorded) -> None:
    cursor = newest(recorded)[50].id
    page = newest(recorded, id__lt=cursor)[:51]
    assert_by_index(recorded.plans_of(lambda: list(page)), at_most=51)


def test_the_newest_page_of_a_category_reads_one_page(recorded: Recorded) -> None:
    page = newest(recorded, category="general")[:51]
    assert_by_index(recorded.plans_of(lambda: list(page)), at_most=51)


def test_a_page_of_some_columns_reads_one_page(recorded: Recorded) -> None:
    page = newest(recorded).values_list("filename", "size_bytes")[:51]
    assert_by_index(recorded.plans_of(lambda: list(page)), at_most=51)


def test_a_filtered_count_reads_no_document(recorded: Recorded) -> None:
    wanted = newest(recorded)
    assert_by_index(recorded.plans_of(wanted.count), at_most=0)


def test_what_is_asked_most_needs_no_operator_that_documentdb_lacks(recorded: Recorded) -> None:
    wanted = newest(recorded)
    joined = Upload.objects.using(recorded.alias).select_related("owner").order_by("-id")[:PAGE]
    for action in (wanted.count, wanted.exists, lambda: list(wanted[:51]), lambda: list(joined)):
        (command,) = recorded.sent_by(action)
        assert not {"$facet", "$getField", "$addFields", "$expr"} & operators(command["pipeline"])
        assert all("pipeline" not in stage.get("$lookup", {}) for stage in command["pipeline"])


def test_whether_there_are_any_reads_at_most_one_document(recorded: Recorded) -> None:
    wanted = newest(recorded)
    assert_by_index(recorded.plans_of(wanted.exists), at_most=1)


def test_an_admin_page_reads_one_page(recorded: Recorded) -> None:
    page = User.objects.using(recorded.alias).order_by("-id")[:PAGE]
    assert_by_index(recorded.plans_of(lambda: list(page)), at_most=PAGE)


def test_an_admin_page_with_its_owners_reads_one_page(recorded: Recorded) -> None:
    page = Upload.objects.using(recorded.alias).select_related("owner").order_by("-id")[:PAGE]
    plans = recorded.plans_of(lambda: list(page))
    assert_by_index(plans, at_most=2 * PAGE)  # a page of uploads, and the owner of each
    assert len(plans) == 1


def test_a_conditional_update_by_key_reads_one_document(recorded: Recorded) -> None:
    somebody = User.objects.using(recorded.alias).get(email="user00005@example.com")
    wanted = User.objects.using(recorded.alias).filter(pk=somebody.pk, is_active=True)
    assert_by_index(recorded.plans_of(lambda: wanted.update(name="Eve")), at_most=1)


def test_a_unique_index_has_no_condition(db: None) -> None:
    indexes = collection_of(User).index_information().values()
    (on_email,) = [index for index in indexes if index["key"] == [("email", 1)]]
    assert on_email["unique"]
    assert "partialFilterExpression" not in on_email
