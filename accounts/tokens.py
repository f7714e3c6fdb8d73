"""Tokens: simplejwt signs and verifies access tokens; Django's signer makes the opaque ones.

Access token (RFC 7519): ``iss sub aud exp iat nbf jti sid typ``, ten minutes, header ``kid``, one algorithm.
Refresh token: a signed (session id, counter). Device token: a signed (device id, account).
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt
from django.conf import settings
from django.core import signing
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken

from accounts.errors import InvalidToken, TokenExpired
from accounts.models import normalized_email

AUDIENCE = "nocturnal-api"
ACCESS = "access"
_ALGORITHM = "HS256"
_LONGEST_TOKEN = 4096
_DEVICE_TOKEN_DAYS = 400
_refresh_signer = signing.Signer(salt="accounts.refresh_token")
_device_signer = signing.TimestampSigner(salt="accounts.device_token")


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a verified access token says."""

    user_id: uuid.UUID
    session_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a verified refresh token says."""

    session_id: uuid.UUID
    counter: int


class _NamedKeyBackend(TokenBackend):
    """simplejwt's backend, naming its key in the header so that keys can be told apart."""

    @property
    def key_id(self) -> str:
        return hashlib.sha256(settings.JWT_SECRET.encode()).hexdigest()[:8]

    def encode(self, payload: dict[str, Any]) -> str:
        claims = {**payload, "aud": self.audience, "iss": self.issuer}
        return jwt.encode(claims, self.prepared_signing_key, self.algorithm, headers={"kid": self.key_id})


_backend = _NamedKeyBackend(
    _ALGORITHM, signing_key=settings.JWT_SECRET, audience=AUDIENCE, issuer=settings.PUBLIC_URL, leeway=0
)


def access_token(*, user_id: uuid.UUID, session_id: uuid.UUID, issued: datetime) -> str:
    """Sign an access token that expires ACCESS_TOKEN_LIFETIME after ``issued``."""
    at = int(issued.timestamp())
    return _backend.encode(
        {
            "sub": str(user_id),
            "sid": str(session_id),
            "typ": ACCESS,
            "jti": uuid.uuid4().hex,
            "iat": at,
            "nbf": at,
            "exp": at + int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
        }
    )


def read_access_token(token: str) -> AccessClaims:
    """Return what the token says.

    Raises:
        TokenExpired: it was good once.
        InvalidToken: anything else is wrong with it; not said what, since only an attacker needs to know.
    """
    if len(token) > _LONGEST_TOKEN:
        raise InvalidToken
    try:
        claims = _backend.decode(token)  # type: ignore[arg-type]  # the stub wants the class that calls it
        if claims["typ"] != ACCESS or not claims["jti"] or not {"exp", "iat", "nbf"} <= claims.keys():
            raise InvalidToken
        return AccessClaims(user_id=uuid.UUID(claims["sub"]), session_id=uuid.UUID(claims["sid"]))
    except TokenBackendExpiredToken as error:
        raise TokenExpired from error
    except (TokenBackendError, KeyError, ValueError, AttributeError, TypeError) as error:
        raise InvalidToken from error


def refresh_token(*, session_id: uuid.UUID, counter: int) -> str:
    """Sign the refresh token of a session's counter; the same counter gives the same token."""
    return _refresh_signer.sign(f"{session_id.hex}.{counter}")


def read_refresh_token(token: str) -> RefreshClaims:
    """Return what the token says. It may be spent: the session's row knows.

    Raises:
        InvalidToken: we did not sign it.
    """
    try:
        session_id, _, counter = _refresh_signer.unsign(token[:_LONGEST_TOKEN]).partition(".")
    except signing.BadSignature as error:
        raise InvalidToken("The refresh token is not valid.") from error
    return RefreshClaims(session_id=uuid.UUID(session_id), counter=int(counter))


def device_token(*, device_id: uuid.UUID, email: str) -> str:
    """Sign the proof that someone has signed in to this account from a device (OWASP's device cookie)."""
    return _device_signer.sign(f"{device_id.hex}.{_account_digest(email)}")


def known_device(token: str, *, email: str) -> uuid.UUID | None:
    """Return the device that a token proves for this account, or None: a bad proof is no proof, not an error."""
    try:
        text = _device_signer.unsign(token[:_LONGEST_TOKEN], max_age=_DEVICE_TOKEN_DAYS * 24 * 3600)
    except signing.BadSignature:
        return None
    device_id, _, digest = text.partition(".")
    return uuid.UUID(device_id) if digest == _account_digest(email) else None


def _account_digest(email: str) -> str:
    return hashlib.sha256(normalized_email(email).encode()).hexdigest()[:32]
