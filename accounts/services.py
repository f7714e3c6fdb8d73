"""Writing accounts: registration, the password check, profiles, and closing an account."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.contrib.auth.hashers import check_password, make_password
from django.db import IntegrityError
from django.db.models import F

from accounts import sessions, snapshots, verification
from accounts.errors import EmailTaken, InvalidCredentials, PasswordResetRequired
from accounts.events import NO_REQUEST, Kind, Origin, record, record_try
from accounts.models import Session, User, normalized_email
from accounts.passwords import password_opens, require_good_password
from accounts.selectors import user_by_email
from accounts.signals import account_closing
from nocturnal_project.transaction import refusable_write

_log = structlog.stdlib.get_logger("nocturnal.accounts")
_RESET_FIRST = "password_reset_required"


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
    """Make an account, sign its owner in, and have a link sent to them that verifies their e-mail.

    The same Idempotency-Key with the same e-mail and password is answered with the account it made.
    A taken e-mail costs the same hashing as a free one.

    Raises:
        InvalidInput: the password is too weak; every reason is given.
        EmailTaken: the e-mail has an account already.
        PasswordResetRequired: the account that the key made needs a new password meanwhile.
    """
    require_good_password(password, User(email=email, name=name), pointer="#/password")
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
        verification.request_verification(email=user.email, now=now)
    session, fault = _started(user, password, device=device, now=now)
    if session is None:
        raise PasswordResetRequired if fault == _RESET_FIRST else EmailTaken
    return _signed_in(user, session, origin=origin, now=now)


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
    if user and not fault:
        session, fault = _started(user, password, device=device, now=now)
        if session:
            return _signed_in(user, session, origin=origin, now=now)
    known = user.pk if user else None
    record_try(Kind.SIGN_IN_REFUSED, email=email, user_id=known, reason=fault, origin=origin, now=now)
    raise PasswordResetRequired if fault == _RESET_FIRST else InvalidCredentials


def _fault(user: User | None, password: str) -> str:
    """Return why this password does not open this account, in a word, or nothing."""
    if user is None:
        make_password(password)
        return "unknown_account"
    if not password_opens(user, password):
        return "wrong_password"
    if not user.is_active:
        return "deactivated"
    return _RESET_FIRST if user.password_reset_required else ""


def _started(user: User, password: str, *, device: sessions.Device, now: datetime) -> tuple[Session | None, str]:
    """Start a session and note the sign-in; or return why not, if what was checked does not hold any more.

    Checking takes a while. A change of the password, a deactivation or a demand for a reset meanwhile has ended the
    sessions that it saw, and would not see this one; so the session comes first, and the second look after it. A hash
    that another sign-in renewed is no change.
    """
    session = sessions.start_session(user=user, device=device, now=now)
    let_in = User.objects.filter(pk=user.pk, is_active=True, password_reset_required=False)
    while not let_in.filter(password=user.password).update(last_login=now):
        current = User.objects.filter(pk=user.pk).first()
        fault = _fault(current, password)
        if fault or current is None:
            reason = Session.EndReason.PASSWORD_CHANGED
            sessions.end_session(session_id=session.pk, user_id=user.pk, reason=reason, now=now)
            return None, fault
        user.password = current.password
    return session, ""


def _signed_in(user: User, session: Session, *, origin: Origin, now: datetime) -> SignedIn:
    snapshots.keep(session, user)
    record(Kind.SIGNED_IN, user_id=user.pk, session_id=session.pk, origin=origin, now=now)
    return SignedIn(user, session)


def update_profile(*, user: User, changes: dict[str, Any]) -> User:
    """Write the changed fields of a profile, and only these."""
    if changes:
        User.objects.filter(pk=user.pk).update(version=F("version") + 1, **changes)
        user.refresh_from_db()
        snapshots.outdate(user.pk)
    return user


def close_account(*, user: User, actor: User | None = None, origin: Origin = NO_REQUEST, now: datetime) -> None:
    """Remove an account with everything that belongs to it.

    Deactivated first, so that nothing new can be added meanwhile. When a receiver of ``account_closing``
    fails, the account stays deactivated and closing it can be tried again by staff. Its security events stay
    until their time is over: someone who takes an account over must not remove the traces by closing it.
    """
    User.objects.filter(pk=user.pk).update(is_active=False)
    who = actor.pk if actor else None
    reason = Session.EndReason.BY_STAFF if actor else Session.EndReason.SIGNED_OUT
    sessions.end_sessions_of(user_id=user.pk, reason=reason, actor_id=who, origin=origin, now=now)
    account_closing.send(sender=User, user_id=user.pk)
    user_id = user.pk
    user.delete()
    record(Kind.ACCOUNT_CLOSED, user_id=user_id, actor_id=who, origin=origin, now=now)
    _log.info("account closed", user=str(user_id))
