"""What the commands about limits share: whom they name, where the counts are, and how they fail."""

import ipaddress
import re
import uuid
from argparse import ArgumentTypeError
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from nocturnal_project.commanding import WORK_REMAINS, WRONG_USE, ExitCodeCommand
from nocturnal_project.redis import RedisAway, link
from ratelimits import limiter, staff
from ratelimits.cases import Case
from ratelimits.explanations import reason
from ratelimits.policies import POLICIES, Policy
from ratelimits.subjects import Kind, Subject, account_subject, ip_subject, network_subject, user_subject

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])")
_LONGEST_HOLD = 31 * 86_400
_AWAY = "Redis does not answer, so that nobody knows the counts that all instances share; try again when it is back."
_NO_REDIS = (
    "Without Redis (REDIS_URL) limits are counted in the memory of each server, which no command can reach; "
    "restarting a server forgets them."
)


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a command is about; ``account`` is what tries at a user's account are counted as."""

    subject: Subject
    label: str
    account: Subject | None = None

    def asked(self, policies: list[Policy]) -> list[tuple[Policy, Subject]]:
        """Return what can be charged to it under the policies: addresses send no files, users try no passwords."""
        if self.subject.kind is Kind.IP:
            return [(policy, self.subject) for policy in policies if policy.name != "upload"]
        return [
            (policy, self.account if policy.name == "auth" and self.account else self.subject) for policy in policies
        ]


class LimitCommand(ExitCodeCommand):
    """A command about limits."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command, and say in one sentence what was not there."""
        try:
            return super().execute(*args, **options)
        except RedisAway:
            raise CommandError(_AWAY, returncode=WORK_REMAINS) from None
        except DatabaseError as error:
            name = type(error).__name__
            text = f"The database does not answer ({name}); what Redis was told meanwhile holds, but is not recorded."
            raise CommandError(text, returncode=WORK_REMAINS) from None


def add_subject_arguments(parser: CommandParser) -> None:
    """Let a command name one address, network or user."""
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--ip", metavar="ADDRESS", help="an address; IPv6 is counted by its /64")
    who.add_argument("--network", metavar="PREFIX", help="an IPv6 /64, /56 or /48 that is counted as one")
    who.add_argument("--user", metavar="EMAIL_OR_ID", help="a user")


def named(options: dict[str, Any]) -> Named:
    """Return whom the arguments name.

    Raises:
        CommandError: they name nobody.
    """
    if options.get("ip") is not None:
        return _named_address(options["ip"])
    if options.get("network") is not None:
        try:
            subject = network_subject(options["network"])
        except ValueError as error:
            raise CommandError(f"--network takes an IPv6 /64, /56 or /48, such as 2001:db8::/56: {error}.") from None
        return Named(subject, str(subject))
    return _named_user(options["user"])


def require_redis() -> None:
    """Refuse where a command cannot reach the counts; then let staff's changes hold here as in the servers.

    Raises:
        CommandError: no Redis is configured.
        RedisAway: it does not answer.
    """
    if not link.configured:
        raise CommandError(_NO_REDIS, returncode=WRONG_USE)
    link.call("PING")
    staff.follow_changes()


def cases_of(who: Named, policies: list[Policy] | None = None) -> list[Case]:
    """Return what is kept of somebody under each policy.

    Raises:
        RedisAway: it went away meanwhile.
    """
    asked = who.asked(policies or list(POLICIES.values()))
    found = limiter.cases(asked) if asked else []
    if not all(case.shared for case in found):
        raise RedisAway
    return found


def held_reasons(cases: list[Case]) -> list[str]:
    """Say under which policies somebody is held, and why."""
    return [f"{case.policy.name}: {reason(case)}" for case in cases if case.standing.mode.value != "normal"]


def seconds_in(text: str) -> int:
    """Return the seconds of 30s, 30m, 2h or 1d.

    Raises:
        ArgumentTypeError: it is none of these, or longer than 31 days.
    """
    match = _DURATION.fullmatch(text)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds <= _LONGEST_HOLD:
        raise ArgumentTypeError(f"{text!r} is no duration: write 30s, 30m, 2h or 1d, at most 31d")
    return seconds


def _named_address(text: str) -> Named:
    try:
        address = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        raise CommandError(f"{text!r} is no IP address; write 203.0.113.7 or 2001:db8::1.") from None
    subject = ip_subject(str(address))
    return Named(subject, str(subject))


def _named_user(text: str) -> Named:
    users = get_user_model()._default_manager  # noqa: SLF001  Django's documented name
    try:
        found = users.filter(pk=uuid.UUID(text)).first()
    except ValueError:
        found = users.filter(email=text.strip().lower()).first()
    if found is None:
        raise CommandError(f"There is no user {text!r}; write the account's e-mail or the user's id.")
    email = str(getattr(found, "email", ""))
    return Named(user_subject(found.pk), f"{email} (user:{found.pk})", account_subject(email))
