import json
import secrets
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from health.scaling import spread as spreading
from health.scaling.asking import Address, NoAnswer
from health.scaling.finding import Finding, Outcome
from health.scaling.proofs import Proofs, sign_up
from health.scaling.spread import Spread, spread_of

NOT_PROVED = 2
_COLOURS = {Outcome.PASSED: "SUCCESS", Outcome.FAILED: "ERROR", Outcome.NOT_SHOWN: "WARNING"}


class Command(BaseCommand):
    help = (
        "Prove from outside that the instances behind an address are one: show how requests are spread over them, then "
        "sign up on one and use the token on the others, see one limit count over all, send a file to one and fetch it "
        "from the others, and remove the account again. It costs one try of the limit auth and some forty requests. "
        "Exit code: 0 proved, 1 wrong use, 2 not proved, with the reason in a sentence."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", required=True, help="where clients come in, such as https://nocturnal.example.com")
        parser.add_argument("--requests", type=int, default=100, help="how many to count by instance (default 100)")
        parser.add_argument(
            "--instances", type=int, default=2, metavar="N", help="how many must answer at least (default 2)"
        )
        parser.add_argument("--email", help="for the account that is made and removed (default: one at example.com)")
        parser.add_argument("--json", action="store_true", help="as JSON")

    def handle(self, *args: Any, url: str, requests: int, instances: int, email: str, **options: Any) -> None:
        try:
            address = Address(url)
        except ValueError as error:
            raise CommandError(str(error)) from None
        if requests < 1 or instances < 2:  # noqa: PLR2004  one proves nothing
            raise CommandError("Give --requests of 1 at least, and --instances of 2 at least.")
        try:
            spread = spread_of(address, requests)
        except NoAnswer as error:
            self.stderr.write(self.style.ERROR(str(error)))
            raise SystemExit(NOT_PROVED) from None
        if not options["json"]:
            self._tell_spread(spread)
        found = [spreading.finding(spread, max(instances, len(spread.by_instance)))]
        email = email or f"verify-scaling-{secrets.token_hex(8)}@example.com"
        found += _proved(address, email, len(spread.by_instance))
        self._tell(spread, found, as_json=options["json"])
        if any(finding.outcome is not Outcome.PASSED for finding in found):
            raise SystemExit(NOT_PROVED)

    def _tell_spread(self, spread: Spread) -> None:
        for instance, number in sorted(spread.by_instance.items()):
            self.stdout.write(f"{number:7} {instance}")
        self.stdout.write("")
        self.stdout.flush()

    def _tell(self, spread: Spread, found: list[Finding], *, as_json: bool) -> None:
        if as_json:
            told = {"distribution": dict(sorted(spread.by_instance.items())), "cookies": list(spread.cookies)}
            self.stdout.write(json.dumps(told | {"findings": [finding._asdict() for finding in found]}, indent=2))
            return
        for promise, outcome, sentence in found:
            colour = getattr(self.style, _COLOURS[outcome])
            self.stdout.write(f"{promise:<8} {colour(f'{outcome:<9}')} {sentence}")


def _proved(address: Address, email: str, instances: int) -> list[Finding]:
    """Go one person's way; what could not be gone is told as not shown. The account is removed in any case."""
    try:
        proofs = Proofs(address, sign_up(address, email), instances)
    except NoAnswer as error:
        return [Finding.not_shown("Tokens", str(error))]
    steps: list[tuple[str, Callable[[], Finding]]] = [
        ("Tokens", proofs.tokens), ("Limits", proofs.limits), ("Files", proofs.files), ("Removal", proofs.removal),
    ]  # fmt: skip
    return [_or_not_shown(promise, step) for promise, step in steps]


def _or_not_shown(promise: str, step: Callable[[], Finding]) -> Finding:
    try:
        return step()
    except NoAnswer as error:
        return Finding.not_shown(promise, str(error))
