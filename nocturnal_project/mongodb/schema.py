"""Makes collections and indexes."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import pymongo
from django.db.models import Field, Index, Model, UniqueConstraint
from django_mongodb_backend import schema

from nocturnal_project.mongodb.errors import translated

# Building an index on a large collection takes minutes; the clients' time limit is for requests.
_MIGRATION_SECONDS = 3600.0


class PlainUniqueIndex(Index):
    """A unique index on every document, where the parent's are partial on ``$type``.

    A partial index serves only a query that repeats its condition, and equality never does, so the
    parent's unique columns were scanned. The cost: a document *without* the field counts as null.
    """

    def get_pymongo_index_model(self, *args: Any, **kwargs: Any) -> Any:
        """Return the parent's index without its condition."""
        index = super().get_pymongo_index_model(*args, **kwargs)  # type: ignore[misc]  # the parent adds it to Index
        index.document.pop("partialFilterExpression", None)
        return index


class PlainSet:
    """A collection whose "set this on all" is a plain ``$set``.

    The parent sends a pipeline, which takes a default that begins with ``$`` for a field's name, and which
    DocumentDB may not take at all.
    """

    def __init__(self, collection: Any) -> None:
        """Stand before a collection."""
        self._collection = collection

    def __getattr__(self, name: str) -> Any:
        """Pass everything else on."""
        return getattr(self._collection, name)

    def update_many(self, criteria: Any, update: Any, **kwargs: Any) -> Any:
        """Update, with a pipeline of one ``$set`` unwrapped."""
        if isinstance(update, list) and len(update) == 1 and set(update[0]) == {"$set"}:
            update = update[0]
        return self._collection.update_many(criteria, update, **kwargs)


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """The parent's editor with unique indexes that equality can use."""

    def __enter__(self) -> Self:
        """Give each operation of a migration an hour, and let only Django's errors out."""
        self._scope = ExitStack()
        self._scope.enter_context(translated())
        self._scope.enter_context(pymongo.timeout(_MIGRATION_SECONDS))
        super().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Run what was deferred, and end the hour."""
        self._scope.push(super().__exit__)
        self._scope.__exit__(kind, error, trace)

    def get_collection(self, name: str) -> Any:
        """Return a collection whose updates of everything are plain."""
        return PlainSet(super().get_collection(name))

    def add_index(
        self,
        model: type[Model],
        index: Index,
        *,
        field: Field[Any, Any] | None = None,
        unique: bool = False,
        column_prefix: str = "",
        parent_model: type[Model] | None = None,
    ) -> None:
        """Add an index; a unique one without a condition of its own is plain when no column may be null."""
        fields = [field] if field else [model._meta.get_field(name) for name, _ in index.fields_orders]  # noqa: SLF001  Django's documented name
        nullable = any(one.null for one in fields)
        if unique and not nullable and not index.condition and not column_prefix:
            index = PlainUniqueIndex(fields=[one.name for one in fields], name=index.name)
        super().add_index(
            model, index, field=field, unique=unique, column_prefix=column_prefix, parent_model=parent_model
        )

    def _alter_field(self, model: type[Model], old_field: Any, new_field: Any, *args: Any, **kwargs: Any) -> None:
        """Alter a field, and make its unique indexes again when it becomes, or ceases to be, nullable.

        The parent's index is the same in both cases; ours is not, and a plain one would refuse the second null.
        """
        rebuild = old_field.null != new_field.null and old_field.column == new_field.column
        both_unique = self._field_should_have_unique(old_field) and self._field_should_have_unique(new_field)
        if rebuild and both_unique:
            self._remove_field_unique(model, old_field)
        super()._alter_field(model, old_field, new_field, *args, **kwargs)
        if rebuild and both_unique:
            self._add_field_unique(model, new_field)
        if rebuild:
            self._rebuild_composed(new_field)

    def _rebuild_composed(self, field: Any) -> None:
        """Make every composed unique index over a field again, as the new model has it."""
        model = field.model
        for names in model._meta.unique_together:  # noqa: SLF001  Django's documented name
            if field.name in names:
                self.alter_unique_together(model, [names], [])
                self.alter_unique_together(model, [], [names])
        for constraint in model._meta.constraints:  # noqa: SLF001  Django's documented name
            if isinstance(constraint, UniqueConstraint) and field.name in constraint.fields:
                self.remove_constraint(model, constraint)
                self.add_constraint(model, constraint)
