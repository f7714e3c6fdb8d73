"""What Prometheus is told of files: how each try to store one ended."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import DatabaseError
from prometheus_client import Counter

from nocturnal_project.errors import ServiceUnavailable
from uploads.errors import FileInfected, FileRefused, FileTooLarge, StorageQuotaExceeded

_P = ParamSpec("_P")
_R = TypeVar("_R")

_uploads = Counter(
    "nocturnal_uploads_total",
    "Files: ready, infected, refused for what else they are, or failed by storage or database.",
    ("result",),
)
ready, _infected, _refused, _failed = (_uploads.labels(kind) for kind in ("ready", "infected", "refused", "failed"))
_REFUSALS = (FileRefused, FileTooLarge, StorageQuotaExceeded)


def counted(store: Callable[_P, _R]) -> Callable[_P, _R]:
    """Count what ends in a refusal or a failure; what became ready is counted where it does.

    What says only "not yet" or "again" (a repeated key, missing parts) is none of these.
    """

    @wraps(store)
    def counting(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return store(*args, **kwargs)
        except FileInfected:
            _infected.inc()
            raise
        except _REFUSALS:
            _refused.inc()
            raise
        except (ServiceUnavailable, DatabaseError):
            _failed.inc()
            raise

    return counting
