"""Asking ClamAV about a file, where there is one: clamd's INSTREAM command (clamd(8)), chunks behind their lengths.

It fails closed: with CLAMAV_HOST set, a file that was not found clean is not kept, whatever the reason.
"""

import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO

import structlog
from django.conf import settings

from nocturnal_project.errors import ServiceUnavailable
from uploads.errors import FileInfected, FileNotScannable
from uploads.structure.walk import size_of

_log = structlog.stdlib.get_logger("nocturnal.uploads")
_CHUNK = 128 * 1024
_LONGEST_REPLY = 4096
# A scanner that is slower than this counts as gone: with the three seconds that it has anyway, 10 MB take under four.
_LEAST_BYTES_PER_SECOND = 20 * 1024 * 1024
_FOUND = re.compile(r"^stream: (.+) FOUND$")


def require_clean(file: IO[bytes], *, between_chunks: Callable[[], None] = lambda: None) -> None:
    """Return when the scanner finds nothing in the file, or when no scanner is configured.

    Raises:
        FileInfected: it found something.
        FileNotScannable: the file is larger than the scanner takes.
        ServiceUnavailable: it is away, too slow, or cannot say.
    """
    if not settings.CLAMAV_HOST:
        return
    deadline = time.monotonic() + settings.CLAMAV_TIMEOUT_SECONDS + size_of(file) / _LEAST_BYTES_PER_SECOND
    try:
        with _connected(deadline) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):  # it has answered before the end: that it is too long
                _send(connection, file, deadline, between_chunks)
            reply = _reply(connection, deadline)
    except OSError as error:
        _log.error("scanner unavailable", error=type(error).__name__)
        raise ServiceUnavailable("The virus scanner did not answer in time. Try again shortly.") from error
    _judge(reply)


def _judge(reply: str) -> None:
    if reply == "stream: OK":
        return
    if found := _FOUND.match(reply):
        _log.warning("infected file refused", signature=found[1])
        raise FileInfected(f"The virus scanner found {found[1]}.", signature=found[1])
    if "size limit exceeded" in reply:
        raise FileNotScannable("The file is larger than the virus scanner takes.")
    _log.error("scanner failed", reply=reply[:200])
    raise ServiceUnavailable("The virus scanner could not look at the file. Try again shortly.")


def _connected(deadline: float) -> socket.socket:
    if settings.CLAMAV_HOST.startswith("/"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_left(deadline))
        try:
            connection.connect(settings.CLAMAV_HOST)
        except OSError:
            connection.close()
            raise
        return connection
    host, _, port = settings.CLAMAV_HOST.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=_left(deadline))


def _send(connection: socket.socket, file: IO[bytes], deadline: float, between_chunks: Callable[[], None]) -> None:
    file.seek(0)
    connection.sendall(b"zINSTREAM\0")
    while chunk := file.read(_CHUNK):
        connection.settimeout(_left(deadline))
        connection.sendall(len(chunk).to_bytes(4, "big") + chunk)
        between_chunks()
    connection.sendall(bytes(4))


def _reply(connection: socket.socket, deadline: float) -> str:
    reply = b""
    while not reply.endswith(b"\0") and len(reply) < _LONGEST_REPLY:
        connection.settimeout(_left(deadline))
        some = connection.recv(_LONGEST_REPLY)
        if not some:
            raise ConnectionError("The scanner hung up.")
        reply += some
    return reply.rstrip(b"\0").decode("utf-8", "replace")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
