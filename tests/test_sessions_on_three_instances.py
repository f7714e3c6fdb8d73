"""Sessions on three instances with one MongoDB and one Redis: the refresh race, sign-outs, and the login flood.

``NOCTURNAL_SOAK=1`` runs a hundred rounds of the race instead of five, and the flood from a thousand addresses.
"""

import os
import statistics
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from tests.live_server import Answer, LiveServer, live_servers
from tests.services import start

_SOAK = os.environ.get("NOCTURNAL_SOAK") == "1"
_ROUNDS = 100 if _SOAK else 5
_CALLERS = 50
_ADDRESSES = 1000 if _SOAK else 200
_TRIES = 500 if _SOAK else 100
_PASSWORD = "correct horse battery staple"
_NAMES = ("pod-1", "pod-2", "pod-3")
# The race is about tokens and not about limits; the flood has the limits as they are.
_PROXIED = {"TRUSTED_PROXIES": "1", "RATE_LIMIT_API_NORMAL": "100000"}


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LiveServer]]:
    folder = tmp_path_factory.mktemp("sessions")
    with start(mongo=1, redis=True) as services:
        variables = {name: {**services.environment, **_PROXIED, "INSTANCE_ID": name} for name in _NAMES}
        with live_servers(folder, variables, migrate=_NAMES[:1]) as running:
            yield running


_numbers = count()


def address() -> dict[str, str]:
    """The header of a client from an address that nobody has used."""
    number = next(_numbers)
    return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


def register(pod: LiveServer) -> dict[str, Any]:
    email = f"{uuid.uuid4()}@example.com"
    answer = pod.ask("/api/v1/auth/register", {"email": email, "password": _PASSWORD}, headers=address())
    assert answer.status == 201, answer.body
    return dict(answer.body)


def refresh(pod: LiveServer, token: str) -> Answer:
    return pod.ask("/api/v1/auth/refresh", {"refresh_token": token}, headers=address())


def me(pod: LiveServer, token: str) -> int:
    return pod.ask("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status


def test_of_fifty_refreshes_on_three_instances_one_wins_and_the_others_get_its_token(pods: list[LiveServer]) -> None:
    with ThreadPoolExecutor(_CALLERS) as callers:
        for _ in range(_ROUNDS):
            spent = register(pods[0])["refresh_token"]
            together = threading.Barrier(_CALLERS)

            def race(number: int, token: str = spent, at: threading.Barrier = together) -> Answer:
                at.wait()
                return refresh(pods[number % len(pods)], token)

            answers = list(callers.map(race, range(_CALLERS)))

            assert Counter(answer.status for answer in answers) == {200: _CALLERS}
            successors = {answer.body["refresh_token"] for answer in answers}
            assert len(successors) == 1
            # The one successor is good once more, and the spent one is still only graced, not good.
            (successor,) = successors
            third = refresh(pods[1], successor)
            assert third.status == 200
            assert third.body["refresh_token"] not in {spent, successor}
            replayed = refresh(pods[2], spent)
            assert (replayed.status, replayed.body["code"]) == (401, "refresh_token_reused")
            assert [me(pod, third.body["access_token"]) for pod in pods] == [401] * 3
            assert refresh(pods[0], third.body["refresh_token"]).body["code"] == "session_ended"


def test_signing_out_on_one_instance_holds_on_all_at_once(pods: list[LiveServer]) -> None:
    for number in range(10):
        tokens = register(pods[number % 3])
        assert [me(pod, tokens["access_token"]) for pod in pods] == [200] * 3

        out = pods[number % 3].ask("/api/v1/auth/logout", {"refresh_token": tokens["refresh_token"]})

        assert out.status == 204
        assert [me(pod, tokens["access_token"]) for pod in pods] == [401] * 3


def test_a_flood_from_many_addresses_locks_out_itself_and_not_the_owner(pods: list[LiveServer]) -> None:
    owner = register(pods[0])
    email, device = owner["user"]["email"], owner["device_token"]
    go_on = threading.Event()

    def flood(number: int) -> Counter[int]:
        seen: Counter[int] = Counter()
        for _ in range(3):
            guess = {"email": email, "password": f"guess {number} is not it"}
            seen[pods[number % 3].ask("/api/v1/auth/login", guess, headers=address()).status] += 1
            if number == _ADDRESSES // 2:
                go_on.set()
        return seen

    def come_home(number: int) -> int:
        assert go_on.wait(60)
        mine = {"email": email, "password": _PASSWORD, "device_token": device}
        return pods[number % 3].ask("/api/v1/auth/login", mine, headers={"X-Forwarded-For": "203.0.113.9"}).status

    with ThreadPoolExecutor(40) as callers:
        attack = [callers.submit(flood, number) for number in range(_ADDRESSES)]
        homecoming = [callers.submit(come_home, number) for number in range(5)]
        statuses = sum((each.result() for each in attack), Counter[int]())

    # All guesses together had what the registration left of the account's five tries, whatever the number of addresses
    # and instances.
    assert statuses == {401: 4, 429: 3 * _ADDRESSES - 4}
    assert [each.result() for each in homecoming] == [200] * 5
    # Someone who does not know the device is held off, with the right password too: that is the attacker's place.
    stranger = {"email": email, "password": _PASSWORD}
    assert pods[0].ask("/api/v1/auth/login", stranger, headers=address()).status == 429


def test_unknown_and_wrong_take_the_same_time(pods: list[LiveServer]) -> None:
    email = register(pods[0])["user"]["email"]
    # An address is used once, and an account three times, so that no limit refuses.
    seconds: dict[str, list[float]] = {"unknown": [], "wrong": []}
    for number in range(_TRIES):
        account = register(pods[0])["user"]["email"] if number % 3 == 0 else email
        email = account
        for kind, name in (("unknown", f"{uuid.uuid4()}@example.com"), ("wrong", account))[:: 1 if number % 2 else -1]:
            answer = pods[0].ask("/api/v1/auth/login", {"email": name, "password": "not it at all"}, headers=address())
            assert (answer.status, answer.body["code"]) == (401, "invalid_credentials")
            seconds[kind].append(answer.seconds)

    difference = statistics.median(seconds["unknown"]) - statistics.median(seconds["wrong"])
    assert abs(difference) < 0.005
