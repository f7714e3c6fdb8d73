"""The limits as clients of the API and of the admin meet them."""

import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from rest_framework.test import APIClient

from ratelimits import limiter
from ratelimits.policies import POLICIES

LOGIN = "/api/v1/auth/login"
ME = "/api/v1/me"
SignIn = Callable[[Any], APIClient]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-01-02T03:04:05Z", tick=False) as traveller:
        yield traveller


def left(answer: Any, policy: str = "api") -> int:
    """How many tries the answer says are left under the policy."""
    name, remaining, _ = answer.headers["RateLimit"].split(";")
    assert name == f'"{policy}"'
    return int(remaining.removeprefix("r="))


def test_a_refusal_says_why_and_for_how_long(api: APIClient) -> None:
    for _ in range(5):
        assert api.post(LOGIN, {}).status_code == 422

    refused = api.post(LOGIN, {})

    assert refused.status_code == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    seconds = int(refused.headers["Retry-After"])
    assert 0 < seconds <= 900
    assert refused.headers["RateLimit-Policy"] == '"auth";q=5;w=900'
    assert refused.headers["RateLimit"] == f'"auth";r=0;t={seconds}'
    problem = refused.json()
    assert problem.pop("request_id") == refused.headers["X-Request-ID"]
    assert problem == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Too many requests.",
        "status": 429,
        "detail": f"The limit of 5 requests in 900 seconds is used up. Try again in {seconds} seconds.",
        "instance": LOGIN,
        "code": "rate_limited",
        "violated-policies": ["auth"],
        "retry_after_seconds": seconds,
    }


def test_an_address_that_goes_on_is_held_strictly_and_then_blocked(api: APIClient) -> None:
    answers = [api.post(LOGIN, {}) for _ in range(16)]

    problems = [answer.json() for answer in answers[5:]]
    assert [problem["violated-policies"] for problem in problems] == [["auth"]] * 3 + [["auth-strict"]] * 8
    assert [problem["type"].rpartition("#")[2] for problem in problems] == (
        ["quota-exceeded"] * 10 + ["abnormal-usage-detected"]
    )
    assert answers[-1].headers["RateLimit-Policy"] == '"auth-strict";q=3;w=900'
    assert answers[-1].headers["Retry-After"] == "3600"


def test_a_blocked_address_is_blocked_for_strangers_and_not_for_users_behind_it(
    api: APIClient, alice: Any, sign_in: SignIn
) -> None:
    alices = sign_in(alice)
    for _ in range(16):
        api.post(LOGIN, {})

    assert api.get(ME).status_code == 429
    assert api.get(ME, REMOTE_ADDR="198.51.100.9").status_code == 401
    assert alices.get(ME).status_code == 200


def test_users_are_counted_by_themselves_and_not_by_their_address(alice: Any, bob: Any, sign_in: SignIn) -> None:
    alices, bobs = sign_in(alice), sign_in(bob)

    assert [left(alices.get(ME)) for _ in range(3)] == [99, 98, 97]
    assert left(bobs.get(ME)) == 99
    assert left(alices.get(ME, REMOTE_ADDR="198.51.100.9")) == 96


def test_every_failure_of_the_api_tells_what_is_left(api: APIClient, alice: Any, sign_in: SignIn) -> None:
    alices = sign_in(alice)

    failures = {
        401: api.get(ME),
        404: alices.get(f"/api/v1/uploads/{uuid.uuid4()}"),
        405: alices.put(ME, {}),
        422: alices.patch(ME, {"is_staff": True}),
        415: alices.generic("PATCH", ME, "x", content_type="text/plain"),
        413: alices.generic("PATCH", ME, "x" * 70_000, content_type="application/json"),
        400: alices.generic("PATCH", ME, "{", content_type="application/json"),
    }

    assert {status: answer.status_code for status, answer in failures.items()} == {
        status: status for status in failures
    }
    assert [left(answer) for answer in failures.values()] == [99, 99, 98, 97, 96, 95, 94]
    assert {answer.headers["RateLimit-Policy"] for answer in failures.values()} == {'"api";q=100;w=600'}


