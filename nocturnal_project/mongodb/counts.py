"""Counts and other aggregates of a whole query, without ``$facet``."""

from typing import Any

_COUNT_ANY = {"$cond": {"if": {"$in": [{"$type": {"$literal": True}}, ["missing", "null"]]}, "then": None, "else": 1}}


def without_facet(query: Any, pipeline: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    """Return the stages of an ungrouped aggregate as one ``$group``, or unchanged if they are something else.

    The parent wraps the group in a ``$facet`` so that no document makes one row of nothing; a ``$facet``
    stops the planner from counting in an index. Django itself knows what no row means for an aggregate,
    except where it says ``NotImplemented``: those keep the parent's form.
    """
    if not pipeline or [*map(set, pipeline)] != [{"$facet"}, {"$addFields"}]:
        return pipeline
    annotations = query.annotation_select.values()
    if any(expression.empty_result_set_value is NotImplemented for expression in annotations):
        return pipeline
    stages = pipeline[0]["$facet"].get("group")
    if not stages:
        return pipeline
    group = {name: _simple(value) for name, value in stages[0]["$group"].items()}
    return [{"$group": group}]


def _simple(accumulator: Any) -> Any:
    """Return ``COUNT(*)`` as the sum of ones, which needs no field and so can be counted in an index."""
    return {"$sum": 1} if accumulator == {"$sum": _COUNT_ANY} else accumulator
