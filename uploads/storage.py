"""The one way to the bytes: local files or S3, as configured, through Django's storage API."""

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Protocol, cast

import structlog
from django.core.files import File
from django.core.files.storage import default_storage, storages

from nocturnal_project.errors import NocturnalError, ServiceUnavailable
from uploads.direct_storage import Announced, DirectStorage, Form, Listed, Stored, Unfinished
from uploads.errors import StorageFull
from uploads.signing import Download

_log = structlog.stdlib.get_logger("nocturnal.uploads")
_CHUNK = 256 * 1024
_FULL_SECONDS = 300  # somebody has to make room
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class Storage(DirectStorage, Protocol):
    """What local files and S3 both do."""

    def store(self, name: str, file: IO[bytes], *, sha256: str) -> bool: ...  # noqa: D102
    def open(self, name: str, mode: str = "rb") -> "File[bytes]": ...  # noqa: D102
    def delete(self, name: str) -> None: ...  # noqa: D102
    def exists(self, name: str) -> bool: ...  # noqa: D102
    def signed_url(self, download: Download, *, seconds: int, issued: datetime) -> str: ...  # noqa: D102


_storage = cast("Storage", default_storage)


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
    with answering_for("store"):
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
    with answering_for("remove"):
        _storage.delete(key)


def open_bytes(key: str) -> "File[bytes]":
    """Open the bytes for reading.

    Raises:
        FileNotFoundError: there is nothing under the key.
    """
    return _storage.open(key)


def signed_url(download: Download, *, seconds: int, issued: datetime) -> str:
    """Return a URL that gives out the bytes until ``seconds`` after ``issued``; the same arguments, the same URL."""
    with answering_for("sign"):
        return _storage.signed_url(download, seconds=seconds, issued=issued)


def signed_form(announced: Announced, *, seconds: int) -> Form:
    """Return a form that sends exactly the announced file to the storage, for so long."""
    with answering_for("sign"):
        return _storage.signed_form(announced, seconds=seconds)


def begin_parts(announced: Announced) -> str:
    """Begin a file that comes in parts; return the storage's name for it."""
    with answering_for("begin parts"):
        return _storage.begin_parts(announced)


def signed_part(key: str, multipart_id: str, *, number: int, size_bytes: int, seconds: int) -> str:
    """Return a URL to PUT one part to, of exactly this size, for so long."""
    with answering_for("sign"):
        return _storage.signed_part(key, multipart_id, number=number, size_bytes=size_bytes, seconds=seconds)


def stored_parts(key: str, multipart_id: str) -> dict[int, int]:
    """Return the size of each part that is there, by its number."""
    with answering_for("list parts"):
        return _storage.stored_parts(key, multipart_id)


def join_parts(key: str, multipart_id: str) -> None:
    """Make one file of the parts that are there."""
    with answering_for("join parts"):
        _storage.join_parts(key, multipart_id)


def abort_parts(key: str, multipart_id: str) -> None:
    """Remove every part that is there."""
    with answering_for("abort parts"):
        _storage.abort_parts(key, multipart_id)


def stored(key: str) -> Stored | None:
    """Return what is under the key, or None."""
    with answering_for("look"):
        return _storage.stored(key)


def read_stored(key: str, found: Stored) -> IO[bytes]:
    """Open what is under the key, as long as it is what was found; reading may raise what the storage raises."""
    with answering_for("read"):
        return _storage.read_stored(key, found)


def copy_stored(source: str, target: str, found: Stored) -> None:
    """Copy inside the storage, if the source is still what was found.

    Raises:
        ServiceUnavailable: it is not, or the storage failed; nothing half-copied is left.
    """
    with answering_for("copy"):
        _storage.copy_stored(source, target, found)


def folders(under: str = "") -> list[str]:
    """Return the folders directly under one, each with its ``/``."""
    with answering_for("list"):
        return _storage.folders(under)


def files(folder: str) -> list[Listed]:
    """Return everything under a folder, however deep."""
    with answering_for("list"):
        return list(_storage.files(folder))


def unfinished(folder: str) -> list[Unfinished]:
    """Return the sets of parts under a folder that nobody joined."""
    with answering_for("list parts"):
        return list(_storage.unfinished(folder))


def digest_of(key: str, found: Stored) -> str:
    """Read what is under the key, as long as it is what was found, and return its SHA-256 (hex)."""
    with answering_for("verify"), _storage.read_stored(key, found) as file:
        return digest(file)[0]


def named(alias: str) -> Storage:
    """Return the storage that the settings call so; what it raises is to be answered for by ``answering_for``."""
    return cast("Storage", storages[alias])


@contextmanager
def answering_for(action: str) -> Iterator[None]:
    """Turn what a storage raises into our answer; the libraries behind share no base class but Exception."""
    try:
        with telling_when_full():
            yield
    except NocturnalError:
        raise
    except Exception as error:
        _log.exception("storage failed", action=action)
        raise ServiceUnavailable("The file storage did not answer. Try again shortly.") from error


@contextmanager
def telling_when_full() -> Iterator[None]:
    """Say that a disk has no room, be it the storage's or the one where bodies lie while they are read.

    Raises:
        StorageFull: instead of the OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        _log.exception("no room")
        raise StorageFull("The file storage is full.", retry_after_seconds=_FULL_SECONDS) from error
