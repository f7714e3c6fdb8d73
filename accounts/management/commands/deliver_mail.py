from typing import Any

from django.core.management.base import BaseCommand

from accounts.delivery import MailServerAway, deliver_due
from accounts.outbox import due_mails
from accounts.selectors import waiting_mails
from nocturnal_project import clock


class Command(BaseCommand):
    help = (
        "Send the mails that are due, and end. For a cron job where MAIL_WORKER=false; safe beside running workers. "
        "Exit code: 0 none is left, 2 some wait for a later try."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        sent = 0
        try:
            while due_mails(now=clock.now()):
                sent += deliver_due()
        except MailServerAway as error:
            self.stderr.write(self.style.ERROR(f"The mail server is away: {error}. See EMAIL_URL."))
        left = waiting_mails().count()
        self.stdout.write(f"Sent {sent} mail(s); {left} left.")
        if left:
            raise SystemExit(2)
