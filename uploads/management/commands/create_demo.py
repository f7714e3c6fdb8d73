import io
import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.selectors import user_by_email
from nocturnal_project import clock
from uploads import demo_files, services
from uploads.models import Upload

_PEOPLE = (("Alice", (99, 102, 241)), ("Bob", (16, 185, 129)), ("Carol", (244, 63, 94)))


class Command(BaseCommand):
    help = "Make demo users and files, for looking around. Safe to repeat: what is there is left alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be made")
        parser.add_argument("--password", default="", help="of the demo users; by default a new one, shown once")
        parser.add_argument("--even-in-production", action="store_true", help="make them in production too")

    def handle(self, *args: Any, dry_run: bool, password: str, even_in_production: bool, **options: Any) -> None:
        if settings.PRODUCTION and not even_in_production:
            raise CommandError("This is a production deployment; repeat with --even-in-production if you mean it.")
        password = password or secrets.token_urlsafe(12)
        made_users = made_files = 0
        for name, rgb in _PEOPLE:
            user, made = self._user(name, password, dry_run=dry_run)
            made_users += made
            made_files += sum(self._file(user, *file, dry_run=dry_run) for file in _files_of(name, rgb))
        verb = "Would make" if dry_run else "Made"
        self.stdout.write(self.style.SUCCESS(f"{verb} {made_users} user(s) and {made_files} file(s)."))
        if made_users and not dry_run:
            self.stdout.write(f"Sign in as {_email('Alice')} with the password {password}")

    def _user(self, name: str, password: str, *, dry_run: bool) -> tuple[User | None, bool]:
        found = user_by_email(_email(name))
        if found or dry_run:
            return found, found is None
        self.stdout.write(f"  user {_email(name)}")
        return User.objects.create_user(_email(name), password, name=name), True

    def _file(self, user: User | None, filename: str, category: str, content: bytes, *, dry_run: bool) -> bool:
        if user and Upload.objects.filter(owner_id=user.pk, filename=filename).exists():
            return False
        if dry_run or user is None:
            return True
        services.store_upload(
            owner_id=user.pk,
            incoming=services.Incoming(io.BytesIO(content), len(content), filename, declared_type=""),
            category=category,
            now=clock.now(),
        )
        self.stdout.write(f"  file {filename} of {user.email}")
        return True


def _email(name: str) -> str:
    return f"{name.lower()}@demo.example.com"


def _files_of(name: str, rgb: tuple[int, int, int]) -> tuple[tuple[str, str, bytes], ...]:
    return (
        (f"{name} avatar.png", "avatars", demo_files.png(width=256, height=256, rgb=rgb)),
        (f"{name} letter.pdf", "documents", demo_files.pdf(f"A letter from {name}")),
        (f"{name} notes.txt", "general", f"Notes of {name}.\n".encode()),
        (f"{name} numbers.csv", "general", b"month,hours\n2026-01,12\n2026-02,34\n"),
    )
