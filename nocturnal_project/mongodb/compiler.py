"""Compilers: the parent's, with plans that use indexes and commands that DocumentDB knows.

Django looks the classes up here by name. The work is in `query.py` (the order of the stages), `counts.py`
and `updates.py`.
"""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import NotSupportedError
from django.db.models.sql import DeleteQuery, Query
from django.db.models.sql.constants import GET_ITERATOR_CHUNK_SIZE, MULTI, SINGLE
from django_mongodb_backend import compiler

from nocturnal_project.mongodb.counts import without_facet
from nocturnal_project.mongodb.errors import translated, translated_batches
from nocturnal_project.mongodb.query import MongoQuery, concise_lookup, pins_one
from nocturnal_project.mongodb.updates import as_document

__all__ = [
    "SQLAggregateCompiler",
    "SQLCompiler",
    "SQLDeleteCompiler",
    "SQLInsertCompiler",
    "SQLUpdateCompiler",
]


class SQLCompiler(compiler.SQLCompiler):
    """Reads."""

    query_class = MongoQuery

    def execute_sql(
        self, result_type: str = MULTI, chunked_fetch: bool = False, chunk_size: int = GET_ITERATOR_CHUNK_SIZE
    ) -> Any:
        """Run the query, with errors translated; the parent leaves those of later batches raw."""
        self.one_row = result_type == SINGLE
        with translated():
            return super().execute_sql(result_type, chunked_fetch, chunk_size)

    def cursor_iter(self, cursor: Any, chunk_size: int, columns: Any) -> Iterator[Any]:
        """Yield chunks, with the errors of fetching them translated."""
        with translated_batches():
            yield from super().cursor_iter(cursor, chunk_size, columns)

    def build_query(self, columns: Any = None) -> Any:
        """Return the parent's query, of one row without its ``$facet``."""
        self._whole_documents = columns is None
        query = super().build_query(columns)
        if getattr(self, "one_row", False):
            query.aggregation_pipeline = without_facet(self.query, query.aggregation_pipeline)
        return query

    def _get_ordering(self) -> Any:
        """Return the parent's ordering without the fields that are already where the sort looks for them.

        The parent copies each field it sorts by onto itself (``$addFields: {x: "$x"}``), after which no
        index is known to be in order. Queries that reshape their documents before sorting keep the copies.
        """
        fields, ordering, extra_fields = super()._get_ordering()
        reshaped = self.aggregation_pipeline or self.query.distinct or self.query.combinator
        if self._whole_documents and not reshaped:
            fields = tuple((name, expression) for name, expression in fields if name not in self._own_columns())
        return fields, ordering, extra_fields

    def _own_columns(self) -> frozenset[str]:
        """Return the names of the plain columns that the query sorts by."""
        return frozenset(
            order.expression.target.column
            for order in self.order_by_objs or ()
            if getattr(order.expression, "is_simple_column", False) and hasattr(order.expression, "target")
        )

    def _get_pushable_conditions(self) -> dict[str, Any]:
        """Push no condition into a join.

        The server does it itself for ``$lookup``, ``$unwind``, ``$match``, and a ``$lookup`` with both a
        field and a pipeline is not known to every server. What is matched afterwards stays the same.
        """
        return {}

    def get_lookup_pipeline(self) -> list[dict[str, Any]]:
        """Return the joins in their plain form where they have nothing but a pair of fields."""
        return [concise_lookup(stage) for stage in super().get_lookup_pipeline()]


class SQLInsertCompiler(SQLCompiler, compiler.SQLInsertCompiler):
    """Inserts."""

    def execute_sql(self, returning_fields: Any = None) -> Any:  # type: ignore[override]  # as in the parent
        """Insert, with errors translated."""
        with translated():
            return compiler.SQLInsertCompiler.execute_sql(self, returning_fields)


class SQLDeleteCompiler(compiler.SQLDeleteCompiler, SQLCompiler):
    """Deletes."""

    def execute_sql(self, result_type: str = MULTI) -> Any:  # type: ignore[override]  # as in the parent
        """Delete, with errors translated; what joins or asks another collection goes in two steps."""
        with translated():
            if not self.single_alias:
                return self._delete_by_keys()
            try:
                query = self.build_query()
            except EmptyResultSet:
                return 0
            return self._delete_by_keys() if self.subqueries else query.delete()

    def _delete_by_keys(self) -> int:
        """Read the keys, then delete them; the parent refuses, and with it the admin's "delete selected".

        Not one step: a row that stops matching in between is deleted all the same.
        """
        reading = self.query.clone()
        reading.__class__ = Query
        reading.clear_select_clause()
        reading.select = (self.query.model._meta.pk.get_col(reading.get_initial_alias()),)  # noqa: SLF001  Django's documented name
        keys = [key for (key,) in reading.get_compiler(self.using, self.connection).results_iter()]
        return int(DeleteQuery(self.query.model).delete_batch(list(dict.fromkeys(keys)), self.using))


class SQLUpdateCompiler(compiler.SQLUpdateCompiler, SQLCompiler):
    """Updates."""

    def execute_sql(self, result_type: str) -> Any:  # type: ignore[override]  # as in the parent
        """Update, with errors translated."""
        with translated():
            return compiler.SQLUpdateCompiler.execute_sql(self, result_type)

    def update(self, criteria: dict[str, Any], pipeline: list[dict[str, Any]]) -> int:
        """Send plain values and increments as ``$set`` and ``$inc``; a pipeline is for what needs one.

        An update of one document by key goes as ``update_one``, which drivers send again after a lost
        primary; they never do that for ``update_many``, so ``save()`` failed with every election.
        """
        if self.subqueries:
            raise NotSupportedError(
                "MongoDB cannot update by a subquery: read the keys first, then filter(pk__in=keys)."
            )
        fields = {field.column: field for field, _, _ in self.query.values}
        change = as_document(pipeline, fields) or pipeline
        update = self.collection.update_one if pins_one(criteria) else self.collection.update_many
        result = update(criteria, change, session=self.connection.session)
        return int(result.matched_count)


class SQLAggregateCompiler(SQLCompiler, compiler.SQLAggregateCompiler):
    """Aggregates over a subquery."""

    def build_query(self, columns: Any = None) -> Any:
        """Return the parent's query without its ``$facet``; the inner query keeps our order of stages."""
        query = compiler.SQLAggregateCompiler.build_query(self, columns)
        query.aggregation_pipeline = without_facet(self.query, query.aggregation_pipeline)
        return query
