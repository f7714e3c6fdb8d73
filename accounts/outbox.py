"""The outbox: a request leaves a row and is done; a worker claims the row, sends the mail and removes it.

A row is one mail. It is sent at least once: a worker that dies between sending and removing leaves it to be sent
again when its claim has run out.
"""

import threading
from datetime import datetime, timedelta

from django.db.models import F

from accounts.models import OutboxMail, normalized_email

# Longer than one mail can take with every answer of the server as late as it may be.
CLAIM = timedelta(minutes=2)
# After the first, second … failed try. Together they outlast a restart and most greylisting.
PAUSES = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30))
MOST_ATTEMPTS = len(PAUSES) + 1
_AT_ONCE = 20

# Wakes this process's worker, so that a mail need not wait for its next look.
posted = threading.Event()


def post_mail(*, kind: OutboxMail.Kind, email: str, now: datetime) -> None:
    """Have a mail sent to the account of an e-mail, if there is one: it is looked up when the mail is sent, not here.

    One write whoever is named, so that the time it takes tells nothing.
    """
    OutboxMail(kind=kind, email=normalized_email(email), created_at=now, due_at=now).save(force_insert=True)
    posted.set()


def due_mails(*, now: datetime) -> list[OutboxMail]:
    """Return the mails that wait for longest, claimed by nobody."""
    return list(OutboxMail.objects.filter(due_at__lte=now).order_by("due_at")[:_AT_ONCE])


def claim(mail: OutboxMail, *, now: datetime) -> OutboxMail | None:
    """Have a mail to ourselves for the length of CLAIM, or None if someone was quicker.

    The row's time is moved on if it is still what we read: of any number of workers one succeeds.
    """
    seen = OutboxMail.objects.filter(pk=mail.pk, due_at=mail.due_at)
    mail.due_at = now + CLAIM
    mail.attempts += 1
    return mail if seen.update(due_at=mail.due_at, attempts=F("attempts") + 1) else None


def remove(mail: OutboxMail) -> None:
    """Take a claimed mail out, unless the claim ran out and someone else has it by now."""
    OutboxMail.objects.filter(pk=mail.pk, due_at=mail.due_at).delete()


def postpone(mail: OutboxMail, *, now: datetime) -> bool:
    """Give a claimed mail back for a later try; False when it had its last."""
    if mail.attempts >= MOST_ATTEMPTS:
        return False
    due_at = now + PAUSES[mail.attempts - 1]
    OutboxMail.objects.filter(pk=mail.pk, due_at=mail.due_at).update(due_at=due_at)
    return True
