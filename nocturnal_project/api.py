"""What every API view shares: bounded JSON bodies, one representation, strict input, cursor pages."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from nocturnal_project.errors import BodyTooLarge, InvalidInput

_LONGEST_IDEMPOTENCY_KEY = 255
# An answer never repeats a whole body of nonsense.
_MOST_UNKNOWN_FIELDS = 20


def require_bounded_body(request: HttpRequest, *, limit_bytes: int) -> None:
    """Refuse a body by its Content-Length, before a byte of it is read.

    Raises:
        BodyTooLarge: it says that it is larger than ``limit_bytes``.
    """
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isascii() and length.isdigit() and int(length) > limit_bytes:
        raise BodyTooLarge(f"Send at most {limit_bytes:,} bytes to this endpoint.", max_bytes=limit_bytes)


class BoundedJSONParser(JSONParser):
    """Reads JSON of bounded size and depth that can be stored and sent back as UTF-8."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the data.

        Raises:
            ParseError: malformed, nested beyond reason, not UTF-8, or with half a surrogate pair in a string.
        """
        require_bounded_body((parser_context or {})["request"], limit_bytes=settings.MAX_JSON_BYTES)
        raw = stream.read()
        try:
            data = json.loads(raw.decode(), parse_constant=_refuse_constant)
            if b"\\u" in raw:
                json.dumps(data, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise ParseError("The body is not valid JSON in UTF-8.") from error
        return data


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which JSON does not have (RFC 8259, 6)."""
    raise ValueError(name)


class AlwaysJSON(BaseContentNegotiation):
    """Answers JSON whatever Accept says; RFC 9110 (12.5.1) lets a server do so rather than answer 406."""

    def select_parser(self, request: Request, parsers: list[BaseParser]) -> BaseParser | None:  # type: ignore[override]  # the stub says Iterable
        """Return the parser whose media type the body has, or None (415)."""
        sent = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == sent), None)

    def select_renderer(  # type: ignore[override]  # the stub says Iterable
        self, request: Request, renderers: list[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the first renderer."""
        return renderers[0], renderers[0].media_type or ""


class StrictSerializer(serializers.Serializer[Any]):
    """Input that names nothing but its fields: a misspelt or forbidden one is an error, not silence."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the validated data, or complain of every unknown field."""
        unknown = set(data) - set(self.fields) if isinstance(data, Mapping) else set()
        if unknown:
            raise serializers.ValidationError(
                {
                    name: serializers.ErrorDetail("There is no such field.", code="unknown_field")
                    for name in sorted(unknown)[:_MOST_UNKNOWN_FIELDS]
                }
            )
        return super().to_internal_value(data)


class PageRequest(serializers.Serializer[Any]):
    """How long a page of a list shall be."""

    limit = serializers.IntegerField(min_value=1, max_value=100, default=50, help_text="Results a page.")


def validated_query(kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """Return the query's parameters as the serializer has them; unknown ones are ignored.

    Raises:
        InvalidInput: naming each parameter that is wrong, as ``?name``.
    """
    query = kind(data=request.query_params)
    if not query.is_valid():
        errors = [
            {"pointer": f"?{name}", "code": str(error.code), "detail": str(error)}
            for name, found in query.errors.items()
            for error in found
        ]
        raise InvalidInput("The query is not valid; see errors.", errors=errors)
    return dict(query.validated_data)


def idempotency_key(request: Request) -> str:
    """Return the Idempotency-Key of a request (draft-ietf-httpapi-idempotency-key-header), or an empty string.

    Raises:
        InvalidInput: it is longer than 255 characters or has unprintable ones.
    """
    key: str = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > _LONGEST_IDEMPOTENCY_KEY or not key.isprintable():
        detail = f"Use at most {_LONGEST_IDEMPOTENCY_KEY} printable characters as Idempotency-Key."
        raise InvalidInput.at("#Idempotency-Key", code="invalid_header", detail=detail)
    return key
