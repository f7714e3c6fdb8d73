"""Where mails go: a server, the log of a developer, or nowhere. Django's backends with bounds and readable text."""

from collections.abc import Sequence
from typing import Any

import structlog
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend

_log = structlog.stdlib.get_logger("nocturnal.mail")
# A server may think about a recipient for longer than about a connection. All steps of one mail together stay
# below the time that a worker has a mail to itself.
STEP_SECONDS = 10.0


class BoundedSMTP(EmailBackend):
    """SMTP that connects within EMAIL_TIMEOUT and waits for each later answer a little longer."""

    def open(self) -> bool | None:
        """Connect, greet, secure and sign in."""
        opened = super().open()
        if self.connection and self.connection.sock:
            self.connection.sock.settimeout(STEP_SECONDS)
        return opened


class ReadableLog(BaseEmailBackend):
    """Writes mails to the log, links and all: for development, and for whoever asks for it by consolemail://."""

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        """Write the text of each."""
        for message in email_messages:
            # In the event, which is printed as it is; a value would be one long line.
            _log.info(f"mail\n\nTo: {', '.join(message.to)}\nSubject: {message.subject}\n\n{message.body}")
        return len(email_messages)


class Nowhere(BaseEmailBackend):
    """Discards mails and says so without a word of them: the links in them are secrets."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Complain."""
        _log.warning("mail discarded: set EMAIL_URL", count=len(email_messages))
        return len(email_messages)
