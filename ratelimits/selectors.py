"""Who stands where, for staff: every row is plain, and asking charges nobody."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from ratelimits import limiter
from ratelimits.decisions import Mode, Standing
from ratelimits.evidence import Evidence
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
    found = []
    for policy in map(in_force, POLICIES.values()):
        if subject.kind not in _CHARGEABLE[policy.charged_to]:
            continue
        (standing,) = limiter.standings(policy, [subject])
        found.append(_standing(policy, subject, standing, limiter.evidence(policy, subject.names)))
    return found


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
    for policy_name, names in named.items():
        for row in _standings(in_force(POLICIES[policy_name]), sorted(names)):
            counted_as_one = (policy_name, row.subject) in widened
            if row.held or counted_as_one:
                rows[row.subject].append(row._replace(widened=counted_as_one))
    return [HeldSubject(name, _hardest_first(rows[name])) for name in order if rows[name]]


def _read(key: str) -> tuple[Policy | None, str]:
    """Return the policy and the name in the name of a count, and no policy where it is not in force so any more."""
    _, policy_name, name = key.removesuffix(":merged").split(":", 2)
    policy = POLICIES.get(policy_name.removesuffix("-shadow"))
    current = in_force(policy) if policy else None
    return (current if current and key.startswith(current.prefix) else None), name


def _standings(policy: Policy, names: Sequence[str]) -> list[PolicyStanding]:
    subjects = [named_subject(name) for name in names]
    standings = limiter.standings(policy, subjects)
    levels = iter(limiter.evidence(policy, [name for subject in subjects for name in subject.names]))
    return [
        _standing(policy, subject, standing, [next(levels) for _ in subject.names])
        for subject, standing in zip(subjects, standings, strict=True)
    ]


def _standing(policy: Policy, subject: Subject, standing: Standing, levels: Sequence[Evidence]) -> PolicyStanding:
    """Join a standing with the evidence of each of its subject's names: a hold of any of them holds it."""
    counted = levels[standing.level - 1]
    if standing.mode is Mode.BLOCKED:
        ends_ms = max(level.blocked_until_ms for level in levels)
        by_staff = any(level.blocked_by_staff for level in levels)
    else:
        own = counted.strict_ends_ms(policy)
        ends_ms = max(own, *(level.strict_until_ms for level in levels)) if standing.mode is Mode.STRICT else 0
        by_staff = any(level.held_strictly_by_staff for level in levels)
    return PolicyStanding(
        policy,
        str(subject),
        subject.names[standing.level - 1],
        standing.mode,
        standing.limit,
        standing.used,
        standing.reset_seconds,
        standing.refusals,
        standing.blocks,
        _moment(ends_ms),
        _moment(counted.refused_at_ms[-1] if counted.refused_at_ms else 0),
        by_staff,
    )


def _moment(milliseconds: int) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def _hardest_first(rows: Iterable[PolicyStanding]) -> tuple[PolicyStanding, ...]:
    return tuple(sorted(rows, key=lambda row: _HARDEST.index(row.mode)))
