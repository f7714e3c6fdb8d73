from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Session, User
from conftest import PASSWORD

pytestmark = pytest.mark.django_db
LOGIN = "/api/v1/auth/login"


def _log_in(api: APIClient, **changes: Any) -> Any:
    return api.post(LOGIN, {"email": "alice@example.com", "password": PASSWORD, **changes})


def test_the_right_password_signs_in_whatever_the_emails_case(api: APIClient, alice: User) -> None:
    answer = _log_in(api, email=" ALICE@Example.com ")

    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == str(alice.pk)
    alice.refresh_from_db()
    assert alice.last_login is not None


def test_unknown_wrong_and_deactivated_are_answered_alike(api: APIClient, alice: User, make_user: Any) -> None:
    make_user("Bob", is_active=False)

    answers = [
        _log_in(api, password="wrong password here"),
        _log_in(api, email="nobody@example.com"),
        _log_in(api, email="bob@example.com"),
    ]

    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert bodies[0]["code"] == "invalid_credentials"
    assert bodies[0] == bodies[1] == bodies[2]


def test_unknown_and_wrong_cost_one_hashing_each(api: APIClient, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    hashings: list[str] = []

    def counted(name: str) -> Callable[..., Any]:
        real = getattr(Argon2PasswordHasher, name)

        def hash_and_count(*args: Any, **kwargs: Any) -> Any:
            hashings.append(name)
            return real(*args, **kwargs)

        return hash_and_count

    for name in ("encode", "verify"):
        monkeypatch.setattr(Argon2PasswordHasher, name, counted(name))

    _log_in(api, email="nobody@example.com")
    _log_in(api, password="wrong password here")

    assert hashings == ["encode", "verify"]


def test_a_hash_made_with_other_numbers_is_renewed_at_sign_in(api: APIClient, alice: User) -> None:
    weaker = Argon2PasswordHasher()
    weaker.time_cost, weaker.memory_cost, weaker.parallelism = 1, 1024, 1
    User.objects.filter(pk=alice.pk).update(password=weaker.encode(PASSWORD, weaker.salt()))

    assert _log_in(api).status_code == 200

    alice.refresh_from_db()
    assert "m=19456,t=2,p=1" in alice.password


def test_a_good_sign_in_gives_its_try_back(api: APIClient, alice: User) -> None:
    for _ in range(8):
        answer = _log_in(api)
        assert answer.status_code == 200
        assert answer["RateLimit"].startswith('"auth";r=5;t=')


def test_the_sixth_wrong_try_is_refused_and_says_when_to_come_back(api: APIClient, alice: User) -> None:
    tries = [_log_in(api, password="wrong password here").status_code for _ in range(5)]
    refused = _log_in(api)

    assert tries == [401] * 5
    assert refused.status_code == 429
    assert refused.json()["violated-policies"] == ["auth"]
    assert 0 < int(refused["Retry-After"]) <= 900


def test_a_known_device_gets_in_while_its_account_is_flooded(api: APIClient, alice: User) -> None:
    proof = _log_in(api).json()["device_token"]
    for number in range(6):
        _log_in(APIClient(REMOTE_ADDR=f"203.0.113.{number}"), password="wrong password here")

    stranger = _log_in(APIClient(REMOTE_ADDR="198.51.100.1"))
    owner = _log_in(APIClient(REMOTE_ADDR="203.0.113.1"), device_token=proof)

    assert stranger.status_code == 429
    assert owner.status_code == 200


def test_a_device_token_proves_nothing_for_another_account(api: APIClient, alice: User, bob: User) -> None:
    proof = _log_in(api).json()["device_token"]
    for _ in range(5):
        _log_in(api, email=bob.email, password="wrong password here", device_token=proof)

    assert _log_in(api, email=bob.email, device_token=proof).status_code == 429


@pytest.mark.parametrize("proof", ["", "garbage", "a.b:c:d", "x" * 4096])
def test_a_bad_device_token_is_no_error(api: APIClient, alice: User, proof: str) -> None:
    assert _log_in(api, device_token=proof).status_code == 200


def test_signing_in_again_on_a_device_replaces_its_session(api: APIClient, alice: User) -> None:
    first = _log_in(api).json()
    second = _log_in(api, device_token=first["device_token"]).json()

    assert Session.objects.count() == 1
    assert api.post("/api/v1/auth/refresh", {"refresh_token": first["refresh_token"]}).status_code == 401
    assert api.post("/api/v1/auth/refresh", {"refresh_token": second["refresh_token"]}).status_code == 200


def test_signing_in_elsewhere_leaves_other_devices_signed_in(api: APIClient, alice: User) -> None:
    first = _log_in(api).json()
    _log_in(api)

    assert Session.objects.count() == 2
    assert api.post("/api/v1/auth/refresh", {"refresh_token": first["refresh_token"]}).status_code == 200


def test_an_access_token_ends_after_ten_minutes(alice: User, sign_in: Callable[[User], APIClient]) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = sign_in(alice)
        clock.shift(timedelta(seconds=599))
        before = client.get("/api/v1/me")
        clock.shift(timedelta(seconds=1))
        after = client.get("/api/v1/me")

    assert before.status_code == 200
    assert (after.status_code, after.json()["code"]) == (401, "token_expired")
    assert after["WWW-Authenticate"].startswith("Bearer ")
