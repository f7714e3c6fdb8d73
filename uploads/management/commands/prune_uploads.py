"""``manage.py prune_uploads``: remove uploads that never became files."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser

from nocturnal_project import clock
from nocturnal_project.commanding import WORK_REMAINS, WRONG_USE, WorkCommand
from nocturnal_project.errors import NotFound, ServiceUnavailable
from uploads import selectors, services
from uploads.models import Upload


class Command(WorkCommand):
    """Exit code 0: done; 1: wrong use; 2: the storage failed for some, or the run was interrupted."""

    help = (
        "Remove uploads that were refused long ago, and those that were announced and never completed, with what there "
        "is of their bytes. Safe to repeat; run it every day."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --dry-run and the ages."""
        super().add_arguments(parser)
        parser.add_argument(
            "--rejected-days", type=int, default=30, metavar="DAYS", help="keep refused ones so long (default 30)"
        )
        parser.add_argument(
            "--abandoned-days", type=int, default=2, metavar="DAYS",
            help="keep announced ones so long (default 2): longer than the bucket keeps their bytes",
        )  # fmt: skip

    def handle(self, *args: Any, dry_run: bool, rejected_days: int, abandoned_days: int, **options: Any) -> None:
        """Remove both kinds."""
        if rejected_days < 0 or abandoned_days < 1:
            raise CommandError("--rejected-days takes 0 or more, --abandoned-days 1 or more.", returncode=WRONG_USE)
        now = clock.now()
        rejected = selectors.rejected_before(now - timedelta(days=rejected_days))
        abandoned = selectors.abandoned_before(now - timedelta(days=abandoned_days), now=now)
        if dry_run:
            self.stdout.write(f"Would remove {rejected.count()} rejected and {abandoned.count()} abandoned upload(s).")
            return
        failed = 0
        for name, uploads in (("rejected", rejected), ("abandoned", abandoned)):
            removed = 0
            for upload in self.progress(uploads.iterator(), unit="upload"):
                try:
                    removed += _removed(upload)
                except ServiceUnavailable:
                    failed += 1
            self.stdout.write(f"Removed {removed} {name} upload(s).")
        if failed:
            text = f"The storage failed for {failed}; reconcile_uploads removes what it kept."
            raise CommandError(text, returncode=WORK_REMAINS)


def _removed(upload: Upload) -> bool:
    if upload.status == Upload.Status.PENDING:
        return services.remove_pending(upload)
    try:
        services.delete_upload(upload=upload)
    except NotFound:
        return False
    return True
