"""Reading multipart bodies of bounded size."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.http import HttpRequest, UnreadablePostError
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser

from nocturnal_project.api import require_bounded_body
from nocturnal_project.errors import BodyTooLarge
from uploads.errors import FileTooLarge
from uploads.metrics import counted
from uploads.storage import telling_when_full

# Boundaries, field names and a category around the file.
_ENVELOPE_BYTES = 64 * 1024
_CUT_SHORT = "The body ended before it was complete."
# A boundary has at most 70 characters, Django takes up to 200; a little may follow the last one.
_LONGEST_ENDING = 1024


@contextmanager
def reading(request: HttpRequest) -> Iterator[None]:
    """Read a multipart body; where that fails, no half-read file stays on this machine's disk.

    Raises:
        StorageFull: that disk has no room.
    """
    try:
        with telling_when_full():
            yield
    except Exception:
        for handler in request.upload_handlers:
            with suppress(OSError):  # what cannot be flushed is removed all the same
                handler.upload_interrupted()
        raise


class BoundedMultiPartParser(MultiPartParser):
    """Reads one file: in memory while it is small, on disk above FILE_UPLOAD_MAX_MEMORY_SIZE."""

    @counted
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the fields and the file.

        Raises:
            FileTooLarge: by its Content-Length, before it is read.
            ParseError: cut short, malformed, or with more than one file.
        StorageFull: the disk where a body lies while it is read has no room.
        """
        request = (parser_context or {})["request"]
        try:
            require_bounded_body(request, limit_bytes=settings.MAX_UPLOAD_BYTES + _ENVELOPE_BYTES)
            ending = _Ending(stream)
            with reading(request):
                parsed = super().parse(ending, media_type, parser_context)  # type: ignore[arg-type]  # it only reads
                ending.require_whole(media_type or "", length=request.META.get("CONTENT_LENGTH", ""))
        except BodyTooLarge as error:
            limit = settings.MAX_UPLOAD_BYTES
            raise FileTooLarge(f"A file has at most {limit:,} bytes.", max_bytes=limit) from error
        except TooManyFilesSent as error:
            raise ParseError("Send one file in a request.") from error
        except UnreadablePostError as error:
            raise ParseError(_CUT_SHORT) from error
        return parsed


class _Ending:
    """A body on its way to Django's parser, which says nothing when it ends early and drops the file it ended in."""

    def __init__(self, stream: IO[Any]) -> None:
        self._stream = stream
        self._read_bytes = 0
        self._tail = b""

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        chunk: bytes = self._stream.read(size)
        self._read_bytes += len(chunk)
        self._tail = (self._tail + chunk[-_LONGEST_ENDING:])[-_LONGEST_ENDING:]
        return chunk

    def require_whole(self, media_type: str, *, length: str) -> None:
        """Refuse a body of fewer bytes than its Content-Length, or without its last boundary (RFC 2046, 5.1.1).

        Raises:
            ParseError: it is one.
        """
        _, parameters = parse_header_parameters(media_type)
        closing = f"--{parameters.get('boundary', '')}--".encode("ascii", "replace")
        if str(self._read_bytes) != length.strip() or closing not in self._tail:
            raise ParseError(_CUT_SHORT)
