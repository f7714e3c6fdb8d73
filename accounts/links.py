"""The links in mails: signed, bound to what they change, and good for a time. None is stored.

A reset link names the user and a fingerprint of their present password and e-mail: once the password is another,
by this link or otherwise, the link fits no more. A verification link names the user and their e-mail.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.errors import LinkInvalid
from accounts.models import User

RESET_LIFE = timedelta(hours=1)
VERIFICATION_LIFE = timedelta(days=3)
_LONGEST_TOKEN = 512
_reset_signer = signing.Signer(salt="accounts.reset_link")
_verification_signer = signing.Signer(salt="accounts.verification_link")


@dataclass(frozen=True, slots=True)
class LinkClaims:
    """What a verified link says; ``fingerprint`` is for the user's row to agree with."""

    user_id: uuid.UUID
    fingerprint: str


def reset_link(user: User, *, now: datetime) -> str:
    """Return the address of the page where a new password is chosen."""
    return settings.PASSWORD_RESET_URL.replace("{token}", reset_token(user, now=now))


def verification_link(user: User, *, now: datetime) -> str:
    """Return the address of the page where the e-mail is verified."""
    return settings.EMAIL_VERIFY_URL.replace("{token}", verification_token(user, now=now))


def reset_token(user: User, *, now: datetime) -> str:
    """Sign the right to choose a new password, once."""
    return _sign(_reset_signer, user, _reset_fingerprint(user), now=now)


def verification_token(user: User, *, now: datetime) -> str:
    """Sign the proof that someone reads the mailbox."""
    return _sign(_verification_signer, user, _verification_fingerprint(user), now=now)


def read_reset_token(token: str, *, now: datetime) -> LinkClaims:
    """Return what the token says.

    Raises:
        LinkInvalid: we did not sign it, or not within the last hour.
    """
    return _read(_reset_signer, token, life=RESET_LIFE, now=now)


def read_verification_token(token: str, *, now: datetime) -> LinkClaims:
    """Return what the token says.

    Raises:
        LinkInvalid: we did not sign it, or not within the last three days.
    """
    return _read(_verification_signer, token, life=VERIFICATION_LIFE, now=now)


def resets(claims: LinkClaims, user: User) -> bool:
    """Tell whether the user's password is still the one that the link was made for."""
    return constant_time_compare(claims.fingerprint, _reset_fingerprint(user))


def verifies(claims: LinkClaims, user: User) -> bool:
    """Tell whether the user's e-mail is still the one that the link was sent to."""
    return constant_time_compare(claims.fingerprint, _verification_fingerprint(user))


def _sign(signer: signing.Signer, user: User, fingerprint: str, *, now: datetime) -> str:
    return signer.sign(f"{user.pk.hex}.{int(now.timestamp())}.{fingerprint}")


def _read(signer: signing.Signer, token: str, *, life: timedelta, now: datetime) -> LinkClaims:
    try:
        user_id, issued, fingerprint = signer.unsign(token[:_LONGEST_TOKEN]).split(".")
    except signing.BadSignature as error:
        raise LinkInvalid from error
    if now.timestamp() >= int(issued) + life.total_seconds():
        raise LinkInvalid
    return LinkClaims(user_id=uuid.UUID(user_id), fingerprint=fingerprint)


def _reset_fingerprint(user: User) -> str:
    return _fingerprint("accounts.reset_link.password", f"{user.password}\n{user.email}")


def _verification_fingerprint(user: User) -> str:
    return _fingerprint("accounts.verification_link.email", user.email)


def _fingerprint(salt: str, value: str) -> str:
    return salted_hmac(salt, value, algorithm="sha256").hexdigest()[:32]
