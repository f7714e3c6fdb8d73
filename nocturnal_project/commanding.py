"""What commands share: exit codes that mean something, progress, and one sentence where there was a traceback."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from tqdm import tqdm

from nocturnal_project.errors import ServiceUnavailable

WRONG_USE, WORK_REMAINS = 1, 2
_T = TypeVar("_T")


class ExitCodeCommand(BaseCommand):
    """A command that ends with 0 (done), 1 (wrong use) or 2 (some work remains)."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return a parser that ends with 1 where Django's own ends with 2, which means something else here."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        if getattr(self, "_called_from_command_line", False):

            def end(message: str) -> Any:
                parser.exit(WRONG_USE, f"{parser.format_usage()}{parser.prog}: {message}\n")

            parser.error = end  # type: ignore[method-assign]  # argparse's way to fail, with another code
        return parser


class WorkCommand(ExitCodeCommand):
    """A command that goes through many things: with --dry-run it only tells, and it may be interrupted and repeated."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --dry-run."""
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command, and say in one sentence what stopped it."""
        try:
            return super().execute(*args, **options)
        except KeyboardInterrupt:
            text = "Interrupted. What was done is done; run it again for the rest."
        except ServiceUnavailable as error:
            text = f"{error.detail} What was done is done; run it again for the rest."
        except DatabaseError as error:
            text = f"The database does not answer ({type(error).__name__}). Run it again for the rest."
        raise CommandError(text, returncode=WORK_REMAINS)

    def progress(self, things: Iterable[_T], *, unit: str, total: int | None = None) -> Iterator[_T]:
        """Go through things and show how far it is, where somebody watches: standard error is a terminal."""
        yield from tqdm(things, unit=unit, total=total, disable=not sys.stderr.isatty(), leave=False)

    def tell(self, line: str) -> None:
        """Print a line of the result, past the bar."""
        with tqdm.external_write_mode():
            self.stdout.write(line)
