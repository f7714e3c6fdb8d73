"""The connection: one client a process, bounded commits, and Django's errors."""

import contextlib
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

import pymongo
from bson import Decimal128, ObjectId
from django.db.backends.utils import debug_transaction
from django_mongodb_backend import base
from pymongo.errors import PyMongoError

from nocturnal_project.mongodb.commit import commit
from nocturnal_project.mongodb.errors import translated
from nocturnal_project.mongodb.introspection import DatabaseIntrospection
from nocturnal_project.mongodb.operations import DatabaseOperations, LoggedOperations
from nocturnal_project.mongodb.schema import DatabaseSchemaEditor

_ABORT_SECONDS = 0.5
_SCALARS = (str, int, float, datetime, bytes, ObjectId, Decimal128)

Operator = Callable[[str, Any], dict[str, Any]]


def _null(field: str, is_null: bool) -> dict[str, Any]:
    """Match null, or not null, in the one form that has tight index bounds.

    To MongoDB ``{field: null}`` is null *or missing*, so the parent's ``$or`` with ``$exists`` says
    nothing more and keeps the planner from an index.
    """
    return {field: None} if is_null else {field: {"$ne": None}}


def _below(operator: str, parent: Operator) -> Operator:
    """Compare with a plain value without the parent's "and is not null".

    A comparison matches only values of the same type, so null never passes; without the extra
    conditions a page and its count are read from the index alone.
    """
    return lambda field, value: {field: {operator: value}} if isinstance(value, _SCALARS) else parent(field, value)


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's way to MongoDB. The client, with its pool, is shared by the whole process."""

    SchemaEditorClass = DatabaseSchemaEditor
    ops_class = DatabaseOperations
    introspection_class = DatabaseIntrospection
    mongo_operators: ClassVar[dict[str, Any]] = {
        **base.DatabaseWrapper.mongo_operators,
        "isnull": _null,
        "lt": _below("$lt", base.DatabaseWrapper.mongo_operators["lt"]),
        "lte": _below("$lte", base.DatabaseWrapper.mongo_operators["lte"]),
    }
    _client_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Start outside any transaction."""
        super().__init__(*args, **kwargs)
        self.inner_block_failed = False

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return the process's client.

        Under a lock, because the parent lets every thread of a cold start make a client of its own.
        """
        with self._client_lock, translated():
            return super().get_new_connection(conn_params)

    def init_connection_state(self) -> None:
        """Check the server's version, which is the first command sent, with its errors translated."""
        with translated():
            super().init_connection_state()

    def get_collection(self, name: str, **kwargs: Any) -> Any:
        """Return a collection; when queries are logged, ours, which knows what the parent never calls."""
        collection = super().get_collection(name, **kwargs)
        return LoggedOperations(self, collection.wrapped) if self.queries_logged else collection

    def remembered_count(self, name: str) -> int:
        """Return how many documents the server remembers a collection to have, without reading one."""
        with translated():
            return int(super().get_collection(name).estimated_document_count())

    def start_transaction_mongo(self) -> None:
        """Begin, with errors translated."""
        with translated():
            super().start_transaction_mongo()

    def commit_mongo(self) -> None:
        """Commit in bounded time, then run what waited for it.

        The session is given back whatever happens: the parent kept it after a failed commit, and every
        later query of that thread was refused.
        """
        if self.session:
            try:
                with debug_transaction(self, "session.commit_transaction()"):
                    commit(self.session)
            finally:
                self._end_session()
        self.run_and_clear_commit_hooks()

    def rollback_mongo(self) -> None:
        """Abandon the transaction without a word from the server if there is none to be had.

        A server that never hears of it ends the transaction after a minute; waiting for a dead one
        would double the time that the caller waits.
        """
        self.run_on_commit: list[Any] = []
        if self.session:
            try:
                with (
                    contextlib.suppress(PyMongoError),
                    debug_transaction(self, "session.abort_transaction()"),
                    pymongo.timeout(_ABORT_SECONDS),
                ):
                    if self.session.in_transaction:
                        self.session.abort_transaction()
            finally:
                self._end_session()

    def validate_no_atomic_block(self) -> None:
        """Let a transaction end inside Django's own ``atomic``, which means nothing on MongoDB.

        The admin wraps its views in it, and the services they call use ours; the parent would commit,
        and then raise before the callbacks ran.
        """
