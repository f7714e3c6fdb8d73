"""Changing a password: by who knows it, and by who reads the mailbox. Either ends the user's other sessions."""

import uuid
from datetime import datetime

import structlog

from accounts import links, outbox, sessions
from accounts.errors import LinkInvalid, WrongPassword
from accounts.models import OutboxMail, Session, User
from accounts.passwords import password_opens, replace_password, require_good_password

_log = structlog.stdlib.get_logger("nocturnal.accounts")


def change_password(
    *, user_id: uuid.UUID, session_id: uuid.UUID, current_password: str, new_password: str, now: datetime
) -> None:
    """Replace a signed-in user's password, end their sessions but this one, and tell them by mail.

    Raises:
        WrongPassword: the current one is another, or was changed meanwhile.
        InvalidInput: the new one is too weak.
    """
    user = User.objects.filter(pk=user_id).first()
    if user is None or not password_opens(user, current_password):
        raise WrongPassword
    require_good_password(new_password, user, pointer="#/new_password")
    if not replace_password(user, new_password):
        raise WrongPassword
    _close_behind(user, now=now, except_session=session_id)
    _log.info("password changed", user=str(user.pk), session=str(session_id))


def request_reset(*, email: str, now: datetime) -> None:
    """Have a reset link sent to the e-mail if it has an account. The same work whether it has or not."""
    outbox.post_mail(kind=OutboxMail.Kind.RESET, email=email, now=now)
    _log.info("password reset requested")


def reset_password(*, token: str, new_password: str, now: datetime) -> None:
    """Replace the password of the account that a reset link names, once, and end all its sessions.

    Whoever has the link reads the mailbox, so the e-mail is verified with it.

    Raises:
        LinkInvalid: the link was used, altered or has expired, or the account is deactivated.
        InvalidInput: the new password is too weak; the link stays good.
    """
    claims = links.read_reset_token(token, now=now)
    user = User.objects.filter(pk=claims.user_id).first()
    if user is None or not user.is_active or not links.resets(claims, user):
        raise LinkInvalid
    require_good_password(new_password, user, pointer="#/new_password")
    if not replace_password(user, new_password, email_verified_at=user.email_verified_at or now):
        raise LinkInvalid
    _close_behind(user, now=now)
    _log.info("password reset", user=str(user.pk))


def _close_behind(user: User, *, now: datetime, except_session: uuid.UUID | None = None) -> None:
    """End the sessions that the old password opened, after it opens no more, and tell the owner."""
    reason = Session.EndReason.PASSWORD_CHANGED
    sessions.end_sessions_of(user_id=user.pk, reason=reason, now=now, except_session=except_session)
    outbox.post_mail(kind=OutboxMail.Kind.PASSWORD_CHANGED, email=user.email, now=now)


def note_change(user: User, *, now: datetime) -> None:
    """Do what every change of a password asks for, after one that Django's own form or command has written."""
    _close_behind(user, now=now)
    _log.info("password changed", user=str(user.pk))
