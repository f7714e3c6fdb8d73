"""Reading multipart bodies of bounded size."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.http import HttpRequest, UnreadablePostError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser

from nocturnal_project.api import require_bounded_body
from nocturnal_project.errors import BodyTooLarge
from uploads.errors import FileTooLarge
from uploads.metrics import counted
from uploads.storage import telling_when_full

# Boundaries, field names and a category around the file.
_ENVELOPE_BYTES = 64 * 1024


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
            with reading(request):
                return super().parse(stream, media_type, parser_context)
        except BodyTooLarge as error:
            limit = settings.MAX_UPLOAD_BYTES
            raise FileTooLarge(f"A file has at most {limit:,} bytes.", max_bytes=limit) from error
        except TooManyFilesSent as error:
            raise ParseError("Send one file in a request.") from error
        except UnreadablePostError as error:
            raise ParseError("The body ended before it was complete.") from error
