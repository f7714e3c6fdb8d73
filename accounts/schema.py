"""How the account endpoints look in the OpenAPI description."""

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from accounts.serializers import (
    LoginRequest,
    ProfileRequest,
    RefreshRequest,
    RegisterRequest,
    SecurityEventAnswer,
    TokenAnswer,
    UserAnswer,
)
from nocturnal_project.api import PageRequest
from nocturnal_project.openapi import BAD_CURSOR, IDEMPOTENCY_KEY, problem_answer

_USER = {
    "id": "019b2c3d-4e5f-7a6b-8c7d-9e0f1a2b3c4d",
    "email": "alice@example.com",
    "name": "Alice",
    "created_at": "2026-01-02T03:04:05.678Z",
}
_TOKENS = OpenApiExample(
    "signed in",
    value={
        "access_token": "eyJhbGciOiJIUzI1NiIs…",
        "token_type": "Bearer",
        "expires_in": 600,
        "expires_at": "2026-01-02T03:14:05.678Z",
        "refresh_token": "019b2c3d4e5f….0:q1w2e3…",
        "device_token": "5b6c7d….1a2b3c…:1tYx…",
        "user": _USER,
    },
    response_only=True,
)
_CREDENTIALS = OpenApiExample(
    "credentials", value={"email": "alice@example.com", "password": "correct horse battery staple"}, request_only=True
)
_REFRESH_TOKEN = OpenApiExample("token", value={"refresh_token": "019b2c3d4e5f….0:q1w2e3…"}, request_only=True)
_BAD_REFRESH = problem_answer(401, "refresh_token_reused", "The refresh token was used before. Its session was ended.")

_RESET_FIRST = problem_answer(403, "password_reset_required", "The password must be reset before you can sign in.")

register = extend_schema(
    tags=["auth"],
    operation_id="register",
    request=RegisterRequest,
    parameters=[IDEMPOTENCY_KEY],
    responses={
        201: OpenApiResponse(TokenAnswer, description="The account is made and signed in."),
        403: _RESET_FIRST,
        409: problem_answer(409, "email_taken", "This e-mail has an account already."),
    },
    examples=[_CREDENTIALS, _TOKENS],
)
login = extend_schema(
    tags=["auth"],
    operation_id="login",
    request=LoginRequest,
    responses={
        200: TokenAnswer,
        401: problem_answer(401, "invalid_credentials", "The e-mail or the password is wrong."),
        403: _RESET_FIRST,
    },
    examples=[_CREDENTIALS, _TOKENS],
)
refresh = extend_schema(
    tags=["auth"],
    operation_id="refresh",
    request=RefreshRequest,
    responses={200: TokenAnswer, 401: _BAD_REFRESH},
    examples=[_REFRESH_TOKEN, _TOKENS],
)
logout = extend_schema(
    tags=["auth"],
    operation_id="logout",
    request=RefreshRequest,
    parameters=[
        OpenApiParameter(
            "scope", enum=["local", "others", "global"], default="local", description="Which sessions end."
        )
    ],
    responses={204: OpenApiResponse(description="Signed out."), 401: _BAD_REFRESH},
    examples=[_REFRESH_TOKEN],
)
_ME = OpenApiExample("profile", value=_USER, response_only=True)
read_me = extend_schema(tags=["me"], operation_id="read_me", responses=UserAnswer, examples=[_ME])
change_me = extend_schema(
    tags=["me"],
    operation_id="change_me",
    request=ProfileRequest,
    responses=UserAnswer,
    examples=[OpenApiExample("change", value={"name": "Alice"}, request_only=True), _ME],
)
close_me = extend_schema(
    tags=["me"], operation_id="close_me", responses={204: OpenApiResponse(description="The account is gone.")}
)
list_security_events = extend_schema(
    tags=["me"],
    operation_id="list_security_events",
    parameters=[PageRequest],
    responses={200: SecurityEventAnswer(many=True), 422: BAD_CURSOR},
    examples=[
        OpenApiExample(
            "event",
            value={
                "id": "019b2c3d-6f70-7b8c-9d0e-1f2a3b4c5d6e",
                "kind": "sign_in_refused",
                "description": "Sign-in refused: wrong password",
                "at": "2026-01-02T03:04:05.678Z",
                "address": "203.0.113.7",
                "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0",
                "session_id": None,
                "current": False,
            },
            response_only=True,
        )
    ],
)
