"""Replays logs against the present limits and, where there are any, the candidates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from nocturnal_project.client_ip import UNKNOWN
from ratelimits.policies import Policy
from ratelimits.simulation.lines import Line, Parser
from ratelimits.simulation.reading import Reading, requests_of
from ratelimits.simulation.replay import Replay
from ratelimits.simulation.routes import gives_back, policy_name
from ratelimits.subjects import Subject, ip_subject, user_subject

WAYS = ("auto", "ip", "user")


@dataclass(slots=True)
class Simulation:
    """What was replayed: ``not_limited`` requests have no policy, ``nobody`` ones name nobody to charge."""

    present: Replay
    candidate: Replay | None
    reading: Reading = field(default_factory=Reading)
    not_limited: int = 0
    nobody: int = 0
    without_address: int = 0
    first_ms: int = 0
    last_ms: int = 0


def simulate(
    names: Sequence[str],
    *,
    parse: Parser,
    by: str,
    present: Mapping[str, Policy],
    candidate: Mapping[str, Policy] | None,
    report: Callable[[Reading], None] = lambda _: None,
) -> Simulation:
    """Replay the requests of logs by time.

    Raises:
        OSError: a file cannot be opened.
    """
    found = Simulation(Replay(present), Replay(candidate) if candidate else None)
    replays = [replay for replay in (found.present, found.candidate) if replay]
    for line in requests_of(names, parse, found.reading, report=report):
        found.first_ms, found.last_ms = found.first_ms or line.at_ms, line.at_ms
        policy = policy_name(line.method, line.path, is_template=line.is_template)
        if policy is None:
            found.not_limited += 1
            continue
        found.without_address += not line.address
        subject = _subject(line, by)
        if subject is None:
            found.nobody += 1
            continue
        back = gives_back(line.method, line.path, line.status)
        for replay in replays:
            replay.ask(policy, subject, line.at_ms, given_back=back)
    return found


def _subject(line: Line, by: str) -> Subject | None:
    """Return whom a request is charged to as far as a log tells: one subject, where sign-in has two."""
    if by != "user" and line.address:
        subject = _address(line.address)
        return None if subject.value == UNKNOWN else subject
    if by != "ip" and line.user:
        return user_subject(line.user)
    return None


@lru_cache(maxsize=100_000)
def _address(text: str) -> Subject:
    return ip_subject(text)
