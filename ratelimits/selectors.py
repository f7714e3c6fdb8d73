"""Who stands where, for staff: every row is plain, and asking charges nobody."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from ratelimits import limiter
from ratelimits.cases import Case
from ratelimits.decisions import Mode
from ratelimits.explanations import strict_seconds
from ratelimits.naming import named_subject
from ratelimits.policies import POLICIES, ChargedTo, Policy, in_force
from ratelimits.subjects import Kind, Subject, account_subject, user_subject

_WIDENED = "widened"
_CHARGEABLE = {
    ChargedTo.IP_AND_ACCOUNT: (Kind.IP, Kind.ACCOUNT),
    ChargedTo.USER_OR_IP: (Kind.USER, Kind.IP),
    ChargedTo.USER: (Kind.USER,),
}
_HARDEST = (Mode.BLOCKED, Mode.STRICT, Mode.NORMAL)


class PolicyStanding(NamedTuple):
    """Where a subject stands under one policy.

    ``counted_as`` is the name that its requests are counted under: a wider network's, once that is counted as one.
    ``until`` is when its mode ends if nothing further is refused, and None in the normal one. ``refusals`` are those of
    the last hour, ``blocks`` those that still make the next one longer.
    """

    policy: Policy
    subject: str
    counted_as: str
    mode: Mode
    limit: int
    used: int
    reset_seconds: int
    refusals: int
    blocks: int
    until: datetime | None
    last_refusal: datetime | None
    by_staff: bool
    widened: bool = False

    @property
    def held(self) -> bool:
        """Whether the normal limit is not the one that holds."""
        return self.mode is not Mode.NORMAL

    @property
    def at_account(self) -> bool:
        """Whether these are tries at an account, whoever made them."""
        return self.subject.startswith(f"{Kind.ACCOUNT.value}:")


class HeldSubject(NamedTuple):
    """A subject that is held now, with its standing under each policy that holds it; the hardest first."""

    subject: str
    standings: tuple[PolicyStanding, ...]

    @property
    def mode(self) -> Mode:
        """The hardest of its modes."""
        return self.standings[0].mode


def standings_of(subject: Subject) -> list[PolicyStanding]:
    """Return where a subject stands under each policy that can be charged to it."""
    chargeable = [policy for policy in POLICIES.values() if subject.kind in _CHARGEABLE[policy.charged_to]]
    return [_standing(case) for case in limiter.cases([(policy, subject) for policy in chargeable])]


def standings_of_user(user_id: object, *, email: str = "") -> list[PolicyStanding]:
    """Return where a user stands under each policy that can be charged to them.

    With the e-mail also under ``auth``: tries at the account that come from no known device.
    """
    tries = standings_of(account_subject(email)) if email else []
    return tries + standings_of(user_subject(user_id))


def held_subjects(most: int) -> list[HeldSubject]:
    """Return who is held to the strict limit, blocked, or counted with its network now: the latest to end first."""
    named: dict[str, set[str]] = defaultdict(set)
    widened: set[tuple[str, str]] = set()
    order: dict[str, None] = {}
    for kind, key in limiter.held(most):
        policy, name = _read(key)
        if policy:
            named[policy.name].add(name)
            order[name] = None
            if kind == _WIDENED:
                widened.add((policy.name, name))
    rows: dict[str, list[PolicyStanding]] = defaultdict(list)
    asked = [(POLICIES[policy], named_subject(name)) for policy, names in named.items() for name in sorted(names)]
    for row in map(_standing, limiter.cases(asked) if asked else []):
        counted_as_one = (row.policy.name, row.subject) in widened
        if row.held or counted_as_one:
            rows[row.subject].append(row._replace(widened=counted_as_one))
    return [HeldSubject(name, _hardest_first(rows[name])) for name in order if rows[name]]


def _read(key: str) -> tuple[Policy | None, str]:
    """Return the policy and the name in the name of a count, and no policy where it is not in force so any more."""
    _, policy_name, name = key.removesuffix(":merged").split(":", 2)
    policy = POLICIES.get(policy_name.removesuffix("-shadow"))
    current = in_force(policy) if policy else None
    return (current if current and key.startswith(current.prefix) else None), name


def _standing(case: Case) -> PolicyStanding:
    """Return a case as a row; a hold of any of its levels holds it."""
    standing, refusals = case.standing, case.refusals
    by_staff = case.strict_until > 0
    ends_ms = case.now_ms + strict_seconds(case) * 1000 if standing.mode is Mode.STRICT else 0
    if case.blocked_by:
        ends_ms = case.blocked_by.hold.blocked_until
        by_staff = any(kept.hold.blocked_until > case.now_ms and kept.hold.by_staff for kept in case.levels)
    return PolicyStanding(
        case.policy,
        str(case.subject),
        case.levels[case.charged].name,
        standing.mode,
        standing.limit,
        standing.used,
        standing.reset_seconds,
        standing.refusals,
        standing.blocks,
        _moment(ends_ms),
        _moment(refusals[-1] if refusals else 0),
        by_staff,
    )


def _moment(milliseconds: int) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def _hardest_first(rows: Iterable[PolicyStanding]) -> tuple[PolicyStanding, ...]:
    return tuple(sorted(rows, key=lambda row: _HARDEST.index(row.mode)))
