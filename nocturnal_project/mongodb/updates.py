"""Updates as documents of operators rather than pipelines."""

from __future__ import annotations

from typing import Any

from django.db.models import Field, FloatField, IntegerField

_SIGN = {"$add": 1, "$subtract": -1}
_UNKNOWN = object()


def as_document(pipeline: list[dict[str, Any]], fields: dict[str, Field[Any, Any]]) -> dict[str, Any] | None:
    """Return ``{$set, $inc}`` for a pipeline of constants and increments, or None if it has anything else."""
    document: dict[str, dict[str, Any]] = {}
    for column, expression in pipeline[0]["$set"].items():
        constant = _constant(expression)
        if constant is not _UNKNOWN:
            document.setdefault("$set", {})[column] = constant
        elif (amount := _increment(column, expression, fields[column])) is not None:
            document.setdefault("$inc", {})[column] = amount
        else:
            return None
    return document


def _constant(expression: Any) -> Any:
    if isinstance(expression, dict) and set(expression) == {"$literal"}:
        return expression["$literal"]
    # A bare string names a field; dicts and lists are expressions.
    return _UNKNOWN if isinstance(expression, str | dict | list | tuple) else expression


def _increment(column: str, expression: Any, field: Field[Any, Any]) -> int | float | None:
    """Return by how much a field is to grow, or None.

    Only whole numbers and floats, because ``$inc`` and ``$add`` differ for nothing else, and only columns
    that are never null, because ``$inc`` refuses null where ``$add`` keeps it.
    """
    if field.null or not isinstance(field, IntegerField | FloatField):
        return None
    if not isinstance(expression, dict) or len(expression) != 1:
        return None
    ((operator, operands),) = expression.items()
    if operator not in _SIGN:
        return None
    grown, by = operands
    if operator == "$add" and by == f"${column}":
        grown, by = by, grown
    amount = _constant(by)
    if grown != f"${column}" or isinstance(amount, bool) or not isinstance(amount, int | float):
        return None
    return _SIGN[operator] * amount