def test_a_bad_token_is_charged_to_its_sender(api: APIClient) -> None:
    tries = [api.get(ME, HTTP_AUTHORIZATION=header) for header in ("Bearer forged", "Bearer a.b.c", "Basic eDp5", "")]

    assert [answer.status_code for answer in tries] == [401] * 4
    assert [left(answer) for answer in tries] == [99, 98, 97, 96]
    assert left(api.get(ME)) == 95


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b"\xff", "application/json"),
        (b"[1]", "application/json"),
        (b"x" * 70_000, "application/json"),
        (b"a=b", "application/x-www-form-urlencoded"),
        (b'{"email": 7}', "application/json"),
    ],
    ids=["broken", "bytes", "list", "large", "form", "number"],
)
def test_a_body_that_cannot_be_read_costs_a_try_at_the_login(client: Client, body: bytes, content_type: str) -> None:
    tries = [client.generic("POST", LOGIN, body, content_type=content_type) for _ in range(6)]

    assert [answer.status_code for answer in tries[:5]] == [tries[0].status_code] * 5
    assert tries[0].status_code in (400, 413, 415, 422)
    assert tries[5].status_code == 429


@pytest.mark.django_db
def test_an_account_is_counted_whatever_the_address_and_the_spelling(api: APIClient) -> None:
    def guess(number: int) -> int:
        email = "Alice@Example.com" if number % 2 else " alice@example.com "
        return api.post(LOGIN, {"email": email, "password": "x"}, REMOTE_ADDR=f"203.0.113.{number}").status_code

    assert [guess(number) for number in range(7)] == [401] * 5 + [429] * 2
    assert left(api.post(LOGIN, {}, REMOTE_ADDR="203.0.113.6"), "auth") == 4


def test_a_sign_in_that_succeeds_costs_nothing(alice: Any, sign_in: SignIn) -> None:
    for _ in range(8):
        sign_in(alice)

    body = {"email": alice.email, "password": "wrong"}
    assert [APIClient().post(LOGIN, body).status_code for _ in range(6)] == [401] * 5 + [429]


@pytest.mark.parametrize("email", ["a\r\nSET x 1\r\n", "a:b{c}*", "*" * 50_000, "é" * 20_000, "\\u0000"])
def test_a_hostile_e_mail_is_an_ordinary_try_with_a_short_key(api: APIClient, email: str) -> None:
    answer = api.post(LOGIN, {"email": email})

    assert (answer.status_code, left(answer, "auth")) == (422, 4)
    keys = list(limiter.local._counts)
    assert keys
    assert all(len(key) <= 128 and key.isascii() and key.isprintable() for key in keys)


def test_exactly_the_limit_passes_when_fifty_threads_ask_at_once() -> None:
    statuses: list[int] = []
    start = threading.Barrier(50)

    def ask() -> None:
        client = Client()
        start.wait()
        statuses.extend(client.get(ME).status_code for _ in range(4))

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (statuses.count(401), statuses.count(429)) == (POLICIES["api"].normal, 100)


@pytest.mark.django_db
def test_the_login_of_the_admin_is_under_the_auth_policy(client: Client) -> None:
    form = {"username": "sam@example.com", "password": "wrong"}

    answers = [client.post("/admin/login/", form, HTTP_ACCEPT="text/html") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[0].headers["RateLimit"].startswith('"auth";r=4;t=')
    assert int(answers[5].headers["Retry-After"]) > 0
    assert "Try again in" in answers[5].content.decode()
    assert client.get("/admin/login/").status_code == 200


def test_staff_who_are_signed_in_are_not_limited(staff: Client) -> None:
    answers = [staff.get("/admin/password_change/done/") for _ in range(3)]

    assert {answer.status_code for answer in answers} == {200}
    assert not [answer for answer in answers if "RateLimit" in answer.headers]
