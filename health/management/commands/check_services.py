from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from health.dependencies import Outcome, dependencies, migrations_are_applied, outcome_of
from nocturnal_project.proxies import misfits


class Command(BaseCommand):
    help = (
        "Say what is configured, whether it is reached, and how fast. "
        "Exit code: 0 all is well, 2 something is not reached or not migrated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--rounds", type=int, default=3, help="round trips to each; the fastest is shown (default 3)"
        )

    def handle(self, *args: Any, rounds: int, **options: Any) -> None:
        outcomes = [self._best(max(1, rounds), number) for number in range(len(dependencies()))]
        self.stdout.write(f"{'service':<10} {'configured':<14} {'reached':<8} fastest of {max(1, rounds)}")
        for outcome in outcomes:
            reached = self.style.SUCCESS("yes     ") if outcome.reached else self.style.ERROR("no      ")
            latency = f"{outcome.latency_ms:.1f} ms" if outcome.reached else "-"
            self.stdout.write(f"{outcome.dependency.name:<10} {outcome.dependency.kind:<14} {reached} {latency}")
        missing = [outcome.dependency.name for outcome in outcomes if not outcome.reached]
        if "database" not in missing and not migrations_are_applied():
            missing.append("migrations (run: manage.py migrate)")
        for misfit in misfits():
            self.stderr.write(self.style.WARNING(misfit.advice))
        if missing:
            self.stderr.write(self.style.ERROR(f"Not ready: {', '.join(missing)}."))
            raise SystemExit(2)

    @staticmethod
    def _best(rounds: int, number: int) -> Outcome:
        tries = [outcome_of(dependencies()[number]) for _ in range(rounds)]
        return min(tries, key=lambda outcome: (not outcome.reached, outcome.latency_ms))
