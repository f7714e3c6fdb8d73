"""The one way to the bytes: local files or S3, as configured, through Django's storage API."""

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Protocol, cast

import structlog
from django.core.files import File
from django.core.files.storage import default_storage

from nocturnal_project.errors import ServiceUnavailable
from uploads.errors import StorageFull
from uploads.signing import Download

_log = structlog.stdlib.get_logger("nocturnal.uploads")
_CHUNK = 256 * 1024
_FULL_SECONDS = 300  # somebody has to make room
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class _Storage(Protocol):
    def store(self, name: str, file: IO[bytes], *, sha256: str) -> bool: ...
    def open(self, name: str, mode: str = "rb") -> "File[bytes]": ...
    def delete(self, name: str) -> None: ...
    def exists(self, name: str) -> bool: ...
    def signed_url(self, download: Download, *, seconds: int, issued: datetime) -> str: ...


_storage = cast("_Storage", default_storage)


def digest(file: IO[bytes]) -> tuple[str, int]:
    """Return the SHA-256 (hex) and the size in bytes, reading in chunks; the file is left at its end."""
    file.seek(0)
    hasher, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK):
        hasher.update(chunk)
        size += len(chunk)
    return hasher.hexdigest(), size


def put(key: str, file: IO[bytes], *, sha256: str) -> None:
    """Store the bytes under the key and verify what was stored.

    Raises:
        StorageFull: the disk has no room; nothing is left.
        ServiceUnavailable: the storage failed, or what it stored is not what was sent and was removed.
    """
    file.seek(0)
    with _answering_for("store"):
        verified = _storage.store(key, file, sha256=sha256)
    if not verified:
        remove(key)
        _log.error("stored bytes differ", key=key)
        raise ServiceUnavailable("The file could not be stored faithfully. Try again.")


def remove(key: str) -> None:
    """Remove the bytes; removing what is not there is no error.

    Raises:
        ServiceUnavailable: the storage failed.
    """
    with _answering_for("remove"):
        _storage.delete(key)


def open_bytes(key: str) -> "File[bytes]":
    """Open the bytes for reading.

    Raises:
        FileNotFoundError: there is nothing under the key.
    """
    return _storage.open(key)


def signed_url(download: Download, *, seconds: int, issued: datetime) -> str:
    """Return a URL that gives out the bytes until ``seconds`` after ``issued``; the same arguments, the same URL."""
    with _answering_for("sign"):
        return _storage.signed_url(download, seconds=seconds, issued=issued)


@contextmanager
def _answering_for(action: str) -> Iterator[None]:
    """Turn what a storage raises into our answer; the libraries behind share no base class but Exception."""
    try:
        yield
    except Exception as error:
        _log.exception("storage failed", action=action)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise StorageFull("The file storage is full.", retry_after_seconds=_FULL_SECONDS) from error
        raise ServiceUnavailable("The file storage did not answer. Try again shortly.") from error
