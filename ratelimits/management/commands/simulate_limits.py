import json
import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ratelimits import staff
from ratelimits.management.commanding import LimitCommand
from ratelimits.simulation import chart, report
from ratelimits.simulation.candidates import NotLimits, candidate_limits, present_limits
from ratelimits.simulation.lines import PARSERS
from ratelimits.simulation.reading import Reading, total_bytes
from ratelimits.simulation.run import WAYS, Simulation, simulate

_MATPLOTLIB = "Drawing needs matplotlib: install what requirements/tools.txt pins, or leave out --plot."


class Command(LimitCommand):
    help = (
        "Replay logs against candidate limits and the present ones, and say who would have been refused. Reads the "
        "product's JSON lines, nginx's JSON of deploy/nginx and the combined format, also packed by gzip. Changes "
        "nothing: counts are in this process only. Exit code: 0 done, 1 wrong use or nothing to replay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("logs", nargs="+", metavar="LOGFILE", help="in any order, .gz too; - is standard input")
        parser.add_argument(
            "--policy", action="append", default=[], metavar="auth=normal:5,strict:3",
            help="candidate numbers of a policy: window (also 15m, 1h), normal, strict, strict_after, block_after",
        )  # fmt: skip
        parser.add_argument("--format", choices=list(PARSERS), default="auto", help="of the lines (default auto)")
        parser.add_argument(
            "--by", choices=WAYS, default="auto", help="whom to charge (auto: the address, else the user)"
        )
        parser.add_argument(
            "--tolerate", type=float, default=1.0, metavar="PERCENT", help="of clients, for the suggestion"
        )
        parser.add_argument("--top", type=int, default=10, metavar="N", help="of the most refused clients (default 10)")
        parser.add_argument("--plot", type=Path, metavar="OUT.png", help="draw allowed and refused over time")
        parser.add_argument("--json", action="store_true", help="as JSON")

    def handle(self, *args: Any, logs: list[str], policy: list[str], plot: Path | None, **options: Any) -> None:
        if plot and not chart.can_draw():
            raise CommandError(_MATPLOTLIB)
        if not 0 <= options["tolerate"] < 100:  # noqa: PLR2004  percent
            raise CommandError("--tolerate takes a percentage from 0 to below 100.")
        if len(set(logs)) < len(logs):
            raise CommandError("Name each log once.")
        staff.follow_changes()
        present = present_limits()
        try:
            candidate = candidate_limits(policy, present) if policy else None
            found = self._simulate(
                logs, parse=PARSERS[options["format"]], by=options["by"], present=present, candidate=candidate
            )
        except NotLimits as error:
            raise CommandError(f"--policy {error}.") from None
        except OSError as error:
            raise CommandError(f"{error.filename or 'A log'} cannot be read: {error.strerror}.") from None
        _require_requests(found, options["by"])
        shown = {"top": max(0, options["top"]), "tolerate": options["tolerate"]}
        if options["json"]:
            self.stdout.write(json.dumps(report.as_data(found, **shown), indent=2))
        else:
            for line in report.as_text(found, **shown):
                self.stdout.write(line)
        if plot:
            self._plot(found, plot, logs)

    def _simulate(self, logs: list[str], **how: Any) -> Simulation:
        progress = _Progress(total_bytes(logs)) if sys.stderr.isatty() else None
        try:
            return simulate(logs, report=progress or (lambda _: None), **how)
        finally:
            if progress:
                progress.clear()

    def _plot(self, found: Simulation, plot: Path, logs: list[str]) -> None:
        names = ", ".join(Path(name).name if name != "-" else "standard input" for name in logs[:3])
        title = f"{names}{' and more' if len(logs) > 3 else ''}: who would have been refused"  # noqa: PLR2004  as above
        try:
            chart.draw(found, plot, title=title)
        except OSError as error:
            raise CommandError(f"{plot} cannot be written: {error.strerror}.") from None
        self.stderr.write(f"Drawn: {plot}")


class _Progress:
    """A line on a terminal that says how far reading is."""

    def __init__(self, total: int) -> None:
        self._total, self._due = total, 0.0

    def __call__(self, reading: Reading) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + 0.2
            share = f"{min(100, 100 * reading.bytes_read // self._total):3} %  " if self._total else ""
            sys.stderr.write(f"\r{share}{reading.lines:,} lines")
            sys.stderr.flush()

    def clear(self) -> None:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()


def _require_requests(found: Simulation, by: str) -> None:
    reading = found.reading
    if not reading.requests:
        text = (
            f"There is no request in these logs: {reading.lines:,} lines, {reading.malformed:,} of them not readable."
        )
        raise CommandError(text)
    limited = reading.requests - found.not_limited
    if not limited or found.nobody < limited:
        return
    if by == "user":
        raise CommandError("These logs name no user, so that nobody can be charged: use --by ip.")
    if by == "ip":
        raise CommandError("These logs name no address (the product's own log never does): use --by user.")
    raise CommandError("These logs name neither an address nor a user, so that nobody can be charged.")
