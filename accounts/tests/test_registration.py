from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from accounts.models import Session, User
from conftest import PASSWORD

pytestmark = pytest.mark.django_db
PATH = "/api/v1/auth/register"
ALICE = {"email": "Alice@Example.com", "password": PASSWORD, "name": "Alice"}


def test_a_new_user_gets_tokens_that_work_at_once(api: APIClient) -> None:
    answer = api.post(PATH, ALICE)

    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {
        "access_token", "token_type", "expires_in", "expires_at", "refresh_token", "device_token", "user",
    }  # fmt: skip
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 600)
    assert answer["Cache-Control"] == "no-store"
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {body['access_token']}")
    assert api.get("/api/v1/me").json() == body["user"]


def test_an_email_is_kept_in_one_spelling(api: APIClient) -> None:
    api.post(PATH, ALICE)

    assert User.objects.get().email == "alice@example.com"


def test_the_password_is_kept_as_argon2id(api: APIClient) -> None:
    api.post(PATH, ALICE)

    assert User.objects.get().password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_taken_email_is_refused_in_any_spelling(api: APIClient, alice: User) -> None:
    answer = api.post(PATH, {**ALICE, "email": "ALICE@example.COM"})

    assert answer.status_code == 409
    assert answer.json()["code"] == "email_taken"
    assert User.objects.count() == 1


@pytest.mark.parametrize("field", ["is_staff", "is_superuser", "is_active", "id"])
def test_a_field_that_is_not_the_callers_to_set_is_refused(api: APIClient, field: str) -> None:
    answer = api.post(PATH, {**ALICE, field: True})

    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": f"#/{field}", "code": "unknown_field", "detail": "There is no such field."}
    ]
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("fox jumps", "password_too_short"),
        ("password1234", "password_too_common"),
        ("alice@example.com", "password_too_similar"),
        ("739174927492", "password_entirely_numeric"),
    ],
)
def test_a_weak_password_is_refused_with_its_reason(api: APIClient, password: str, code: str) -> None:
    answer = api.post(PATH, {**ALICE, "password": password})

    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert {"pointer": "#/password", "code": code} in [{k: e[k] for k in ("pointer", "code")} for e in errors]
    assert password not in answer.content.decode()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/email"),
        ({"email": "not an e-mail", "password": PASSWORD}, "#/email"),
        ({"email": "a" * 250 + "@example.com", "password": PASSWORD}, "#/email"),
        ({"email": ["a@b.de"], "password": PASSWORD}, "#/email"),
        ({"email": "alice@example.com"}, "#/password"),
        ({"email": "alice@example.com", "password": None}, "#/password"),
        ({"email": "alice@example.com", "password": "x" * 1025}, "#/password"),
        ({"email": "alice@example.com", "password": PASSWORD, "name": "x" * 151}, "#/name"),
        ({"email": "alice@example.com", "password": PASSWORD, "name": "a\0b"}, "#/name"),
        (["alice@example.com"], "#"),
    ],
)
def test_what_is_wrong_with_the_input_is_pointed_at(api: APIClient, body: object, pointer: str) -> None:
    answer = api.post(PATH, body)

    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


def test_a_repeated_registration_with_the_same_key_is_answered_with_the_same_account(api: APIClient) -> None:
    first = api.post(PATH, ALICE, headers={"Idempotency-Key": "one"})
    second = api.post(PATH, ALICE, headers={"Idempotency-Key": "one"})

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["user"] == second.json()["user"]
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("key", "password"), [("another", PASSWORD), ("one", "a different passphrase"), ("", PASSWORD)]
)
def test_a_key_alone_opens_nobody_elses_account(api: APIClient, key: str, password: str) -> None:
    api.post(PATH, ALICE, headers={"Idempotency-Key": "one"})

    answer = api.post(PATH, {**ALICE, "password": password}, headers={"Idempotency-Key": key})

    assert answer.status_code == 409


def test_an_overlong_idempotency_key_is_refused(api: APIClient) -> None:
    answer = api.post(PATH, ALICE, headers={"Idempotency-Key": "k" * 256})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "invalid_header"


def test_registering_signs_in_on_one_device(api: APIClient, make_user: Callable[..., User]) -> None:
    api.post(PATH, ALICE, headers={"User-Agent": "Firefox " * 100})

    session = Session.objects.get()
    assert session.counter == 0
    assert len(session.user_agent) == 200
