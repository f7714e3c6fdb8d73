"""The time that one request may spend waiting for the database, all its operations together.

Each operation has the client's limit of five seconds; two slow ones in a row, around an election, would make
a request wait for ten. Only time in the database counts, so that slow files do not spend it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pymongo
from django.core.signals import request_finished, request_started

REQUEST_SECONDS = 5.0
# What an operation has even when nothing is left: enough for a healthy server.
_LEAST_SECONDS = 0.25

# Outside requests (commands, migrations) there is no budget.
_left: ContextVar[float | None] = ContextVar("left", default=None)
_inside: ContextVar[bool] = ContextVar("inside", default=False)


def begin(**_signal: Any) -> None:
    """Give the request that starts on this thread its time."""
    _left.set(REQUEST_SECONDS)


def end(**_signal: Any) -> None:
    """Take the limit off: what else runs on this thread is no request's."""
    _left.set(None)


request_started.connect(begin, dispatch_uid="mongodb.budget")
request_finished.connect(end, dispatch_uid="mongodb.budget")


def seconds_left(at_most: float) -> float:
    """Return how long an operation of this request may take; outside requests, ``at_most``."""
    left = _left.get()
    return at_most if left is None else min(at_most, max(left, _LEAST_SECONDS))


@contextmanager
def spending() -> Iterator[None]:
    """Run an operation within what is left, and take off what it took; an operation inside another counts once."""
    left = _left.get()
    if left is None or _inside.get():
        yield
        return
    inside = _inside.set(True)
    started = time.monotonic()
    try:
        with pymongo.timeout(max(left, _LEAST_SECONDS)):
            yield
    finally:
        _inside.reset(inside)
        _left.set(left - (time.monotonic() - started))
