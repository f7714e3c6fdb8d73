"""The fields of draft-ietf-httpapi-ratelimit-headers on every kind of answer, in their exact form."""

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.conf import settings
from rest_framework.test import APIClient

LOGIN, ME, UPLOADS = "/api/v1/auth/login", "/api/v1/me", "/api/v1/uploads"
TYPES = "https://iana.org/assignments/http-problem-types#"
# Structured fields (RFC 9651): a list with one string, its parameters integers.
POLICY = re.compile(r'"(auth|api|upload)(-strict)?";q=[1-9][0-9]*;w=[1-9][0-9]*')
LIMIT = re.compile(r'"(auth|api|upload)(-strict)?";r=(0|[1-9][0-9]*);t=(0|[1-9][0-9]*)')
OUTSIDE = "https://app.example.com"
SignIn = Callable[[Any], APIClient]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-01-02T03:04:05Z", tick=False) as traveller:
        yield traveller


def fields(answer: Any) -> tuple[str, str]:
    policy, limit = answer.headers["RateLimit-Policy"], answer.headers["RateLimit"]
    assert POLICY.fullmatch(policy), policy
    assert LIMIT.fullmatch(limit), limit
    return policy, limit


def test_every_kind_of_answer_has_both_fields(api: APIClient, alice: Any, sign_in: SignIn) -> None:
    client = sign_in(alice)
    answers = {
        200: client.get(ME),
        404: client.get(f"{UPLOADS}/{uuid.uuid4()}"),
        422: client.patch(ME, {"is_staff": True}),
        405: client.put(ME, {}),
        415: client.generic("PATCH", ME, "x", content_type="text/plain"),
        400: client.generic("PATCH", ME, "{", content_type="application/json"),
    }

    assert {status: answer.status_code for status, answer in answers.items()} == {status: status for status in answers}
    assert [fields(answer) for answer in answers.values()] == [
        ('"api";q=100;w=600', f'"api";r={left};t=600') for left in range(99, 93, -1)
    ]
    assert not any("Retry-After" in answer.headers for answer in answers.values())


@pytest.mark.parametrize(
    "path", [ME, UPLOADS, f"{UPLOADS}/{uuid.UUID(int=7)}", "/api/nowhere"], ids=["me", "list", "one", "nowhere"]
)
def test_a_stranger_is_told_the_limit_of_their_address_on_401_and_404(api: APIClient, path: str) -> None:
    answer = api.get(path)

    assert answer.status_code == (404 if path == "/api/nowhere" else 401)
    assert fields(answer) == ('"api";q=100;w=600', '"api";r=99;t=600')


def test_tries_at_sign_in_are_told_of_auth_on_401_and_422_and_200(api: APIClient, alice: Any) -> None:
    wrong = api.post(LOGIN, {"email": alice.email, "password": "x"})
    invalid = api.post(LOGIN, {})
    right = api.post(LOGIN, {"email": alice.email, "password": "correct horse battery staple"})

    assert [answer.status_code for answer in (wrong, invalid, right)] == [401, 422, 200]
    # The one that succeeded was given back.
    assert [fields(answer)[1] for answer in (wrong, invalid, right)] == [f'"auth";r={left};t=900' for left in (4, 3, 3)]


def test_sending_a_file_is_told_of_upload(alice: Any, sign_in: SignIn) -> None:
    answer = sign_in(alice).post(UPLOADS, {"file": "no file"}, format="multipart")

    assert answer.status_code == 422
    assert fields(answer) == ('"upload";q=10;w=3600', '"upload";r=9;t=3600')


@pytest.mark.parametrize("store", ["local", "redis"])
def test_a_refusal_goes_from_the_normal_limit_to_the_strict_one_to_a_block(
    api: APIClient, store: str, request: pytest.FixtureRequest
) -> None:
    if store == "redis":
        request.getfixturevalue("redis")
    answers = [api.post(LOGIN, {}) for _ in range(16)][5:]

    problems = [answer.json() for answer in answers]
    assert {answer.status_code for answer in answers} == {429}
    assert {answer.headers["Content-Type"] for answer in answers} == {"application/problem+json"}
    said = [
        (fields(answer)[0], problem["type"].removeprefix(TYPES), problem["violated-policies"])
        for answer, problem in zip(answers, problems, strict=True)
    ]
    normal, strict = ('"auth";q=5;w=900', "quota-exceeded", ["auth"]), '"auth-strict";q=3;w=900'
    assert said == [
        *[normal] * 3,
        *[(strict, "quota-exceeded", ["auth-strict"])] * 7,
        (strict, "abnormal-usage-detected", ["auth-strict"]),
    ]
    for answer, problem in zip(answers, problems, strict=True):
        seconds = int(answer.headers["Retry-After"])
        assert fields(answer)[1].partition(";")[2] == f"r=0;t={seconds}"
        assert (problem["code"], problem["status"], problem["retry_after_seconds"]) == ("rate_limited", 429, seconds)
        assert f"Try again in {seconds} seconds." in problem["detail"]
    assert int(answers[-1].headers["Retry-After"]) in (3599, 3600)


def test_a_browsers_script_of_an_allowed_origin_may_read_the_fields(api: APIClient) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "CORS_ALLOWED_ORIGINS", (OUTSIDE,))
        answers = [api.post(LOGIN, {}, HTTP_ORIGIN=OUTSIDE) for _ in range(6)]
        foreign = api.post(LOGIN, {}, HTTP_ORIGIN="https://evil.example.net")

    assert [answers[0].status_code, answers[-1].status_code] == [422, 429]
    for answer in (answers[0], answers[-1]):
        exposed = {name.strip() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
        assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= exposed
        assert {name for name in answer.headers if name.startswith("RateLimit") or name == "Retry-After"} <= exposed
    assert "Access-Control-Allow-Origin" not in foreign.headers
