"""The one import for transactions, real on every database that the project runs on.

``django.db.transaction.atomic`` does nothing on MongoDB, so nothing here imports it but this module.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, overload

from django.db import transaction

if TYPE_CHECKING:
    from contextlib import _GeneratorContextManager

__all__ = ["atomic", "on_commit", "refusable_write"]

Function = TypeVar("Function", bound=Callable[..., Any])

# Waits for the real commit on both: MongoDB's engine keeps the callbacks of its own atomic.
on_commit = transaction.on_commit


@overload
def atomic(using: Function) -> Function: ...
@overload
def atomic(using: str | None = None) -> "_GeneratorContextManager[None]": ...
def atomic(using: Any = None) -> Any:
    """Run a block, or a decorated function, wholly or not at all.

    MongoDB has no savepoints, so an inner block that fails there dooms the outer one: do not catch
    an error inside a block and carry on. A conflict with another writer is an ``OperationalError``;
    the block is never run twice behind the caller's back. Prefer one conditional ``update()``.
    """
    return _block(None)(using) if callable(using) else _block(using)


@contextmanager
def _block(using: str | None) -> Iterator[None]:
    connection = transaction.get_connection(using)
    if connection.vendor == "mongodb":
        from nocturnal_project.mongodb.transaction import Atomic  # only where its packages are needed

        with Atomic(using):
            yield
    else:
        with transaction.atomic(using):
            yield


@contextmanager
def refusable_write() -> Iterator[None]:
    """Run one write that a constraint may refuse, so that the error can be caught and the work go on.

    In SQL that needs a savepoint where a transaction is open. On MongoDB one write is whole by itself, and in a
    transaction of its own it would meet another's uncommitted row as a conflict instead of a taken key.
    """
    if transaction.get_connection().vendor == "mongodb":
        yield
    else:
        with transaction.atomic():
            yield
