"""Tokens: simplejwt signs access tokens and PyJWT verifies them; Django's signer makes the opaque ones.

Access token (RFC 7519): ``iss sub aud exp iat nbf jti sid typ``, ten minutes, signed by a key of the ring (``kid``).
Refresh token: a signed (session id, counter). Device token: a signed (device id, account). These two are signed with
SECRET_KEY; those of SECRET_KEY_FALLBACKS are still good.
"""

import hashlib
import re
import time
import uuid
from dataclasses import dataclass
from datetime import datetime

import jwt
from django.core import signing

from accounts import claims, keyring
from accounts.claims import ACCESS, AUDIENCE, AccessClaims
from accounts.errors import InvalidToken, TokenExpired
from accounts.models import normalized_email
from accounts.ring import Ring
from accounts.verified_tokens import VerifiedTokens

__all__ = [
    "ACCESS",
    "AUDIENCE",
    "AccessClaims",
    "RefreshClaims",
    "access_token",
    "device_token",
    "known_device",
    "read_access_token",
    "read_refresh_token",
    "refresh_token",
]

_LONGEST_TOKEN = 4096
# RFC 7515, 3.1, and no padding: the same bytes have one spelling only.
_THREE_SEGMENTS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_DEVICE_TOKEN_DAYS = 400
_refresh_signer = signing.Signer(salt="accounts.refresh_token")
_device_signer = signing.TimestampSigner(salt="accounts.device_token")
_verified = VerifiedTokens()


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a verified refresh token says."""

    session_id: uuid.UUID
    counter: int


def access_token(*, user_id: uuid.UUID, session_id: uuid.UUID, issued: datetime) -> str:
    """Sign an access token that expires ACCESS_TOKEN_LIFETIME after ``issued``."""
    key = keyring.ring().signing_key(issued.timestamp())
    return key.backend.encode(claims.written(user_id=user_id, session_id=session_id, issued=issued))


def read_access_token(token: str) -> AccessClaims:
    """Return what the token says.

    Raises:
        TokenExpired: it was good once; its time is over, or its key was retired or revoked. Refreshing helps.
        InvalidToken: anything else is wrong with it; not said what, since only an attacker needs to know.
        ServiceUnavailable: the keys were never read yet.
    """
    header = token.partition(".")[0]
    ring = keyring.ring_for(header)
    if ring is None:
        raise InvalidToken
    now = time.time()
    known = _verified.get(token, ring) or _verify(token, ring, header, now)
    if now >= known[1]:
        raise TokenExpired
    return known[0]


def _verify(token: str, ring: Ring, header: str, now: float) -> tuple[AccessClaims, float]:
    """Return the claims, and until when they are good.

    Nothing of the token is decoded before its first segment is found to be, byte for byte, the one that a key of
    ours writes: no header of a stranger's making (``none``, ``jku``, ``crit``, another algorithm) is ever followed.
    """
    key = ring.by_header.get(header)
    if key is None or len(token) > _LONGEST_TOKEN or not _THREE_SEGMENTS.fullmatch(token):
        raise InvalidToken
    try:
        said = claims.read(key.backend.verified_payload(token), now=now)
    except jwt.InvalidTokenError as error:
        raise InvalidToken from error
    good_until = min(said.expires_at.timestamp(), key.accepted_until)
    if now < good_until:
        _verified.put(token, ring, said, good_until)
    return said, good_until


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
