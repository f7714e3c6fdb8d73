"""A transaction block on MongoDB."""

from types import TracebackType

from django.db import transaction
from django.db.transaction import TransactionManagementError
from django_mongodb_backend import transaction as parent


class Atomic(parent.Atomic):
    """The parent's block, whose outer block fails when an inner one did.

    There are no savepoints: the parent committed what an inner block had written before it failed, if the
    caller caught the error.
    """

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit, or abandon everything."""
        connection = transaction.get_connection(self.using)
        if connection.nested_atomics:
            connection.inner_block_failed |= kind is not None
            super().__exit__(kind, error, trace)
            return
        doomed, connection.inner_block_failed = connection.inner_block_failed, False
        if kind is None and doomed:
            refusal = TransactionManagementError(
                "An inner block failed and MongoDB has no savepoints, so the outer block is rolled back: "
                "let the error leave the outer block."
            )
            super().__exit__(type(refusal), refusal, None)
            raise refusal
        super().__exit__(kind, error, trace)
