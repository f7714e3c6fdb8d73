import math
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.key_rotation import Outcome, ring_in_database, rotate_signing_key
from accounts.ring import PUBLISHED_AHEAD, Ring, State
from nocturnal_project import clock

_AHEAD = f"{PUBLISHED_AHEAD.total_seconds():.0f} seconds"


class Command(BaseCommand):
    help = (
        "Give access tokens a new signing key, and let the old one run out. Nobody is signed out. Safe to repeat: "
        "while a new key waits to sign, nothing is done. Exit code: 0 done, 1 wrong use, 2 nothing done; repeat."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--now", action="store_true", help=f"sign with it at once, not in {_AHEAD}")
        parser.add_argument(
            "--revoke-old",
            action="store_true",
            help="the old key has leaked: refuse its tokens at once; needs --now, and clients refresh",
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be done")
        parser.add_argument("--list", action="store_true", help="only show the keys")

    def handle(self, *args: Any, **options: Any) -> None:
        at_once, revoke_old = options["now"], options["revoke_old"]
        if options["list"] and (at_once or revoke_old or options["dry_run"]):
            raise CommandError("--list only shows the keys: give it alone.")
        if revoke_old and not at_once:
            raise CommandError("--revoke-old leaves no key to sign with until the new one does: add --now.")
        now = clock.now()
        if options["list"]:
            self._show(ring_in_database(), now)
            return
        if options["dry_run"]:
            self._foretell(ring_in_database(), now, at_once=at_once, revoke_old=revoke_old)
            return
        rotation = rotate_signing_key(at_once=at_once, revoke_older=revoke_old, now=now)
        self._show(rotation.ring, now)
        if rotation.outcome is Outcome.OVERTAKEN:
            self.stderr.write(self.style.ERROR("Another rotation took place at this moment: look, and repeat."))
            raise SystemExit(2)
        if rotation.outcome is Outcome.PENDING:
            self.stdout.write("Nothing done: the key that is published will sign soon. --now makes another at once.")
            return
        self.stdout.write(self.style.SUCCESS("Rotated. " + _effect(at_once=at_once, revoke_old=revoke_old)))

    def _foretell(self, ring: Ring, now: datetime, *, at_once: bool, revoke_old: bool) -> None:
        self._show(ring, now)
        pending = State.PUBLISHED in {ring.state_of(key, now.timestamp()) for key in ring.keys}
        if pending and not at_once:
            self.stdout.write("Would do nothing: the key that is published will sign soon.")
            return
        effect = _effect(at_once=at_once, revoke_old=revoke_old)
        self.stdout.write(f"Would add a key for {settings.JWT_ALGORITHM}. {effect}")

    def _show(self, ring: Ring, now: datetime) -> None:
        self.stdout.write(f"{'key':<17} {'algorithm':<10} {'state':<10} {'signs from':<21} accepted until")
        for key in ring.keys:
            state = ring.state_of(key, now.timestamp())
            since = _moment(key.signs_from) if key.generation else "(of JWT_SECRET)"
            until = "-" if state is State.REVOKED else _moment(key.accepted_until)
            self.stdout.write(f"{key.kid:<17} {key.algorithm:<10} {state:<10} {since:<21} {until}")
        for kid in ring.unreadable:
            self.stdout.write(self.style.WARNING(f"{kid:<17} of another JWT_SECRET: ignored"))


def _effect(*, at_once: bool, revoke_old: bool) -> str:
    if revoke_old:
        return "It signs now, and tokens of every older key are refused: clients refresh."
    return f"It signs {'now' if at_once else f'in {_AHEAD}'}; tokens of the old key are good until they expire."


def _moment(seconds: float) -> str:
    return "-" if math.isinf(seconds) else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%SZ}"
