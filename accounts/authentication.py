"""Who is calling: the bearer token of a request, and then its session."""

import re
import time
import uuid
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts import snapshots, tokens
from accounts.errors import InvalidToken
from accounts.selectors import live_session
from nocturnal_project import clock
from ratelimits.callers import Caller

# RFC 6750, 2.1. Two Authorization headers reach us joined by a comma, which this does not match.
_BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


class SignedInCaller(Caller):
    """The user that an access token names. Nobody, until the session was looked at: in its snapshot or its row."""

    def __init__(self, claims: tokens.AccessClaims) -> None:
        """Know whom the token names."""
        self.pk: uuid.UUID = claims.user_id
        self.session_id: uuid.UUID = claims.session_id
        self.snapshot_name = snapshots.name_of(claims.session_id)
        self.is_authenticated = False
        self.profile: dict[str, Any] = {}

    @property
    def email(self) -> str:
        """The account's e-mail."""
        return str(self.profile["email"])

    def confirm(self, snapshot: bytes) -> None:
        """Be who the token names, by the session's snapshot; one that has run out, or may be old, is looked up.

        Raises:
            SessionRevoked: the session has ended.
        """
        known = snapshots.read(snapshot)
        if not known.trusted or known.expires <= time.time():
            self.look_up()
            return
        self._be(known)

    def look_up(self) -> None:
        """Be who the token names, by the session's row, and keep a snapshot of it for the next request.

        Raises:
            SessionRevoked: the session was ended, ran out, or its user was deactivated.
            InvalidToken: there is no such session of this user.
        """
        session, user = live_session(session_id=self.session_id, user_id=self.pk, now=clock.now())
        snapshots.keep(session, user)
        self._be(snapshots.snapshot_of(session, user))

    def identify(self) -> None:
        """Be who the token names, without a charge.

        Raises:
            SessionRevoked: the session has ended.
            InvalidToken: there is no such session of this user.
        """
        snapshot = snapshots.live(self.session_id)
        if snapshot is None:
            self.look_up()
        else:
            self.confirm(snapshot)

    def _be(self, known: snapshots.Snapshot) -> None:
        self.profile = known.profile
        self.is_authenticated = True


class AuthenticatedRequest(Request):
    """A request whose caller is signed in, for the views that demand it."""

    user: SignedInCaller  # type: ignore[assignment]  # the stub knows only Django's user
    auth: tokens.AccessClaims


class BearerAuthentication(BaseAuthentication):
    """Reads the access token of a request. Whether its session lives is asked with the rate limit, in one step."""

    def authenticate(self, request: Request) -> tuple[SignedInCaller, tokens.AccessClaims] | None:
        """Return the caller and the token's claims, or None without an Authorization header.

        Raises:
            InvalidToken: the header is there, and what it says is not good; never silently anonymous.
        """
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        match = _BEARER.fullmatch(header)
        if match is None:
            raise InvalidToken("Send one Authorization header: Bearer, a space, and the access token.")
        claims = tokens.read_access_token(match[1])
        request._request.log_user_id = str(claims.user_id)  # type: ignore[attr-defined]  # noqa: SLF001  read by the request log
        return SignedInCaller(claims), claims

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return 'Bearer realm="api"'
