"""How the account endpoints look in the OpenAPI description."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from accounts.serializers import (
    EmailVerifyRequest,
    LoginRequest,
    MailAnswer,
    PasswordChangeRequest,
    PasswordResetConfirmRequest,
    PasswordResetRequest,
    ProfileRequest,
    RefreshRequest,
    RegisterRequest,
    SessionAnswer,
    TokenAnswer,
    UserAnswer,
)
from nocturnal_project.openapi import IDEMPOTENCY_KEY, problem_answer

_USER = {
    "id": "019b2c3d-4e5f-7a6b-8c7d-9e0f1a2b3c4d",
    "email": "alice@example.com",
    "email_verified": True,
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

register = extend_schema(
    tags=["auth"],
    operation_id="register",
    request=RegisterRequest,
    parameters=[IDEMPOTENCY_KEY],
    responses={
        201: OpenApiResponse(TokenAnswer, description="The account is made and signed in."),
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

_CHOSEN = "seven lanterns at midnight"
_LINK_INVALID = problem_answer(403, "link_invalid", "The link was used, altered or has expired. Ask for a new one.")
_MAIL = OpenApiExample(
    "always",
    value={"detail": "If the e-mail has an account, a mail is on its way."},
    response_only=True,
    status_codes=["202"],
)
_EMAIL = OpenApiExample("e-mail", value={"email": "alice@example.com"}, request_only=True)
_FROM_THE_LINK = "019b2c3d4e5f….1767323045.5f2a…:q1w2e3…"
change_password = extend_schema(
    tags=["auth"],
    operation_id="change_password",
    request=PasswordChangeRequest,
    responses={
        204: OpenApiResponse(description="Changed. Every other session is ended, and the owner is told by mail."),
        422: problem_answer(
            422,
            "wrong_password",
            "The current password is wrong.",
            errors=[
                {
                    "pointer": "#/current_password",
                    "code": "wrong_password",
                    "detail": "The current password is wrong.",
                }
            ],
        ),
    },
    examples=[
        OpenApiExample(
            "passwords",
            value={"current_password": "correct horse battery staple", "new_password": _CHOSEN},
            request_only=True,
        )
    ],
)
reset_password = extend_schema(
    tags=["auth"],
    operation_id="reset_password",
    request=PasswordResetRequest,
    responses={202: OpenApiResponse(MailAnswer, description="The same for every e-mail.")},
    examples=[_EMAIL, _MAIL],
)
confirm_password_reset = extend_schema(
    tags=["auth"],
    operation_id="confirm_password_reset",
    request=PasswordResetConfirmRequest,
    responses={204: OpenApiResponse(description="Changed. Every session is ended."), 403: _LINK_INVALID},
    examples=[OpenApiExample("token", value={"token": _FROM_THE_LINK, "new_password": _CHOSEN}, request_only=True)],
)
verify_email = extend_schema(
    tags=["auth"],
    operation_id="verify_email",
    request=EmailVerifyRequest,
    responses={
        202: OpenApiResponse(MailAnswer, description="An e-mail was sent: the same for every one."),
        204: OpenApiResponse(description="A token was sent: the e-mail is verified."),
        403: _LINK_INVALID,
    },
    examples=[OpenApiExample("token", value={"token": _FROM_THE_LINK}, request_only=True), _EMAIL, _MAIL],
)
list_sessions = extend_schema(
    tags=["me"],
    operation_id="list_sessions",
    responses=SessionAnswer(many=True),
    examples=[
        OpenApiExample(
            "session",
            value={
                "id": "019b2c3d-4e5f-7a6b-8c7d-9e0f1a2b3c4e",
                "device": "Firefox on Linux",
                "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0",
                "created_at": "2026-01-02T03:04:05.678Z",
                "last_used_at": "2026-01-02T03:14:05.678Z",
                "expires_at": "2026-02-01T03:14:05.678Z",
                "current": True,
            },
            response_only=True,
        )
    ],
)
end_session = extend_schema(
    tags=["me"],
    operation_id="end_session",
    parameters=[OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="Of a session.")],
    responses={
        204: OpenApiResponse(description="Signed out there."),
        404: problem_answer(404, "not_found", "There is nothing here."),
    },
)
