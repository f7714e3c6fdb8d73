"""The OpenAPI description: what every operation shares is said once, here."""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

PROBLEM_MEDIA_TYPE = "application/problem+json"

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    description="Any string of up to 255 characters that you have not used before. A repeated request with the same "
    "key is answered with the first one's result instead of making a second.",
)


class InputErrorSerializer(serializers.Serializer[Any]):
    """One place in the input that is wrong."""

    pointer = serializers.CharField(help_text="A JSON Pointer into the body, or ?name for a query parameter.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """What went wrong (RFC 9457). Programs look at code."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
    errors = InputErrorSerializer(many=True, required=False)  # type: ignore[assignment]  # a field named as a property


def problem_answer(status: int, code: str, title: str, **facts: Any) -> OpenApiResponse:
    """Describe an error answer, with an example."""
    value = {
        "type": f"urn:nocturnal:problem:{code}",
        "title": title,
        "status": status,
        "detail": title,
        "instance": "/api/v1/…",
        "code": code,
        "request_id": "7d9f4c1e8b2a4f0e9c3d5a6b7c8d9e0f",
        **facts,
    }
    example = OpenApiExample(code, value=value, media_type=PROBLEM_MEDIA_TYPE, status_codes=[str(status)])
    return OpenApiResponse(ProblemSerializer, description=title, examples=[example])


BAD_CURSOR = problem_answer(
    422,
    "invalid_input",
    "The cursor is none of ours. Start without one.",
    errors=[{"pointer": "?cursor", "code": "invalid_cursor", "detail": "The cursor is none of ours."}],
)
_SIGN_IN_FIRST = problem_answer(401, "authentication_required", "Authentication credentials were not provided.")
_LIMITED = problem_answer(
    429,
    "rate_limited",
    "Too many requests.",
    **{
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "violated-policies": ["api"],
        "retry_after_seconds": 123,
    },
)
_INVALID = problem_answer(
    422,
    "invalid_input",
    "The input is not valid.",
    errors=[{"pointer": "#/email", "code": "invalid", "detail": "Enter a valid email address."}],
)
_MALFORMED = problem_answer(400, "malformed_request", "The body is not valid JSON in UTF-8.")
_UNAVAILABLE = problem_answer(503, "service_unavailable", "A system behind this service is not available.")


class NocturnalSchema(AutoSchema):
    """Adds to every operation the failures that all of them share, as problem+json."""

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        """Return the operation's own answers with the shared ones behind them.

        Not get_response_serializers: extend_schema puts its own in place of that.
        """
        own = super()._get_response_bodies(direction)
        shared = {
            str(status): self._get_response_for_code(answer, str(status), direction=direction)
            for status, answer in self._shared_answers()
        }
        return dict(sorted({**shared, **own}.items()))

    def _shared_answers(self) -> Iterator[tuple[int, OpenApiResponse]]:
        if not self.path.startswith("/api/v1/"):
            return
        if {} not in self.get_auth():
            yield 401, _SIGN_IN_FIRST
        if self.method in ("POST", "PATCH", "PUT"):
            yield 400, _MALFORMED
            yield 422, _INVALID
        yield 429, _LIMITED
        yield 503, _UNAVAILABLE

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: list[str] | None = None, direction: str = "response"
    ) -> Any:
        if int(status_code) >= 400 and self.path.startswith("/api/v1/"):  # noqa: PLR2004  every failure
            media_types = [PROBLEM_MEDIA_TYPE]
        return super()._get_response_for_code(  # type: ignore[no-untyped-call]  # untyped parent
            serializer, status_code, media_types, direction
        )


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself; untyped
    """Describes our tokens."""

    target_class = "accounts.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """Return the scheme: a JWT from any token answer."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The access_token of a token answer.",
        }
