from typing import Any

from django.core.management.base import CommandParser

from ratelimits import staff
from ratelimits.decisions import Mode
from ratelimits.explanations import duration
from ratelimits.management.commanding import (
    LimitCommand,
    add_subject_arguments,
    cases_of,
    held_reasons,
    named,
    require_redis,
    seconds_in,
)


class Command(LimitCommand):
    help = (
        "Block an address, a network or a user, or hold it to the strict limit, under every policy. "
        "Replaces what staff decided before. Exit code: 0 done, 1 wrong use, 2 Redis does not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_subject_arguments(parser)
        modes = [Mode.STRICT.value, Mode.BLOCKED.value]
        parser.add_argument("--mode", choices=modes, required=True, help="how it is held")
        parser.add_argument(
            "--for",
            dest="seconds",
            type=seconds_in,
            required=True,
            metavar="TIME",
            help="30s, 30m, 2h or 1d; at most 31d",
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be held, and change nothing")

    def handle(self, *args: Any, mode: str, seconds: int, dry_run: bool, **options: Any) -> None:
        who = named(options)
        require_redis()
        how = "block" if mode == Mode.BLOCKED.value else "hold to the strict limit"
        for line in held_reasons(cases_of(who)):
            self.stdout.write(f"Until now, {line}")
        if dry_run:
            self.stdout.write(f"Would {how} {who.label} for {duration(seconds)}.")
            return
        staff.hold_subject(subject=who.subject, mode=Mode(mode), seconds=seconds, actor="")
        done = "Blocked" if mode == Mode.BLOCKED.value else "Held to the strict limit:"
        self.stdout.write(self.style.SUCCESS(f"{done} {who.label} for {duration(seconds)}."))
