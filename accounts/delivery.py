"""Delivery: sends what is due in the outbox, one mail after the other over one connection."""

from collections.abc import Callable
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException

import structlog
from django.core.mail import get_connection

from accounts import letters, outbox
from accounts.models import OutboxMail
from nocturnal_project import clock

_log = structlog.stdlib.get_logger("nocturnal.mail")


class MailServerAway(Exception):
    """There is no talking to the mail server: it is down, does not answer, or does not let us in."""


def deliver_due(*, must_stop: Callable[[], bool] = lambda: False) -> int:
    """Send the mails that are due and return how many were sent.

    The connection comes first: a server that is away costs no mail one of its tries.

    Raises:
        MailServerAway: nothing more can be sent now. What was not sent is kept.
    """
    due = outbox.due_mails(now=clock.now())
    if not due:
        return 0
    connection = get_connection()
    sent = 0
    try:
        _open(connection)
        for seen in due:
            if must_stop():
                break
            mail = outbox.claim(seen, now=clock.now())
            if mail is not None:
                sent += _deliver(mail, connection)
    finally:
        _close(connection)
    return sent


def _deliver(mail: OutboxMail, connection: object) -> bool:
    now = clock.now()
    facts = {"kind": mail.kind, "mail": str(mail.pk)}
    if mail.kind not in letters.LETTERS:
        _log.warning("mail left to a newer version", **facts)
        return False
    if letters.is_stale(mail, now=now):
        outbox.remove(mail)
        _log.error("mail dropped: it waited for too long", **facts)
        return False
    message = letters.message_for(mail, now=now)
    if message is None:
        outbox.remove(mail)
        return False
    try:
        connection.send_messages([message])  # type: ignore[attr-defined]  # a backend of Django's
    # ValueError: an address or a header that cannot be written (a domain that IDNA refuses, a line break).
    except (SMTPException, OSError, ValueError) as error:
        _put_off(mail, _reason(error), facts)
        # Whatever state it is in, the next mail has a new one.
        _close(connection)
        _open(connection)
        return False
    outbox.remove(mail)
    _log.info("mail sent", **facts)
    return True


def _put_off(mail: OutboxMail, reason: str, facts: dict[str, str]) -> None:
    """Try again later. A 5xx too: relays answer so for what an operator mends, such as a sender not yet allowed."""
    if outbox.postpone(mail, now=clock.now()):
        _log.warning("mail put off", reason=reason, attempts=mail.attempts, **facts)
        return
    outbox.remove(mail)
    _log.error("mail dropped: the last try failed", reason=reason, attempts=mail.attempts, **facts)


def _reason(error: Exception) -> str:
    """Return the kind of failure and the server's code, not its words: they repeat the address."""
    match error:
        case SMTPRecipientsRefused():
            code = next((code for code, _ in error.recipients.values()), 0)
        case SMTPResponseException():
            code = error.smtp_code
        case _:
            return type(error).__name__
    return f"{type(error).__name__} {code}"


def _open(connection: object) -> None:
    try:
        connection.open()  # type: ignore[attr-defined]  # a backend of Django's
    except (SMTPException, OSError) as error:
        raise MailServerAway(_reason(error)) from error


def _close(connection: object) -> None:
    try:
        connection.close()  # type: ignore[attr-defined]  # a backend of Django's
    except (SMTPException, OSError) as error:  # it is gone already; the mails were answered for one by one
        _log.debug("mail server hung up", reason=type(error).__name__)
