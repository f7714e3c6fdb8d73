import json
import shlex
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from health.rollout import load
from health.rollout.counting import count, ids_in
from health.rollout.deployment import TOO_LOW, Deployment, NotVerifiable
from health.rollout.load import Mix
from health.rollout.report import Report
from health.rollout.watching import Watch

_LONGEST_SECONDS = 540  # the access token of the run's account lives for ten minutes
_BEFORE_AND_AFTER_SECONDS = 3


class Command(BaseCommand):
    help = (
        "Send POSTs to a deployment while it is rolled, and say which failed or were carried out twice. It registers "
        "an account, announces files under it, and removes both. "
        "Exit code: 0 nothing was lost, 1 it could not be tried (wrong use, limits), 2 requests failed or were doubled."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", required=True, help="where clients reach the deployment")
        parser.add_argument("--rate", type=float, default=200, help="POSTs a second (default 200)")
        parser.add_argument("--seconds", type=float, default=60, help="how long, at least (default 60, at most 540)")
        parser.add_argument("--while", dest="command", help="a command that rolls it; the load lasts as long")
        parser.add_argument("--writes", type=float, default=0.1, help="share that makes rows (default 0.1)")
        parser.add_argument("--slow", type=float, default=0.2, help="share that is slow (default 0.2)")
        parser.add_argument("--slow-seconds", type=float, default=2, help="how long a slow one takes (default 2)")
        parser.add_argument(
            "--logs", type=Path, nargs="*", help="the instances' JSON logs, to count every request's id"
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        shares = (options["writes"], options["slow"])
        if (
            options["rate"] <= 0
            or not 0 < options["seconds"] <= _LONGEST_SECONDS
            or not all(0 <= x <= 1 for x in shares)
        ):
            raise CommandError("--rate is above 0, --seconds from 1 to 540, --writes and --slow from 0 to 1.")
        try:
            report = self._verify(options)
        except NotVerifiable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(report.text())
        if options["json"]:
            options["json"].write_text(json.dumps(report.facts(), indent=2) + "\n", encoding="utf-8")
        if any(each.limited for each in report.sent):
            raise CommandError(TOO_LOW)
        if not report.passed:
            raise SystemExit(2)

    def _verify(self, options: dict[str, Any]) -> Report:
        deployment = Deployment(options["url"])
        deployment.open_account()
        mix = Mix(options["rate"], options["writes"], options["slow"], options["slow_seconds"])
        try:
            with Watch(deployment) as watch:
                sent = self._load(deployment, mix, options)
            logs = options["logs"]
            ids = None if logs is None else ids_in(logs, run=deployment.run)
            found = count(sent, rows=self._rows(deployment), ids=ids)
        finally:
            if not deployment.close_account():
                self.stderr.write(self.style.WARNING(f"The account of run {deployment.run} is still there."))
        return Report(deployment.url, deployment.run, mix, sent, found, sorted(watch.starts), watch.replaced)

    def _rows(self, deployment: Deployment) -> Counter[int] | None:
        """Count them once it answers again: what the load met is to be reported in any case."""
        for seconds in (0, 2, 5, 10):
            time.sleep(seconds)
            try:
                return deployment.announced()
            except NotVerifiable as error:
                self.stderr.write(self.style.WARNING(f"The rows cannot be listed yet: {error}"))
        return None

    def _load(self, deployment: Deployment, mix: Mix, options: dict[str, Any]) -> list[load.Sent]:
        """Load it for the time given, or from before the command until after it.

        Raises:
            CommandError: the command failed.
        """
        if not options["command"]:
            return load.run(deployment, mix, goes_on=lambda seconds: seconds < options["seconds"])
        roll = _Roll(options["command"], at_least=options["seconds"])
        sent = load.run(deployment, mix, goes_on=roll.goes_on)
        if code := roll.end():
            raise CommandError(f"{options['command']}: ended with {code}")
        return sent


class _Roll:
    """The command that rolls, begun a little after the load and outlived by it."""

    def __init__(self, command: str, *, at_least: float) -> None:
        self._argv, self._at_least = shlex.split(command), at_least
        self._process: subprocess.Popen[bytes] | None = None
        self._ended_at: float | None = None

    def goes_on(self, seconds: float) -> bool:
        """Tell whether the load goes on; asked for each request, and so a process is not polled more than that."""
        if self._process is None:
            if seconds >= _BEFORE_AND_AFTER_SECONDS:
                self._process = subprocess.Popen(self._argv)  # noqa: S603  the operator's own words
            return True
        if self._ended_at is None and self._process.poll() is not None:
            self._ended_at = seconds
        over = self._ended_at is not None and seconds >= self._ended_at + _BEFORE_AND_AFTER_SECONDS
        return seconds < _LONGEST_SECONDS and not (over and seconds >= self._at_least)

    def end(self) -> int:
        """Wait for the command and return its exit code."""
        return self._process.wait() if self._process else 0
