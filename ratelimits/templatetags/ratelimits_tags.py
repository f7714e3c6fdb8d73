"""Standings and times in words, for staff's pages."""

from datetime import datetime

from django import template

from nocturnal_project import clock
from ratelimits.decisions import Mode
from ratelimits.policies import HOUR, MINUTE
from ratelimits.selectors import PolicyStanding

register = template.Library()
_DAY = 24 * HOUR


@register.filter
def duration(seconds: int) -> str:
    """Return so many seconds in its two largest units, rounded up to the smaller one."""
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        minutes, rest = divmod(seconds, MINUTE)
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    size, unit, smaller, name = (_DAY, "d", HOUR, "h") if seconds >= _DAY else (HOUR, "h", MINUTE, "min")
    large, small = divmod(-(-seconds // smaller), size // smaller)
    return f"{large} {unit}" + (f" {small} {name}" if small else "")


@register.filter
def in_time(moment: datetime) -> str:
    """Return when something ends, from now; without seconds, so that a page that is read again stays the same."""
    seconds = int((moment - clock.now()).total_seconds())
    return f"for {duration(-(-seconds // MINUTE) * MINUTE)} more" if seconds > MINUTE else "for less than a minute"


@register.filter
def held_because(row: PolicyStanding) -> str:
    """Say what holds a subject."""
    if row.by_staff and row.held:
        return "By staff, under every policy."
    refusals = _number(row.refusals, "refusal")
    if row.mode is Mode.BLOCKED and row.refusals < row.policy.block_after:
        return f"A block holds under every policy. Under this one: {refusals} in the last hour."
    if row.mode is Mode.BLOCKED:
        others = row.blocks - 1
        before = f"; blocked {_number(others, 'time')} before" if others > 0 else "; its first block"
        return f"{refusals} in the last hour{before}. No policy lets it in."
    if row.mode is Mode.STRICT:
        before = f"; blocked {_number(row.blocks, 'time')} before" if row.blocks else ""
        return f"{refusals} in the last hour{before}."
    if row.widened:
        return "Three of its parts misbehaved within an hour: all share one count."
    return f"{refusals} in the last hour." if row.refusals else "Nothing is held against it."


@register.filter
def counted(row: PolicyStanding) -> str:
    """Say what a subject has used, and as whom it is counted where that is not itself."""
    limit = f"{row.used} of {row.limit} used in {duration(row.policy.window)}"
    next_one = "one more passes" if row.used >= row.limit else "one comes back"
    back = f", {next_one} in {duration(row.reset_seconds)}" if row.used and row.mode is not Mode.BLOCKED else ""
    wider = f"; counted with {row.counted_as.partition(':')[2]}" if row.counted_as != row.subject else ""
    return f"{limit}{back}{wider}"


def _number(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
