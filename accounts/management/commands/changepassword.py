from typing import Any

from django.contrib.auth.management.commands import changepassword

from accounts.password_changes import note_change
from accounts.selectors import user_by_email
from nocturnal_project import clock


class Command(changepassword.Command):
    help = "Change a user's password, end their sessions, and tell them by mail."

    def handle(self, *args: Any, **options: Any) -> str | None:
        told: str | None = super().handle(*args, **options)
        user = user_by_email(str(options["username"] or ""))
        if user:
            note_change(user, now=clock.now())
        return told
