"""``manage.py verify_uploads``: read stored files again and compare their hashes."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from nocturnal_project.commanding import WORK_REMAINS, WRONG_USE, WorkCommand
from uploads import selectors
from uploads.verification import damage_of, sample


class Command(WorkCommand):
    """Exit code 0: all that was read is as it came in; 1: wrong use; 2: something is damaged. It changes nothing."""

    help = "Read a sample of the stored files, or all of them, and compare size and SHA-256. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how many; --dry-run would say nothing new."""
        how_many = parser.add_mutually_exclusive_group()
        how_many.add_argument("--sample", type=int, default=100, metavar="N", help="so many files (default 100)")
        how_many.add_argument("--all", action="store_true", help="every file; reads every byte")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, and print what is damaged."""
        number = options["sample"]
        if number < 1:
            raise CommandError("--sample takes 1 or more.", returncode=WRONG_USE)
        uploads = selectors.stored_uploads().iterator() if options["all"] else sample(number)
        read = damaged = 0
        for upload in self.progress(uploads, unit="file", total=None if options["all"] else number):
            read += 1
            if damage := damage_of(upload):
                damaged += 1
                self.tell(f"{upload.key} (upload {upload.pk}): {damage.said}")
        if damaged:
            raise CommandError(f"{damaged} of {read} file(s) are damaged.", returncode=WORK_REMAINS)
        self.stdout.write(self.style.SUCCESS(f"{read} file(s) are as they came in."))
