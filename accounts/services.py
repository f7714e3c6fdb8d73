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
from django.db.models import F

from accounts import sessions, snapshots
from accounts.errors import EmailTaken, InvalidCredentials
from accounts.models import Session, User, normalized_email
from accounts.selectors import live_sessions_of, user_by_email
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
    *, email: str, password: str, name: str, device: sessions.Device, idempotency_key: str, now: datetime
) -> SignedIn:
    """Make an account and sign its owner in.

    The same Idempotency-Key with the same e-mail and password is answered with the account it made.
    A taken e-mail costs the same hashing as a free one.

    Raises:
        InvalidInput: the password is too weak; every reason is given.
        EmailTaken: the e-mail has an account already.
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
        if not (key and earlier and earlier.registration_key == key and check_password(password, earlier.password)):
            raise EmailTaken from error
        user = earlier
    else:
        _log.info("account registered", user=str(user.pk))
    session = sessions.start_session(user=user, device=device, now=now)
    snapshots.keep(session, user)
    return SignedIn(user, session)


def sign_in(*, email: str, password: str, device: sessions.Device, now: datetime) -> SignedIn:
    """Check the password and start a session.

    Unknown, wrong and deactivated cost the same hashing and get the same answer.

    Raises:
        InvalidCredentials: no active account has this e-mail and password.
    """
    user = user_by_email(email)
    if user is None:
        make_password(password)
        raise InvalidCredentials

    def renew_hash(raw: str) -> None:
        renewed = make_password(raw)
        if User.objects.filter(pk=user.pk, password=user.password).update(password=renewed):
            user.password = renewed

    if not check_password(password, user.password, setter=renew_hash) or not user.is_active:
        raise InvalidCredentials
    session = sessions.start_session(user=user, device=device, now=now)
    if not _still_lets_in(user, password, now):
        sessions.end_session(session_id=session.pk, reason=Session.EndReason.PASSWORD_CHANGED, now=now)
        raise InvalidCredentials
    snapshots.keep(session, user)
    return SignedIn(user, session)


def _still_lets_in(user: User, password: str, now: datetime) -> bool:
    """Note the sign-in, and tell whether what was checked holds still.

    A change of the password or a deactivation that was under way meanwhile may have ended every session but the one
    that was just started. A hash that another sign-in renewed is no change.
    """
    while not User.objects.filter(pk=user.pk, password=user.password, is_active=True).update(last_login=now):
        current = User.objects.filter(pk=user.pk, is_active=True).first()
        if current is None or not check_password(password, current.password):
            return False
        user.password = current.password
    return True


def update_profile(*, user: User, changes: dict[str, Any]) -> User:
    """Write the changed fields of a profile, and only these."""
    if changes:
        User.objects.filter(pk=user.pk).update(version=F("version") + 1, **changes)
        user.refresh_from_db()
        snapshots.outdate(live_sessions_of(user.pk).values_list("pk", flat=True), version=user.version)
    return user


def deactivate(*, user: User, now: datetime) -> bool:
    """Let nobody into the account any more and end its sessions; False if it was deactivated already."""
    changed = User.objects.filter(pk=user.pk, is_active=True).update(is_active=False)
    sessions.end_sessions_of(user_id=user.pk, reason=Session.EndReason.BY_STAFF, now=now)
    return bool(changed)


def close_account(*, user: User, now: datetime) -> None:
    """Remove an account with everything that belongs to it.

    Deactivated first, so that nothing new can be added meanwhile. When a receiver of ``account_closing``
    fails, the account stays deactivated and closing it can be tried again by staff.
    """
    User.objects.filter(pk=user.pk).update(is_active=False)
    sessions.end_sessions_of(user_id=user.pk, reason=Session.EndReason.SIGNED_OUT, now=now)
    account_closing.send(sender=User, user_id=user.pk)
    user_id = str(user.pk)
    user.delete()
    _log.info("account closed", user=user_id)


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
