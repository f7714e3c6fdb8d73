"""Who answers: how requests are spread over the instances, and whether anything holds a client to one."""

from collections import Counter
from http.cookies import SimpleCookie
from typing import NamedTuple

from health.scaling.asking import Address, Answer, NoAnswer, require
from health.scaling.finding import Finding, named

_PATH = "/api/health/live"
# So few requests with cookies come to one instance by chance once in half a million times where there are two.
_WITH_COOKIES = 20
_MUCH = 3


class Spread(NamedTuple):
    """How often each instance answered, and the cookies that it gave."""

    by_instance: Counter[str]
    cookies: tuple[str, ...]
    held: bool


def spread_of(address: Address, requests: int) -> Spread:
    """Ask so many times as a stranger, and some times more as a client that keeps its cookies, if there are any.

    Raises:
        NoAnswer: one was not answered, or not by an instance of Nocturnal.
    """
    answers = [_ask(address) for _ in range(requests)]
    jar = {name: morsel.value for answer in answers[-1:] for name, morsel in _cookies(answer).items()}
    told = "; ".join(f"{name}={value}" for name, value in jar.items())
    again = {_ask(address, told).instance for _ in range(_WITH_COOKIES)} if jar else set()
    return Spread(Counter(answer.instance for answer in answers), tuple(sorted(jar)), held=len(again) == 1)


def finding(spread: Spread, expected: int) -> Finding:
    """Say whether all instances answer, and no client is held to one."""
    instances = sorted(spread.by_instance)
    if spread.held and len(instances) > 1:
        which = named(spread.cookies)
        return Finding.failed("Spread", f"Sticky: a client that keeps the cookie {which} is held to one instance.")
    if len(instances) < expected:
        why = f"the proxy holds a client by the cookie {named(spread.cookies)}" if spread.held else (
            "the proxy is sticky, by address (ip_hash, sessionAffinity: ClientIP), or the others take no requests"
        )  # fmt: skip
        return Finding.failed("Spread", f"{named(instances)} gave every answer, of {expected} instances: {why}.")
    most, least = max(spread.by_instance.values()), min(spread.by_instance.values())
    uneven = f" Uneven: {least} to {most} each." if most > _MUCH * least else ""
    return Finding.passed("Spread", f"{len(instances)} instances answered, and nothing holds a client to one.{uneven}")


def _ask(address: Address, cookies: str = "") -> Answer:
    answer = require(address.ask("GET", _PATH, headers={"Cookie": cookies} if cookies else None), f"GET {_PATH}")
    facts = answer.facts
    if not isinstance(facts, dict) or not isinstance(facts.get("instance"), str):
        raise NoAnswer(f"{address.url}{_PATH} does not say which instance answers: is this Nocturnal?")
    return answer._replace(instance=facts["instance"])


def _cookies(answer: Answer) -> SimpleCookie:
    jar = SimpleCookie()
    for line in answer.headers.get_all("Set-Cookie", []):
        jar.load(line)
    return jar
