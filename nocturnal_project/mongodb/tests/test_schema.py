"""Migrations make the indexes that the plans need, on both databases from the same files."""

from collections.abc import Iterator
from io import StringIO
from typing import Any, ClassVar

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, models
from django.db.migrations.loader import MigrationLoader

from accounts.models import Session
from nocturnal_project.mongodb.tests.rows import collection_of


class Thing(models.Model):
    """A row for these tests alone."""

    code = models.CharField(max_length=10, unique=True)
    place = models.CharField(max_length=10, default="a")
    shelf = models.CharField(max_length=10, default="b")

    objects: ClassVar[models.Manager["Thing"]] = models.Manager()

    class Meta:
        """Composed uniqueness in its newer form."""

        app_label = "schema_tests"
        managed = True
        constraints = (models.UniqueConstraint(fields=["place", "shelf"], name="thing_place_shelf"),)

    def __str__(self) -> str:
        """Return the code."""
        return self.code


@pytest.fixture
def things(db: None) -> Iterator[type[Thing]]:
    """A collection for the test."""
    with connection.schema_editor() as editor:
        editor.create_model(Thing)
    yield Thing
    with connection.schema_editor() as editor:
        editor.delete_model(Thing)


def conditions() -> dict[str, bool]:
    """Tell of each unique index whether it is partial."""
    indexes = collection_of(Thing).index_information().values()
    return {index["key"][0][0]: "partialFilterExpression" in index for index in indexes if index.get("unique")}


def field_of(null: bool) -> Any:
    """Return the field ``code``, nullable or not, as a migration would have it."""
    field: Any = models.CharField(max_length=10, unique=True, null=null, default="x")
    field.set_attributes_from_name("code")
    field.model = Thing
    return field


def test_unique_columns_that_are_never_null_have_plain_indexes(things: type[Thing]) -> None:
    assert conditions() == {"code": False, "place": False}
    things.objects.create(code="a")
    with pytest.raises(IntegrityError):
        things.objects.create(code="a", place="other")
    with pytest.raises(IntegrityError):
        things.objects.create(code="b")


def test_a_unique_column_that_becomes_nullable_takes_many_nulls_and_back_again(things: type[Thing]) -> None:
    with connection.schema_editor() as editor:
        editor.alter_field(things, field_of(null=False), field_of(null=True))
    assert conditions()["code"]
    collection = collection_of(things)
    collection.insert_many([{"code": None, "place": place} for place in "xy"])
    collection.delete_many({})
    with connection.schema_editor() as editor:
        editor.alter_field(things, field_of(null=True), field_of(null=False))
    assert not conditions()["code"]


def test_a_new_column_gets_its_default_as_it_is_written(things: type[Thing]) -> None:
    things.objects.create(code="a")
    field: Any = models.CharField(max_length=10, default="$code")
    field.set_attributes_from_name("price")
    field.model = things
    with connection.schema_editor() as editor:
        editor.add_field(things, field)
    assert collection_of(things).find_one()["price"] == "$code"


def test_the_migrations_are_complete_and_all_applied(db: None) -> None:
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())
    plan = StringIO()
    call_command("migrate", "--check", stdout=plan)


def test_stock_names_of_migrations_resolve(db: None) -> None:
    graph = MigrationLoader(connection).graph
    accounts = next(node for node in graph.leaf_nodes() if node[0] == "accounts")
    assert {app for app, _ in graph.forwards_plan(accounts)} >= {"auth", "contenttypes", "accounts"}


def test_the_server_itself_removes_sessions_a_week_after_they_ran_out(db: None) -> None:
    index = collection_of(Session).index_information()["session_expiry"]

    assert index["key"] == [("expires_at", 1)]
    assert index["expireAfterSeconds"] == 7 * 24 * 60 * 60


def test_an_index_that_expires_rows_can_be_removed_and_made_again(db: None) -> None:
    (index,) = [index for index in Session._meta.indexes if index.name == "session_expiry"]
    with connection.schema_editor() as editor:
        editor.remove_index(Session, index)
    gone = "session_expiry" not in collection_of(Session).index_information()
    with connection.schema_editor() as editor:
        editor.add_index(Session, index)

    assert gone
    assert "expireAfterSeconds" in collection_of(Session).index_information()["session_expiry"]
