"""``manage.py reconcile_uploads``: set right what crashes left between rows and bytes."""

from collections import Counter
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser

from nocturnal_project import clock
from nocturnal_project.commanding import WORK_REMAINS, WRONG_USE, WorkCommand
from uploads.reconciliation import GRACE, UNMENDABLE, Finding, Reconciliation


class Command(WorkCommand):
    """Exit code 0: rows and bytes agree; 1: wrong use; 2: something is left, or --dry-run found something."""

    help = (
        "Find bytes without a row, rows without their bytes, uploads that a crash cut off and miscounted quotas, and "
        "set them right. Safe to repeat, to interrupt and to run beside a service in use."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --dry-run and the grace."""
        super().add_arguments(parser)
        parser.add_argument(
            "--grace", type=int, default=int(GRACE.total_seconds()), metavar="SECONDS",
            help="leave alone what is younger and may be on its way (default %(default)s); 0 only while nothing runs",
        )  # fmt: skip

    def handle(self, *args: Any, dry_run: bool, grace: int, **options: Any) -> None:
        """Look into everything; print each finding and what they come to."""
        if grace < 0:
            raise CommandError("--grace takes 0 or more seconds.", returncode=WRONG_USE)
        run = Reconciliation(now=clock.now(), grace=timedelta(seconds=grace), dry_run=dry_run)
        found: Counter[str] = Counter()
        for folder in self.progress(run.folders(), unit="folder"):
            found.update(self._told(finding) for finding in run.look_into(folder))
        for part in (run.look_into_staging, run.recount):
            found.update(self._told(finding) for finding in part())
        self._sum_up(found, dry_run=dry_run)

    def _told(self, finding: Finding) -> str:
        self.tell(f"{finding.kind}: {finding.key}{f' ({finding.said})' if finding.said else ''}")
        return finding.kind

    def _sum_up(self, found: Counter[str], *, dry_run: bool) -> None:
        left = found.total() if dry_run else sum(found[kind] for kind in UNMENDABLE)
        mended = found.total() - left
        if not found:
            self.stdout.write(self.style.SUCCESS("Rows and bytes agree."))
        elif mended:
            self.stdout.write(f"{mended} set right.")
        if left:
            text = "would be looked at" if dry_run else "left, which only a person can mend: see docs/OPERATIONS.md"
            raise CommandError(f"{left} {text}.", returncode=WORK_REMAINS)
