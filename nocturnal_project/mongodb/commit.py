"""Commits a transaction in bounded time."""

import time
from itertools import chain, repeat
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

from nocturnal_project.mongodb.budget import seconds_left
from nocturnal_project.mongodb.errors import CommitOutcomeUnknown, translated

COMMIT_SECONDS = 5.0
_FIRST_PAUSES = (0.0, 0.01, 0.05)
_PAUSE = 0.2


def commit(session: Any) -> None:
    """Commit, and send the commit again while its outcome is unknown and the request has time left.

    Sending a commit again is safe: the server knows the transaction by its number. The block itself is
    never run again here; a conflict is the caller's to answer.

    Raises:
        CommitOutcomeUnknown: no answer in time; it may have happened.
        OperationalError: refused; it did not happen.
    """
    seconds = seconds_left(COMMIT_SECONDS)
    deadline = time.monotonic() + seconds
    with translated(), pymongo.timeout(seconds):
        for pause in chain(_FIRST_PAUSES, repeat(_PAUSE)):
            try:
                session.commit_transaction()
            except PyMongoError as error:
                if not error.has_error_label("UnknownTransactionCommitResult"):
                    raise
                if time.monotonic() + pause >= deadline:
                    raise CommitOutcomeUnknown("MongoDB did not confirm a commit in time.") from error
            else:
                return
            time.sleep(pause)
