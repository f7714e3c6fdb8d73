"""Verification of an e-mail: by a link that only the mailbox's reader has."""

from datetime import datetime

import structlog
from django.db.models import F

from accounts import links, outbox, snapshots
from accounts.errors import LinkInvalid
from accounts.models import OutboxMail, User

_log = structlog.stdlib.get_logger("nocturnal.accounts")


def request_verification(*, email: str, now: datetime) -> None:
    """Have a verification link sent if the e-mail has an account that is not verified. The same work for any."""
    outbox.post_mail(kind=OutboxMail.Kind.VERIFICATION, email=email, now=now)


def verify_email(*, token: str, now: datetime) -> None:
    """Note that the account's e-mail is verified. Once more is no error: mail programs open links twice.

    Raises:
        LinkInvalid: the link was altered or has expired, or the account has another e-mail or is deactivated.
    """
    claims = links.read_verification_token(token, now=now)
    user = User.objects.filter(pk=claims.user_id).first()
    if user is None or not user.is_active or not links.verifies(claims, user):
        raise LinkInvalid
    unverified = User.objects.filter(pk=user.pk, email=user.email, email_verified_at=None)
    if unverified.update(email_verified_at=now, version=F("version") + 1):
        snapshots.outdate(user.pk)
        _log.info("e-mail verified", user=str(user.pk))
