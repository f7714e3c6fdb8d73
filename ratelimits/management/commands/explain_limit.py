import json
from typing import Any

from django.core.management.base import CommandParser

from ratelimits.cases import Case
from ratelimits.explanations import clock_time, duration, next_block_seconds, next_step, ordinal, reason
from ratelimits.histories import latest_events
from ratelimits.management.commanding import LimitCommand, Named, add_subject_arguments, cases_of, named, require_redis
from ratelimits.management.facts import case_facts, event_facts
from ratelimits.models import LimitEvent
from ratelimits.policies import POLICIES, REFUSAL_MEMORY, SIBLINGS
from ratelimits.tables import table

_STYLES = {"normal": "SUCCESS", "strict": "WARNING", "blocked": "ERROR"}


class Command(LimitCommand):
    help = (
        "Say what is held against an address, a network or a user, why, until when, and what happens next. "
        "Charges nobody. Exit code: 0 told, 1 wrong use, 2 Redis or the database does not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_subject_arguments(parser)
        parser.add_argument("--policy", choices=list(POLICIES), help="only under this policy")
        parser.add_argument("--events", type=int, default=10, metavar="N", help="how many recorded events (default 10)")
        parser.add_argument("--json", action="store_true", help="as JSON")

    def handle(self, *args: Any, policy: str | None, events: int, **options: Any) -> None:
        who = named(options)
        require_redis()
        cases = cases_of(who, [POLICIES[policy]] if policy else None)
        recorded = latest_events({name for case in cases for name in case.subject.names}, max(0, events))
        if options["json"]:
            self.stdout.write(json.dumps(_as_data(who, cases, recorded), indent=2))
            return
        if not cases:
            self.stdout.write(f"Nothing under {policy} is ever charged to {who.label}.")
            return
        self.stdout.write(f"{who.label}, at {clock_time(cases[0].now_ms)}")
        for case in cases:
            self._tell(case)
        self._tell_events(recorded)

    def _tell(self, case: Case) -> None:
        standing, policy = case.standing, case.policy
        mode = getattr(self.style, _STYLES[standing.mode.value])(standing.mode.value)
        counted = "" if case.subject.kind.value != "account" else ", tries at the account"
        used = f"{standing.used} of {standing.limit} used in {duration(policy.window)}"
        self.stdout.write(f"\n{policy.name}{counted}: {mode}, {used}")
        for label, text in (("why", reason(case)), *_details(case), ("next", next_step(case))):
            self.stdout.write(f"  {label:<9} {text}")

    def _tell_events(self, events: list[LimitEvent]) -> None:
        self.stdout.write("\nRecorded" if events else "\nNothing is recorded.")
        rows = [
            (
                f"{event.created_at:%Y-%m-%d %H:%M:%S}",
                event.get_kind_display(),
                event.policy or "every policy",
                event.subject,
                " ".join(filter(None, (duration(event.seconds) if event.seconds else "", event.facts, event.actor))),
            )
            for event in events
        ]
        for line in table(("at (UTC)", "what", "policy", "whom", ""), rows) if rows else ():
            self.stdout.write(f"  {line}")


def _details(case: Case) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if not case.subject.kind.escalates:
        return found
    if case.refusals:
        ends = [-(-(stamp + REFUSAL_MEMORY * 1000 - case.now_ms) // 1000) for stamp in case.refusals]
        last = f", the last in {duration(ends[-1])}" if len(ends) > 1 else ""
        text = f"{len(ends)} in the last hour; the next is forgotten in {duration(ends[0])}{last}"
        found.append(("refusals", text))
    if case.earlier_blocks:
        forgotten = clock_time(case.levels[case.charged].hold.forgotten_at)
        text = f"{case.earlier_blocks} that count until {forgotten}; the {ordinal(case.earlier_blocks + 1)} would last "
        found.append(("blocks", text + duration(next_block_seconds(case))))
    for level, kept in enumerate(case.levels):
        if level:
            one = "counted as one" if level == case.charged else "not counted as one"
            text = f"{kept.name.partition(':')[2]}: {kept.siblings} of {SIBLINGS} parts misbehaved, {one}"
            held = kept.hold.blocked_until > case.now_ms
            found.append(("network", text + (f"; blocked until {clock_time(kept.hold.blocked_until)}" if held else "")))
    return found


def _as_data(who: Named, cases: list[Case], events: list[LimitEvent]) -> dict[str, Any]:
    return {
        "subject": str(who.subject),
        "policies": [case_facts(case) for case in cases],
        "events": [event_facts(event) for event in events],
    }
