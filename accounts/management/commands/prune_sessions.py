from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import KEEP_EXPIRED_SESSIONS
from accounts.selectors import prunable_sessions
from accounts.sessions import prune_sessions
from nocturnal_project import clock


class Command(BaseCommand):
    help = (
        f"Remove sessions that ran out more than {KEEP_EXPIRED_SESSIONS.days} days ago. Safe to repeat. "
        "MongoDB does the same by itself; on SQLite run it every day."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say how many would be removed")
        parser.add_argument("--batch-size", type=int, default=500, help="rows in one step, 1 to 5000 (default 500)")

    def handle(self, *args: Any, dry_run: bool, batch_size: int, **options: Any) -> None:
        if not 1 <= batch_size <= 5000:  # noqa: PLR2004  the help says so
            raise CommandError("--batch-size must be from 1 to 5000.")
        now, removed = clock.now(), 0
        if dry_run:
            self.stdout.write(f"Would remove {prunable_sessions(now=now).count()} session(s).")
            return
        while batch := prune_sessions(now=now, at_most=batch_size):
            removed += batch
            self.stdout.write(f"  {removed} so far")
        self.stdout.write(self.style.SUCCESS(f"Removed {removed} session(s)."))
