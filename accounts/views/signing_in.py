"""Registration, sign-in, refresh, sign-out, and the caller's own profile."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.http import HttpResponse
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import schema, services, sessions, tokens
from accounts.authentication import AuthenticatedRequest
from accounts.errors import InvalidToken
from accounts.models import Session, User
from accounts.selectors import user_by_id
from accounts.serializers import (
    LoginRequest,
    ProfileRequest,
    RefreshRequest,
    RegisterRequest,
    TokenAnswer,
    UserAnswer,
)
from nocturnal_project import clock
from nocturnal_project.api import idempotency_key
from nocturnal_project.client_ip import client_ip
from nocturnal_project.errors import InvalidInput
from nocturnal_project.lean_view import answer
from ratelimits.policies import POLICIES
from ratelimits.subjects import Subject, account_subject, device_subject, ip_subject, session_subject
from ratelimits.throttling import RateLimitedAPIView, give_back

_SCOPES = ("local", "others", "global")


class PublicView(RateLimitedAPIView):
    """A view for callers who have no access token, or one that has expired."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class CredentialsView(PublicView):
    """A try at an account: charged to the address and the account, or to the known device alone."""

    rate_limits = {"post": POLICIES["auth"]}

    def rate_limit_subjects(self, request: Request) -> Sequence[Subject]:
        """Read whom the body names, as far as it can be read; what is wrong with it is said later."""
        address = ip_subject(client_ip(request._request))  # noqa: SLF001  DRF's name for Django's request
        body = self.readable_body(request)
        email = body.get("email")
        if not isinstance(email, str):
            return [address]
        proof = body.get("device_token")
        device = tokens.known_device(proof, email=email) if isinstance(proof, str) else None
        return [device_subject(device)] if device else [address, account_subject(email)]


class _SessionView(PublicView):
    """A call that proves itself by a refresh token: charged to its session."""

    rate_limits = {"post": POLICIES["api"]}

    def rate_limit_subjects(self, request: Request) -> Sequence[Subject]:
        """Return the session that a token of ours names, else the address."""
        proof = self.readable_body(request).get("refresh_token")
        try:
            return [session_subject(tokens.read_refresh_token(proof if isinstance(proof, str) else "").session_id)]
        except InvalidToken:
            return [ip_subject(client_ip(request._request))]  # noqa: SLF001  DRF's name for Django's request


class RegisterView(CredentialsView):
    """Registration."""

    @schema.register
    def post(self, request: Request) -> Response:
        """Make an account and sign in."""
        wanted = RegisterRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        now = clock.now()
        signed_in = services.register_user(
            **wanted.validated_data, device=_device(request), idempotency_key=idempotency_key(request), now=now
        )
        return _token_answer(signed_in.user, signed_in.session, now=now, status=201)


class LoginView(CredentialsView):
    """Sign-in."""

    @schema.login
    def post(self, request: Request) -> Response:
        """Sign in with e-mail and password. A sign-in that succeeds gives its try back."""
        wanted = LoginRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        email, password = wanted.validated_data["email"], wanted.validated_data["password"]
        now = clock.now()
        device = _device(request, proof=wanted.validated_data["device_token"], email=email)
        signed_in = services.sign_in(email=email, password=password, device=device, now=now)
        give_back(request._request)  # noqa: SLF001  DRF's name for Django's request
        return _token_answer(signed_in.user, signed_in.session, now=now)


class RefreshView(_SessionView):
    """Rotation of the refresh token."""

    @schema.refresh
    def post(self, request: Request) -> Response:
        """Trade a refresh token for fresh tokens. Each is good once."""
        wanted = RefreshRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        now = clock.now()
        user, session = sessions.rotate_refresh_token(token=wanted.validated_data["refresh_token"], now=now)
        return _token_answer(user, session, now=now)


class LogoutView(_SessionView):
    """Sign-out."""

    @schema.logout
    def post(self, request: Request) -> Response:
        """End this session, the user's others, or all. Works with an expired access token, or none."""
        wanted = RefreshRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        scope = request.query_params.get("scope", "local")
        if scope not in _SCOPES:
            raise InvalidInput.at("?scope", code="invalid_choice", detail=f"Use one of {', '.join(_SCOPES)}.")
        sessions.end_sessions(token=wanted.validated_data["refresh_token"], scope=scope, now=clock.now())
        return Response(status=204)


class MeView(RateLimitedAPIView):
    """The caller's own profile."""

    @schema.read_me
    def get(self, request: AuthenticatedRequest) -> HttpResponse:
        """Read the profile."""
        return answer(request.user.profile)

    @schema.change_me
    def patch(self, request: AuthenticatedRequest) -> Response:
        """Change the profile."""
        wanted = ProfileRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        user = services.update_profile(user=user_by_id(request.user.pk), changes=wanted.validated_data)
        return Response(UserAnswer(user).data)

    @schema.close_me
    def delete(self, request: AuthenticatedRequest) -> Response:
        """Remove the account, its sessions and its files. There is no way back."""
        services.close_account(user=user_by_id(request.user.pk), now=clock.now())
        return Response(status=204)


def _device(request: Request, *, proof: str = "", email: str = "") -> sessions.Device:
    return sessions.Device(
        id=tokens.known_device(proof, email=email) if proof else None,
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
    )


def _token_answer(user: User, session: Session, *, now: datetime, status: int = 200) -> Response:
    body = {
        "access_token": tokens.access_token(user_id=user.pk, session_id=session.pk, issued=now),
        "token_type": "Bearer",
        "expires_in": int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
        "expires_at": now + settings.ACCESS_TOKEN_LIFETIME,
        "refresh_token": tokens.refresh_token(session_id=session.pk, counter=session.counter),
        "device_token": tokens.device_token(device_id=session.device_id, email=user.email),
        "user": user,
    }
    return Response(TokenAnswer(body).data, status=status, headers={"Cache-Control": "no-store"})
