"""Sentences about where a subject stands, why, and what happens next: for the API, the commands and staff's pages."""

from datetime import UTC, datetime

from ratelimits.cases import Case, Kept
from ratelimits.decisions import Mode
from ratelimits.policies import FIRST_BLOCK, LONGEST_BLOCK, REFUSAL_MEMORY

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def duration(seconds: int) -> str:
    """Return a time span in its two largest units, rounded up: 5000 s is 1 hour 24 minutes."""
    for place, (unit, size) in enumerate(_UNITS):
        if seconds >= size:
            smaller, part = _UNITS[min(place + 1, len(_UNITS) - 1)]
            if smaller == unit:
                return _count(seconds, unit)
            steps = -(-seconds // part)
            whole, rest = divmod(steps * part, size)
            return _count(whole, unit) + (f" {_count(rest // part, smaller)}" if rest else "")
    return "0 seconds"


def moment(ms: int) -> datetime:
    """Return a stamp as a time in UTC, to the second and not before it."""
    return datetime.fromtimestamp(-(-ms // 1000), UTC)


def clock_time(ms: int) -> str:
    """Return a stamp as people read it."""
    return f"{moment(ms):%Y-%m-%d %H:%M:%S} UTC"


def blocked_until(case: Case) -> datetime | None:
    """Return until when nothing passes, or None."""
    blocked = case.blocked_by
    return moment(blocked.hold.blocked_until) if blocked else None


def strict_seconds(case: Case) -> int:
    """Return for how long it is held to the strict limit at most, if no refusal follows; 0 when it is not."""
    refusals, after = case.refusals, case.policy.strict_after
    until = case.strict_until
    if len(refusals) >= after:
        until = max(until, refusals[len(refusals) - after] + REFUSAL_MEMORY * 1000)
    return max(0, -(-(until - case.now_ms) // 1000))


def next_block_seconds(case: Case) -> int:
    """Return how long the next block would be."""
    return int(min(FIRST_BLOCK * 2**case.earlier_blocks, LONGEST_BLOCK))


def wider_holds(case: Case) -> list[Kept]:
    """Return the wider networks that keep a subject although it is let go itself: held, or counted as one."""
    return [
        kept
        for level, kept in enumerate(case.levels)
        if level and (max(kept.hold.blocked_until, kept.hold.strict_until) > case.now_ms or level == case.charged)
    ]


def reason(case: Case) -> str:
    """Say in a sentence or two why a subject stands where it stands."""
    sentences = [_verdict(case)]
    if case.charged:
        network, siblings = network_name(case.levels[case.charged]), case.levels[case.charged].siblings
        sentences.append(
            f"Counted together with all of {network}, of which {siblings} parts were held within the hour."
        )
    if case.policy.shadow:
        sentences.append("This policy is in shadow: it counts and reports, but refuses nobody.")
    return " ".join(sentences)


def next_step(case: Case) -> str:
    """Say in a sentence what happens next: when something is let through again, and what further refusals lead to."""
    standing, policy = case.standing, case.policy
    if standing.mode is Mode.BLOCKED:
        first = f"Nothing passes for {duration(standing.reset_seconds)}; asking meanwhile does not extend that."
    elif not standing.allowed:
        first = f"The next request passes in {duration(standing.reset_seconds)}; asking meanwhile does not extend that."
    else:
        first = f"The next {_count(standing.remaining, 'request')} {'pass' if standing.remaining > 1 else 'passes'}."
    if not case.subject.kind.escalates:
        return f"{first} Refusals lead to nothing further: {case.subject.kind.value}s are never held."
    block = f"a block of {duration(next_block_seconds(case))}"
    return f"{first} {_threats(standing.refusals, policy.strict_after, policy.block_after, block)}"


def network_name(kept: Kept) -> str:
    """Return the address, network or id in the name of a subject."""
    return kept.name.partition(":")[2]


def _threats(refusals: int, strict_after: int, block_after: int, block: str) -> str:
    until_strict, until_block = strict_after - refusals, max(1, block_after - refusals)
    ahead = f"{_count(until_block, 'more refusal')} within the hour {_lead(until_block)} to {block}"
    if until_strict > 0:
        return f"{_count(until_strict, 'more refusal')} {_lead(until_strict)} to the strict limit, and {ahead}."
    return f"{ahead[0].upper()}{ahead[1:]}."


def _verdict(case: Case) -> str:
    standing, policy = case.standing, case.policy
    blocked = case.blocked_by
    if blocked:
        hold = blocked.hold
        why = "by staff" if hold.by_staff else f"after {_cause_of_block(blocked, case)}"
        network = f" as part of {network_name(blocked)}" if blocked is not case.levels[0] else ""
        return f"Blocked{network} until {clock_time(hold.blocked_until)} {why}."
    if standing.mode is Mode.STRICT:
        return _strict_verdict(case)
    window = duration(policy.window).removeprefix("1 ")
    if not standing.used:
        return f"Nothing used in the last {window}."
    used = f"{standing.used} of {standing.limit} used in the last {window}"
    if not standing.allowed:
        return f"All are used: {used}; the next one passes in {duration(standing.reset_seconds)}."
    return f"{used}; one more is free in {duration(standing.reset_seconds)}."


def _cause_of_block(blocked: Kept, case: Case) -> str:
    """Say what led to a block, which may be refusals under another policy: blocks hold under all."""
    times = blocked.hold.blocks if blocked.hold.forgotten_at > case.now_ms else 0
    return f"repeated refusals, the {ordinal(times)} block that counts" if times > 1 else "repeated refusals"


def _strict_verdict(case: Case) -> str:
    refusals, within = len(case.refusals), duration(strict_seconds(case))
    if refusals >= case.policy.strict_after:
        return (
            f"Held to the strict limit after {_count(refusals, 'refusal')} within the hour; "
            f"back to normal in at most {within} if none follow."
        )
    return f"Held to the strict limit by staff; back to normal in {within}."


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th and so on."""
    teens = 10 < number % 100 < 20  # noqa: PLR2004  11th to 13th
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _lead(number: int) -> str:
    return "leads" if number == 1 else "lead"
