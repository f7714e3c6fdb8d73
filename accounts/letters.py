"""What the mails say, and to whom: the account is looked up and the link made here, off the request."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts import links
from accounts.models import OutboxMail, User
from accounts.selectors import user_by_email

_log = structlog.stdlib.get_logger("nocturnal.mail")
# What anyone can ask for, who knows an address, is sent three times at once and then every twenty minutes.
# Whoever asks to annoy has then only sent the owner links that work.
_EVERY = timedelta(minutes=20)
_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Letter:
    """One row of the table. ``life`` is how long after it was asked for it is still worth sending."""

    subject: str
    life: timedelta
    link: Callable[..., str] | None
    allowance: str  # the user's column that counts, or nothing: the owner's own doing is always told
    is_needed: Callable[[User], bool]


def _always(user: User) -> bool:
    return True


def _is_unverified(user: User) -> bool:
    return not user.email_verified


_KIND = OutboxMail.Kind
# fmt: off
LETTERS = {
    _KIND.VERIFICATION: Letter(
        "Verify your e-mail for Nocturnal", links.VERIFICATION_LIFE, links.verification_link,
        "verification_mails_until", _is_unverified),
    _KIND.RESET: Letter(
        "Reset your Nocturnal password", links.RESET_LIFE, links.reset_link,
        "reset_mails_until", _always),
    _KIND.PASSWORD_CHANGED: Letter(
        "Your Nocturnal password was changed", timedelta(days=3), None,
        "", _always),
}
# fmt: on


def is_stale(mail: OutboxMail, *, now: datetime) -> bool:
    """Tell whether the mail has waited for so long that it would only puzzle its reader."""
    return now - mail.created_at >= LETTERS[_KIND(mail.kind)].life


def message_for(mail: OutboxMail, *, now: datetime) -> EmailMultiAlternatives | None:
    """Return the message, or None when there is nobody to write to: no account, deactivated, or nothing to say."""
    letter = LETTERS[_KIND(mail.kind)]
    user = user_by_email(mail.email)
    if user is None or not user.is_active or not letter.is_needed(user):
        return None
    if mail.attempts == 1 and letter.allowance and not _spend(user, letter.allowance, now=now):
        _log.warning("mail withheld: the account had enough of them", kind=mail.kind, user=str(user.pk))
        return None
    # The user's name is left out: whoever registers a stranger's address would write to them through it.
    facts = {
        "subject": letter.subject,
        "link": letter.link(user, now=now) if letter.link else "",
        "email": user.email,
        "asked_at": mail.created_at,
    }
    message = EmailMultiAlternatives(
        subject=letter.subject,
        body=render_to_string(f"accounts/mail/{mail.kind}.txt", facts),
        to=[user.email],
        headers={
            # The same at a second try, so that mailboxes know a mail that came twice.
            "Message-ID": f"<{mail.pk.hex}@{_sending_domain()}>",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
    )
    message.attach_alternative(render_to_string(f"accounts/mail/{mail.kind}.html", facts), "text/html")
    return message


def _sending_domain() -> str:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return domain.encode("idna").decode("ascii")


def _spend(user: User, column: str, *, now: datetime) -> bool:
    """Count a mail against the account by one conditional update; False when it has had enough.

    The column is the time at which all mails so far are paid for, at one in _EVERY.
    """
    while True:
        seen = getattr(user, column)
        paid_until = max(seen or now, now) + _EVERY
        if paid_until > now + _EVERY * _AT_ONCE:
            return False
        if User.objects.filter(pk=user.pk, **{column: seen}).update(**{column: paid_until}):
            return True
        user.refresh_from_db(fields=[column])  # another worker sent one meanwhile
