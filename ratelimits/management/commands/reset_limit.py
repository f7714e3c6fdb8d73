from typing import Any

from django.core.management.base import CommandParser

from ratelimits import staff
from ratelimits.management.commanding import LimitCommand, add_subject_arguments, cases_of, named, require_redis
from ratelimits.management.commands.lift_block import warn_of_wider


class Command(LimitCommand):
    help = (
        "Forget everything about an address, a network or a user: what was used, refusals, blocks, strict limits. "
        "Safe to repeat. Of IPv6 only the network that is named is forgotten. "
        "Exit code: 0 done, 1 wrong use, 2 a wider network still holds it, or Redis does not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_subject_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="say what is used, and change nothing")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        who = named(options)
        require_redis()
        for case in cases_of(who):
            standing = case.standing
            text = f"{case.policy.name}: {standing.mode.value}, {standing.used} of {standing.limit} used"
            self.stdout.write(f"{text}, {standing.refusals} refusals")
        if dry_run:
            self.stdout.write(f"Would forget everything about {who.label}.")
            return
        staff.reset_counts(subject=who.subject, actor="")
        if who.account:
            staff.reset_counts(subject=who.account, actor="")
        self.stdout.write(self.style.SUCCESS(f"Forgot everything about {who.label}."))
        warn_of_wider(self, who)
