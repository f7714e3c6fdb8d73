"""Turns the driver's errors into Django's, so that one handler can answer for every database.

The parent raises ``DatabaseError`` for all of them and lets some through raw; callers need to know which
mean "try again soon" (``OperationalError``, answered with 503).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from django.db.utils import DatabaseError, DataError, IntegrityError, OperationalError
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from nocturnal_project.mongodb.budget import spending
from nocturnal_project.mongodb.metrics import Counted

_DUPLICATE_KEY = 11000
_UNAVAILABLE = (ConnectionFailure, ExecutionTimeout, WTimeoutError, ConfigurationError)
# fmt: off
_UNAVAILABLE_CODES = frozenset({
    6, 7, 89, 9001,                    # the network, as one server sees another
    91, 11600, 11602,                  # shutting down
    189, 10107, 13388, 13435, 13436,   # not the primary (any more), or in recovery
    50, 64, 100, 262,                  # out of time, or too few replicas to be sure
    112, 225, 244, 246, 251, 290,      # a transaction lost to another one, or was ended by the server
    13, 18,                            # may not sign in, or not do this
    14031, 17280,                      # disk full
})
# fmt: on


class CommitOutcomeUnknown(OperationalError):
    """A commit was sent and no answer came in time: it may or may not have happened."""


@contextmanager
def translated() -> Iterator[None]:
    """Run an operation within the request's budget, count it, and let only Django's database errors out.

    Raises: as translated_batches.
    """
    with Counted(), translated_batches(), spending():
        yield


@contextmanager
def translated_batches() -> Iterator[None]:
    """Let only Django's database errors out. Without a budget: between batches the caller does other things.

    Raises:
        OperationalError: the database cannot do it now, and may soon.
        IntegrityError: a unique key is taken.
        DataError: a value cannot be stored.
        DatabaseError: any other refusal; a bug of ours.
    """
    try:
        yield
    except DatabaseError as error:
        if type(error) is not DatabaseError or not isinstance(error.__cause__, PyMongoError):
            raise
        raise translation(error.__cause__) from error.__cause__
    except PyMongoError as error:
        raise translation(error) from error
    except BSONError as error:
        raise DataError(f"MongoDB cannot store a value: {error}") from error


def translation(error: PyMongoError) -> DatabaseError:
    """Return Django's error for one of the driver's."""
    if isinstance(error, DuplicateKeyError) or _DUPLICATE_KEY in _codes(error):
        return IntegrityError("A unique key is taken.")  # the driver's text would show its value
    if (
        isinstance(error, _UNAVAILABLE)
        or error.has_error_label("TransientTransactionError")
        or error.has_error_label("RetryableWriteError")
        or _codes(error) & _UNAVAILABLE_CODES
    ):
        return OperationalError(f"MongoDB is not available: {type(error).__name__}.")
    return DatabaseError(f"MongoDB refused: {type(error).__name__}, code {sorted(_codes(error)) or 'unknown'}.")


def _codes(error: PyMongoError) -> frozenset[int]:
    """Return the server's error codes, with those inside a bulk write and its write concern."""
    if not isinstance(error, OperationFailure):
        return frozenset()
    details = error.details or {}
    inner = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
    if not isinstance(error, BulkWriteError) and "writeConcernError" in details:
        inner.append(details["writeConcernError"])
    return frozenset(code for code in (error.code, *(one.get("code") for one in inner)) if code is not None)
