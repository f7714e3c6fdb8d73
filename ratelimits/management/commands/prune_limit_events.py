from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from nocturnal_project import clock
from ratelimits.retention import KEPT_DAYS, LONGEST_DAYS, expired_events, prune_events


class Command(BaseCommand):
    help = "Remove limit events that are older than 90 days, in small batches. Safe to repeat, and to interrupt."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say how many would be removed")
        parser.add_argument("--days", type=int, default=KEPT_DAYS, help=f"how long they are kept (default {KEPT_DAYS})")

    def handle(self, *args: Any, dry_run: bool, days: int, **options: Any) -> None:
        if not 1 <= days <= LONGEST_DAYS:
            raise CommandError(f"Give --days as a number from 1 to {LONGEST_DAYS}.", returncode=1)
        now = clock.now()
        if dry_run:
            count = expired_events(now=now, days=days).count()
            self.stdout.write(f"Would remove {count} limit event(s) older than {days} day(s).")
            return
        total = 0
        for removed in prune_events(now=now, days=days):
            total += removed
            if options["verbosity"] > 1:
                self.stdout.write(f"  {total} removed")
        self.stdout.write(self.style.SUCCESS(f"Removed {total} limit event(s) older than {days} day(s)."))
