"""Reading accounts and sessions."""

import uuid
from datetime import datetime

from django.db.models import QuerySet

from accounts.errors import InvalidToken, SessionRevoked
from accounts.models import KEEP_EXPIRED_SESSIONS, OutboxMail, Session, User, normalized_email


def live_session(*, session_id: uuid.UUID, user_id: uuid.UUID, now: datetime) -> tuple[Session, User]:
    """Return a session and its user.

    Raises:
        SessionRevoked: the session was ended, ran out, or its user was deactivated.
        InvalidToken: there is no such session of this user.
    """
    session = Session.objects.filter(pk=session_id, user_id=user_id).first()
    user = User.objects.filter(pk=user_id).first()
    if session is None or user is None:
        raise InvalidToken
    if session.ended_at is not None or session.expires_at <= now or not user.is_active:
        raise SessionRevoked
    return session, user


def user_by_id(user_id: uuid.UUID) -> User:
    """Return a user.

    Raises:
        InvalidToken: the account was closed a moment ago.
    """
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise InvalidToken
    return user


def is_active(user_id: uuid.UUID) -> bool:
    """Tell whether the account is there and not deactivated."""
    return User.objects.filter(pk=user_id, is_active=True).exists()


def user_by_email(email: str) -> User | None:
    """Return the user with this e-mail, active or not."""
    return User.objects.filter(email=normalized_email(email)).first()


def live_sessions_of(user_id: uuid.UUID, *, now: datetime) -> QuerySet[Session]:
    """Return the devices where the user is signed in. Rows that ran out are read too, and pruned within days."""
    return Session.objects.filter(user_id=user_id, ended_at=None, expires_at__gt=now)


def prunable_sessions(*, now: datetime) -> QuerySet[Session]:
    """Return the rows that have been dead for long enough to be removed."""
    return Session.objects.filter(expires_at__lt=now - KEEP_EXPIRED_SESSIONS)


def waiting_mails() -> QuerySet[OutboxMail]:
    """Return the mails that are still to be sent, due or not."""
    return OutboxMail.objects.all()
