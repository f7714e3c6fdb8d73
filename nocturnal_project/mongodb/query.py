"""The order of a query's stages."""

from typing import Any

from django.db.models.sql.constants import LOUTER
from django_mongodb_backend import query


def pins_one(criteria: dict[str, Any]) -> bool:
    """Tell whether a condition names one key, so that at most one document can match."""
    key = criteria.get("_id", ...)
    if isinstance(key, dict):
        return set(key) == {"$in"} and len(key["$in"]) == 1
    return key is not ... or any(pins_one(part) for part in criteria.get("$and", ()))


def concise_lookup(stage: dict[str, Any]) -> dict[str, Any]:
    """Return a join of two fields without its empty pipeline: the form that every server knows."""
    lookup = stage.get("$lookup")
    if lookup and lookup.get("pipeline") == [] and "localField" in lookup and "let" not in lookup:
        return {"$lookup": {name: value for name, value in lookup.items() if name != "pipeline"}}
    return stage


class MongoQuery(query.MongoQuery):
    """The parent's query; a plain list is matched, sorted and cut before it is joined and projected."""

    lookup_pipeline: list[dict[str, Any]] | None
    project_fields: dict[str, Any] | None

    def delete(self) -> int:
        """Delete; by one key as ``delete_one``, which drivers send again after a lost primary."""
        if self.compiler.subqueries or not pins_one(self.match_mql):
            return int(super().delete())
        result = self.compiler.collection.delete_one(self.match_mql, session=self.compiler.connection.session)
        return int(result.deleted_count)

    def get_pipeline(self) -> list[dict[str, Any]]:
        """Return ``$match, $sort, $skip, $limit``, joins, ``$project`` when that is the same as the parent's order.

        The parent joins first and sorts last, and so reads every document for a page. One difference: a row
        whose target of a NOT NULL foreign key is gone leaves a page one shorter, where the parent would
        fill it from the next.
        """
        if not self._is_plain_list():
            return list(super().get_pipeline())
        joins, self.lookup_pipeline = self.lookup_pipeline, None
        fields, self.project_fields = self.project_fields, None
        try:
            pipeline = list(super().get_pipeline())
        finally:
            self.lookup_pipeline, self.project_fields = joins, fields
        return [*pipeline, *(joins or ()), *([{"$project": fields}] if fields else ())]

    def _is_plain_list(self) -> bool:
        """Tell whether matching, sorting and cutting look at the collection's own, stored fields only."""
        reshaped = (
            self.search_pipeline, self.subqueries, self.aggregation_pipeline, self.combinator_pipeline,
            self.extra_fields, self.subquery_lookup,
        )  # fmt: skip
        return not any(reshaped) and self._sorts_by_own_columns() and self._joins_keep_rows()

    def _sorts_by_own_columns(self) -> bool:
        own = self.compiler.collection_name
        return all(
            getattr(order.expression, "is_simple_column", False) and getattr(order.expression, "alias", None) == own
            for order in self.compiler.order_by_objs or ()
        )

    def _joins_keep_rows(self) -> bool:
        """Tell whether every join is to one row, and no condition looks at a joined one."""
        if not self.lookup_pipeline:
            return True
        joined = [alias for alias, count in self.query.alias_refcount.items() if count]
        joined.remove(self.compiler.collection_name)
        to_one = all(_is_to_one(self.query.alias_map[alias]) for alias in joined)
        return to_one and not _mentions(self.match_mql, tuple(joined))


def _is_to_one(join: Any) -> bool:
    """Tell whether a join neither multiplies rows nor, unless a key dangles, drops any."""
    field = join.join_field
    to_one = field.many_to_one or field.one_to_one
    return bool(to_one and not join.filtered_relation and (join.join_type == LOUTER or not join.nullable))


def _mentions(value: Any, aliases: tuple[str, ...]) -> bool:
    """Tell whether a condition looks at a field of a joined collection, by name or in an expression."""
    if isinstance(value, dict):
        return any(_mentions(key, aliases) or _mentions(part, aliases) for key, part in value.items())
    if isinstance(value, list | tuple):
        return any(_mentions(part, aliases) for part in value)
    return isinstance(value, str) and value.lstrip("$").startswith(tuple(f"{alias}." for alias in aliases))
