import json
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import DatabaseError

from nocturnal_project.commanding import WORK_REMAINS
from nocturnal_project.instances import listed_instances
from nocturnal_project.redis import RedisAway, link
from ratelimits import staff, tally
from ratelimits.explanations import duration
from ratelimits.local_store import NAME as LOCAL
from ratelimits.management.commanding import LimitCommand
from ratelimits.models import LimitOverride
from ratelimits.policies import DEFAULTS, OVERRIDABLE, POLICIES, SHADOW, ChargedTo, Policy, in_force, variable_of
from ratelimits.redis_store import NAME as SHARED
from ratelimits.tables import table

_FIELDS = (*OVERRIDABLE, SHADOW)
_LIMITS = ("normal", "strict")


class Command(LimitCommand):
    help = (
        "Say which limits are in force and where each number comes from, where the counts are, which instances share "
        "them, and what was decided in the last hour. "
        "Exit code: 0 told, 1 wrong use, 2 Redis or the database does not answer; the rest is told."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="as JSON")
        parser.add_argument(
            "--instances", type=int, default=0, metavar="N",
            help="show what each of N instances lets through while Redis is away (default: as many as live)",
        )  # fmt: skip

    def handle(self, *args: Any, instances: int, **options: Any) -> None:
        overrides = _overrides()
        staff.follow_changes()
        living = _living()
        number = max(1, instances or len(living or ()))
        told = {
            "store": SHARED if link.configured else LOCAL,
            "redis": "not configured" if not link.configured else "away" if living is None else "reached",
            "database": "reached" if overrides is not None else "away",
            "instances": list(living) if living is not None else None,
            "policies": [_policy(policy, overrides or {}, number) for policy in map(in_force, POLICIES.values())],
            "shares_of_instances": number,
            "decisions_of_the_last_hour": _decisions() if living is not None else None,
        }
        self.stdout.write(json.dumps(told, indent=2)) if options["json"] else self._tell(told)
        if "away" in (told["redis"], told["database"]):
            raise SystemExit(WORK_REMAINS)

    def _tell(self, told: dict[str, Any]) -> None:
        self.stdout.write(f"Counts      {told['store']}")
        if told["redis"] == "away":
            text = "Redis does not answer: each instance lets through its share, and who lives is not known."
            self.stdout.write(self.style.ERROR(f"            {text}"))
        if told["database"] == "away":
            text = "The database does not answer: what staff changed is not shown, servers keep what they saw last."
            self.stdout.write(self.style.ERROR(f"            {text}"))
        if told["instances"] is not None:
            names = ", ".join(told["instances"]) or "none seen in the last 15 seconds"
            self.stdout.write(f"Instances   {len(told['instances'])}: {names}")
        self.stdout.write("")
        share = f"each of {told['shares_of_instances']} without Redis"
        rows = [
            (policy["policy"], number["name"], number["value"], number["from"], number["share"])
            for policy in told["policies"]
            for number in policy["numbers"]
        ]
        for line in table(("policy", "number", "in force", "from", share), [_worded(row) for row in rows]):
            self.stdout.write(line)
        self._tell_decisions(told["decisions_of_the_last_hour"])

    def _tell_decisions(self, decisions: list[dict[str, Any]] | None) -> None:
        if decisions is None:
            return
        self.stdout.write("\nDecisions of the last hour")
        head = ("policy", "allowed", "of it strictly", "refused", "of it blocked", "refused in shadow")
        rows = [tuple(decision.values()) for decision in decisions]
        for line in table(head, rows):
            self.stdout.write(line)


def _worded(row: tuple[str, str, Any, str, str]) -> tuple[str, ...]:
    policy, name, value, source, share = row
    text = duration(value) if name == "window" else {True: "yes", False: "no"}.get(value, str(value))
    return policy, name.replace("_", " "), text, source, share


def _overrides() -> dict[str, LimitOverride] | None:
    try:
        return {row.policy: row for row in LimitOverride.objects.all()}
    except DatabaseError:
        return None


def _living() -> tuple[str, ...] | None:
    """Return who lives; None when Redis is away; without one, nobody that a command could see."""
    if not link.configured:
        return ()
    try:
        return listed_instances()
    except RedisAway:
        return None


def _policy(policy: Policy, overrides: dict[str, LimitOverride], instances: int) -> dict[str, Any]:
    return {
        "policy": policy.name,
        "charged_to": policy.charged_to.value,
        "numbers": [
            {
                "name": name,
                "value": getattr(policy, name),
                "default": getattr(DEFAULTS[policy.name], name),
                "from": _source(policy, name, overrides.get(policy.name)),
                "share": _share(policy, name, instances),
            }
            for name in _FIELDS
        ],
    }


def _source(policy: Policy, name: str, override: LimitOverride | None) -> str:
    if override and getattr(override, name) is not None:
        return f"staff: {override.updated_by or 'command line'}, {override.updated_at:%Y-%m-%d %H:%M}"
    variable = variable_of(policy, name)
    said = variable in settings.RATE_LIMIT_OVERRIDES
    return variable if said and getattr(POLICIES[policy.name], name) == getattr(policy, name) else "default"


def _share(policy: Policy, name: str, instances: int) -> str:
    """Say what an instance lets through by itself: of a limit against guessing all parts make up the whole."""
    if name not in _LIMITS:
        return ""
    limit: int = getattr(policy, name)
    up = -(-limit // instances)
    exact = policy.charged_to is ChargedTo.IP_AND_ACCOUNT and limit % instances
    return f"{limit // instances} or {up}" if exact else str(up)


def _decisions() -> list[dict[str, Any]]:
    total: Counter[tuple[str, str, str]] = sum(tally.last_hour().values(), Counter())
    return [
        {
            "policy": policy,
            "allowed": _sum(total, policy, "allowed"),
            "allowed_strictly": total[policy, "strict", "allowed"],
            "refused": _sum(total, policy, "refused"),
            "refused_blocked": total[policy, "blocked", "refused"],
            "shadow_refused": _sum(total, policy, "shadow_refused"),
        }
        for policy in POLICIES
    ]


def _sum(total: Counter[tuple[str, str, str]], policy: str, outcome: str) -> int:
    return sum(number for (name, _, what), number in total.items() if (name, what) == (policy, outcome))
