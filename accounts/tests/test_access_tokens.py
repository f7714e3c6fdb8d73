"""What a forged, altered or misused access token is answered: always 401, never a 500."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from django.conf import settings
from rest_framework.test import APIClient

from accounts import keyring, tokens
from accounts.models import User
from conftest import PASSWORD

pytestmark = pytest.mark.django_db


def _claims(user: User, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    session = user.sessions.get()
    claims = {
        "iss": settings.PUBLIC_URL, "aud": tokens.AUDIENCE, "sub": str(user.pk), "sid": str(session.pk),
        "typ": "access", "jti": "1", "iat": now, "nbf": now, "exp": now + 600,
    } | changes  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


def _signed(claims: dict[str, Any]) -> str:
    return keyring.ring().signing_key(time.time()).backend.encode(claims)


def _get_me(token: str) -> Any:
    return APIClient().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {token}")


@pytest.fixture
def signed_in(alice: User, sign_in: Callable[[User], APIClient]) -> User:
    sign_in(alice)
    return alice


def test_a_token_has_the_claims_and_header_of_the_contract(api: APIClient, alice: User) -> None:
    token = api.post("/api/v1/auth/login", {"email": alice.email, "password": PASSWORD}).json()["access_token"]

    claims = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)

    assert set(claims) == {"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid", "typ"}
    assert (header["alg"], len(header["kid"])) == ("HS256", 8)
    assert claims["exp"] - claims["iat"] == 600


def test_the_same_claims_signed_by_us_are_accepted(signed_in: User) -> None:
    token = _signed(_claims(signed_in))

    assert _get_me(token).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"}, {"aud": "another-api"}, {"typ": "refresh"}, {"typ": None},
        {"sub": None}, {"sid": None}, {"jti": None}, {"exp": None}, {"iat": None}, {"nbf": None},
        {"nbf": 2**33}, {"exp": 1}, {"sub": "not-a-uuid"}, {"sub": 7}, {"sid": ["x"]}, {"exp": "soon"},
        {"sid": "019b2c3d-4e5f-7a6b-8c7d-9e0f1a2b3c4d"}, {"sub": "019b2c3d-4e5f-7a6b-8c7d-9e0f1a2b3c4d"},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_with_wrong_claims_is_refused(signed_in: User, changes: dict[str, Any]) -> None:
    token = _signed(_claims(signed_in, **changes))

    answer = _get_me(token)

    assert answer.status_code == 401
    assert answer.json()["code"] in {"invalid_token", "token_expired"}


def test_a_token_without_or_with_another_signature_is_refused(signed_in: User) -> None:
    claims = _claims(signed_in)
    unsigned = jwt.encode(claims, "", "none")
    other_key = jwt.encode(claims, "another key that is long enough to be one", "HS256")
    other_algorithm = jwt.encode(claims, settings.JWT_SECRET, "HS384")

    for token in (unsigned, other_key, other_algorithm, unsigned + "x"):
        assert _get_me(token).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "Bearer", "Bearer ", "bearer", "Basic YTpi", "Token abc", "Bearer a b", "Bearer a,Bearer b", "", ",",
        "Bearer ..", "Bearer a.b.c", "Bearer " + "a" * 5000, "Bearer \u00e9", "Bearer eyJhbGciOiJub25lIn0..",
    ],
    ids=repr,
)  # fmt: skip
def test_an_authorization_header_that_is_no_token_is_refused(api: APIClient, db: None, header: str) -> None:
    answer = api.get("/api/v1/me", HTTP_AUTHORIZATION=header)

    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_token"
    assert answer["WWW-Authenticate"].startswith("Bearer ")


def test_two_authorization_headers_are_refused_even_if_one_is_good(signed_in: User) -> None:
    good = _signed(_claims(signed_in))

    answer = APIClient().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {good},Bearer {good}")

    assert answer.status_code == 401


def test_a_refresh_token_is_no_access_token(api: APIClient, alice: User) -> None:
    session = api.post("/api/v1/auth/login", {"email": alice.email, "password": PASSWORD}).json()

    assert _get_me(session["refresh_token"]).status_code == 401


def test_nobody_is_answered_without_a_token(api: APIClient, db: None) -> None:
    answer = api.get("/api/v1/me")

    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_required")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_deactivated_or_removed_user_is_signed_out_at_once(signed_in: User) -> None:
    token = _signed(_claims(signed_in))

    User.objects.filter(pk=signed_in.pk).update(is_active=False)
    deactivated = _get_me(token)
    signed_in.delete()
    removed = _get_me(token)

    assert (deactivated.status_code, removed.status_code) == (401, 401)
