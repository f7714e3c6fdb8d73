"""Writing accounts: registration, the password check, profiles, and closing an account."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from accounts import sessions
from accounts.errors import EmailTaken, InvalidCredentials, PasswordResetRequired
from accounts.events import NO_REQUEST, Kind, Origin, record, record_refusal
from accounts.models import Session, User, normalized_email
from accounts.selectors import user_by_email
from accounts.signals import account_closing
from nocturnal_project.errors import InvalidInput
from nocturnal_project.transaction import refusable_write

_log = structlog.stdlib.get_logger("nocturnal.accounts")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user on a device: what a token answer is made of."""

    user: User
    session: Session


def register_user(
    *,
    email: str,
    password: str,
    name: str,
    device: sessions.Device,
    idempotency_key: str,
    origin: Origin = NO_REQUEST,
    now: datetime,
) -> SignedIn:
    """Make an account and sign its owner in.

    The same Idempotency-Key with the same e-mail and password is answered with the account it made.
    A taken e-mail costs the same hashing as a free one.

    Raises:
        InvalidInput: the password is too weak; every reason is given.
        EmailTaken: the e-mail has an account already.
        PasswordResetRequired: the account that the key made needs a new password meanwhile.
    """
    _require_good_password(password, User(email=email, name=name))
    key = hashlib.sha256(idempotency_key.encode()).hexdigest() if idempotency_key else ""
    user = User(email=normalized_email(email), name=name, registration_key=key)
    user.set_password(password)
    try:
        with refusable_write():
            user.save(force_insert=True)
    except IntegrityError as error:
        earlier = user_by_email(email)
        same = key and earlier and earlier.is_active and earlier.registration_key == key
        if not (same and earlier and check_password(password, earlier.password)):
            raise EmailTaken from error
        user = earlier
    else:
        record(Kind.REGISTERED, user_id=user.pk, origin=origin, now=now)
        _log.info("account registered", user=str(user.pk))
    signed_in = _signed_in(user, device=device, origin=origin, now=now)
    if signed_in is None:
        raise PasswordResetRequired
    return signed_in


def sign_in(
    *, email: str, password: str, device: sessions.Device, origin: Origin = NO_REQUEST, now: datetime
) -> SignedIn:
    """Check the password and start a session.

    Unknown, wrong and deactivated cost the same hashing, are recorded alike, and get the same answer.

    Raises:
        InvalidCredentials: no active account has this e-mail and password.
        PasswordResetRequired: the password is right, and staff have asked for a new one.
    """
    user = user_by_email(email)
    fault = _fault(user, password)
    signed_in = _signed_in(user, device=device, origin=origin, now=now) if user and not fault else None
    if signed_in:
        return signed_in
    reason, known = fault or "password_reset_required", user.pk if user else None
    record_refusal(Kind.SIGN_IN_REFUSED, email=email, user_id=known, reason=reason, origin=origin, now=now)
    raise InvalidCredentials if fault else PasswordResetRequired


def _fault(user: User | None, password: str) -> str:
    """Return why this password does not open this account, in a word, or nothing."""
    if user is None:
        make_password(password)
        return "unknown_account"

    def renew_hash(raw: str) -> None:
        User.objects.filter(pk=user.pk, password=user.password).update(password=make_password(raw))

    if not check_password(password, user.password, setter=renew_hash):
        return "wrong_password"
    return "" if user.is_active else "deactivated"


def _signed_in(user: User, *, device: sessions.Device, origin: Origin, now: datetime) -> SignedIn | None:
    """Start a session, or return None when staff want the password reset.

    The flag is looked at again after the session is stored, since staff may raise it this very moment and end
    only the sessions that they see.
    """
    if user.password_reset_required:
        return None
    session = sessions.start_session(user_id=user.pk, device=device, now=now)
    if not User.objects.filter(pk=user.pk, password_reset_required=False).update(last_login=now):
        Session.objects.filter(pk=session.pk).delete()
        return None
    record(Kind.SIGNED_IN, user_id=user.pk, session_id=session.pk, origin=origin, now=now)
    return SignedIn(user, session)


def update_profile(*, user: User, changes: dict[str, Any]) -> User:
    """Write the changed fields of a profile, and only these."""
    if changes:
        User.objects.filter(pk=user.pk).update(**changes)
        for field, value in changes.items():
            setattr(user, field, value)
    return user


def close_account(*, user: User, actor: User | None = None, origin: Origin = NO_REQUEST, now: datetime) -> None:
    """Remove an account with everything that belongs to it.

    Deactivated first, so that nothing new can be added meanwhile. When a receiver of ``account_closing``
    fails, the account stays deactivated and closing it can be tried again by staff. Its security events stay
    until their time is over: someone who takes an account over must not remove the traces by closing it.
    """
    User.objects.filter(pk=user.pk).update(is_active=False)
    account_closing.send(sender=User, user_id=user.pk)
    user_id = user.pk
    user.delete()
    record(Kind.ACCOUNT_CLOSED, user_id=user_id, actor_id=actor.pk if actor else None, origin=origin, now=now)
    _log.info("account closed", user=str(user_id))


def _require_good_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        reasons = [
            {"pointer": "#/password", "code": reason.code or "invalid", "detail": message}
            for reason in error.error_list
            for message in reason.messages
        ]
        raise InvalidInput(" ".join(error.messages), errors=reasons) from error
