"""``manage.py configure_bucket``: tell the bucket what direct uploads need of it."""

from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from nocturnal_project.errors import ServiceUnavailable

_WRONG_USE, _REMAINS = 1, 2


class Command(BaseCommand):
    """Exit code 0: the bucket has all of it; 1: wrong use; 2: the store does not know, or refused, some of it."""

    help = "Tell the S3 bucket which pages may send to it, what expires, and that nothing is public. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the origins and --dry-run."""
        parser.add_argument(
            "--origin", action="append", metavar="URL",
            help="The origin of a page that may send, such as https://app.example.com; may be given more than once. "
            "Default: PUBLIC_URL and CORS_ALLOWED_ORIGINS.",
        )  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="Only say what would change.")

    def handle(self, *args: Any, origin: list[str] | None, dry_run: bool, **options: Any) -> None:
        """Say each rule and what came of it."""
        origins = origin or [settings.PUBLIC_URL, *settings.CORS_ALLOWED_ORIGINS]
        for each in origins:
            parts = urlsplit(each)
            if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path not in {"", "/"}:
                raise CommandError(f"{each} is no origin: give scheme and host only.", returncode=_WRONG_USE)
        if not settings.USE_S3:
            raise CommandError("Files are local: set USE_S3 and S3_BUCKET.", returncode=_WRONG_USE)
        from uploads import bucket  # needs boto3, which is only where S3 is used

        rules = bucket.rules([each.rstrip("/") for each in origins])
        remaining = 0
        for rule in rules:
            try:
                outcome: str = bucket.apply(rule, dry_run=dry_run)
            except ServiceUnavailable as error:
                outcome = f"failed: {error.detail}"
            done = outcome in {"as it was", "changed"}
            remaining += not done
            self.stdout.write(f"{rule.name}: {'would be changed' if dry_run and outcome == 'changed' else outcome}")
        if remaining:
            raise CommandError(f"{remaining} of {len(rules)} could not be said to this store.", returncode=_REMAINS)
