"""What an access token says, once its signature is known to be ours: every claim there, and of its type."""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from accounts.errors import InvalidToken

AUDIENCE = "nocturnal-api"
ACCESS = "access"
# Two instances' clocks differ, and a token may be used where it was not made. Expiry has no leeway.
_LEEWAY_SECONDS = 5
_LONGEST_JTI = 64
_LATEST = 2**33


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a verified access token says."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    expires_at: datetime


def written(*, user_id: uuid.UUID, session_id: uuid.UUID, issued: datetime) -> dict[str, Any]:
    """Return the claims of a token for a session, in the order of the contract."""
    at = int(issued.timestamp())
    return {
        "iss": settings.PUBLIC_URL,
        "sub": str(user_id),
        "aud": AUDIENCE,
        "exp": at + int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
        "iat": at,
        "nbf": at,
        "jti": uuid.uuid4().hex,
        "sid": str(session_id),
        "typ": ACCESS,
    }


def read(payload: bytes, *, now: float) -> AccessClaims:
    """Return the claims of a payload, which may have expired: whoever uses it compares ``expires_at``.

    Further claims are left alone, so that a later version may add one while this one still runs.

    Raises:
        InvalidToken: one is missing, of another type, for someone else, or from the future.
    """
    try:
        claims = json.loads(payload.decode(), object_pairs_hook=_unrepeated)
        if not isinstance(claims, dict):
            raise InvalidToken
        _require_ours(claims)
        expires, *starts = (_moment(claims[name]) for name in ("exp", "iat", "nbf"))
        if max(starts) > now + _LEEWAY_SECONDS:
            raise InvalidToken
        user_id, session_id = _uuid(claims["sub"]), _uuid(claims["sid"])
    except (ValueError, KeyError, RecursionError) as error:
        raise InvalidToken from error
    return AccessClaims(user_id, session_id, datetime.fromtimestamp(expires, UTC))


def _require_ours(claims: dict[str, Any]) -> None:
    if (claims["iss"], claims["aud"], claims["typ"]) != (settings.PUBLIC_URL, AUDIENCE, ACCESS):
        raise InvalidToken
    jti = claims["jti"]
    if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI:
        raise InvalidToken


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that says a thing twice: two readers would take different ones (RFC 7519, 4)."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidToken
    return members


def _moment(value: Any) -> int:
    """Return whole seconds; True is an int to Python, and no time."""
    if type(value) is not int or not 0 < value < _LATEST:
        raise InvalidToken
    return value


def _uuid(value: Any) -> uuid.UUID:
    """Return the identifier, written as we write it: UUID() itself takes braces, prefixes and capitals."""
    if not isinstance(value, str) or str(identifier := uuid.UUID(value)) != value:
        raise InvalidToken
    return identifier
