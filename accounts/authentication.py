"""Who is calling: the bearer token of a request."""

import re

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts import tokens
from accounts.errors import InvalidToken
from accounts.models import User
from accounts.selectors import user_of_session
from nocturnal_project import clock

# RFC 6750, 2.1. Two Authorization headers reach us joined by a comma, which this does not match.
_BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


class AuthenticatedRequest(Request):
    """A request whose caller is signed in, for the views that demand it."""

    user: User
    auth: tokens.AccessClaims


class BearerAuthentication(BaseAuthentication):
    """Signs a request in by its access token."""

    def authenticate(self, request: Request) -> tuple[User, tokens.AccessClaims] | None:
        """Return the user and the token's claims, or None without an Authorization header.

        Raises:
            InvalidToken: the header is there, and what it says is not good; never silently anonymous.
            SessionRevoked: the token is good but its session was ended.
        """
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        match = _BEARER.fullmatch(header)
        if match is None:
            raise InvalidToken("Send one Authorization header: Bearer, a space, and the access token.")
        claims = tokens.read_access_token(match[1])
        user = user_of_session(session_id=claims.session_id, user_id=claims.user_id, now=clock.now())
        request._request.log_user_id = str(user.pk)  # type: ignore[attr-defined]  # noqa: SLF001  read by the request log
        return user, claims

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return 'Bearer realm="api"'
