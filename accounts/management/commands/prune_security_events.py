from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.events import expired, prune
from nocturnal_project import clock


class Command(BaseCommand):
    help = "Remove the security events whose time is over. Safe to repeat; MongoDB also does it by itself."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say how many would be removed")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        now = clock.now()
        if dry_run:
            self.stdout.write(f"Would remove {expired(now).count()} security event(s).")
            return
        total = 0
        for removed in prune(now=now):
            total += removed
            if options["verbosity"] > 1:
                self.stdout.write(f"  {total} removed")
        self.stdout.write(self.style.SUCCESS(f"Removed {total} security event(s)."))
