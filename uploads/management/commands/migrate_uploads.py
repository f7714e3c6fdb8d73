"""``manage.py migrate_uploads --from local --to s3``: copy every file to another storage."""

from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from nocturnal_project.commanding import WORK_REMAINS, WRONG_USE, WorkCommand
from uploads import selectors, storage
from uploads.models import Upload
from uploads.moving import Outcome, move

_PLACES = ("local", "s3")
_LOST = (Outcome.MISSING, Outcome.DAMAGED)


class Command(WorkCommand):
    """Exit code 0: every ready file is in the target; 1: wrong use; 2: some are not."""

    help = (
        "Copy every file from one storage to the other, verify each by its SHA-256, and leave the source as it is. "
        "Interrupted or repeated, it goes on with what is not there yet."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the two storages and --dry-run."""
        super().add_arguments(parser)
        parser.add_argument("--from", dest="source", choices=_PLACES, required=True, help="where the files are")
        parser.add_argument("--to", dest="target", choices=_PLACES, required=True, help="where they shall be")

    def handle(self, *args: Any, source: str, target: str, dry_run: bool, **options: Any) -> None:
        """Copy, and print what could not be."""
        if source == target:
            raise CommandError("--from and --to are the same.", returncode=WRONG_USE)
        if not settings.STORAGES["s3"]["OPTIONS"]["bucket_name"]:
            raise CommandError("No bucket is configured: set S3_BUCKET and what it needs.", returncode=WRONG_USE)
        ready = selectors.stored_uploads()
        came: Counter[Outcome] = Counter()
        for upload in self.progress(ready.iterator(), unit="file", total=ready.count()):
            outcome = move(upload, source=storage.named(source), target=storage.named(target), dry_run=dry_run)
            # Deleted by its owner meanwhile: the target may then have a copy, which reconcile_uploads removes.
            if outcome in _LOST and Upload.objects.filter(pk=upload.pk).exists():
                self.tell(f"{upload.key} (upload {upload.pk}): {outcome}")
                came[outcome] += 1
            elif outcome not in _LOST:
                came[outcome] += 1
        would = "would be " if dry_run else ""
        self.stdout.write(f"{came[Outcome.COPIED]} {would}copied, {came[Outcome.THERE]} there already.")
        if lost := sum(came[outcome] for outcome in _LOST):
            raise CommandError(f"{lost} file(s) could not be copied.", returncode=WORK_REMAINS)
