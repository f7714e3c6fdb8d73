from typing import Any

from django.core.management.base import CommandParser

from nocturnal_project.commanding import WORK_REMAINS
from ratelimits import staff
from ratelimits.explanations import network_name, wider_holds
from ratelimits.management.commanding import (
    LimitCommand,
    Named,
    add_subject_arguments,
    cases_of,
    held_reasons,
    named,
    require_redis,
)


class Command(LimitCommand):
    help = (
        "Let an address, a network or a user go: blocks, strict limits and refusals are forgotten under every policy, "
        "and what was used stays. Safe to repeat. Of IPv6 only the network that is named is let go. "
        "Exit code: 0 done, 1 wrong use, 2 a wider network still holds it, or Redis does not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_subject_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="say what is held, and change nothing")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        who = named(options)
        require_redis()
        held = held_reasons(cases_of(who))
        for line in held or [f"{who.label} is not held."]:
            self.stdout.write(line)
        if dry_run:
            self.stdout.write(f"Would let {who.label} go.")
            return
        staff.lift_holds(subject=who.subject, actor="")
        self.stdout.write(self.style.SUCCESS(f"Let {who.label} go."))
        warn_of_wider(self, who)


def warn_of_wider(command: LimitCommand, who: Named) -> None:
    """Say which wider networks still hold somebody, and end with 2 if any does."""
    still = {network_name(kept): None for case in cases_of(who) for kept in wider_holds(case)}
    for network in still:
        command.stderr.write(f"Still held or counted as part of {network}: let that go with --network {network}.")
    if still:
        raise SystemExit(WORK_REMAINS)
