"""/.well-known/jwks.json is enough for another party to verify our tokens, and tells nothing else."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import keyring, well_known
from accounts.key_rotation import rotate_signing_key
from accounts.models import User
from accounts.ring import PUBLISHED_AHEAD
from conftest import PASSWORD

pytestmark = pytest.mark.django_db
_PATH = "/.well-known/jwks.json"


@pytest.fixture
def asymmetric(settings: Any) -> None:
    settings.JWT_ALGORITHM = "EdDSA"


def _keys(client: Client) -> list[dict[str, str]]:
    keys: list[dict[str, str]] = json.loads(client.get(_PATH).content)["keys"]
    return keys


def _rotate(**how: bool) -> None:
    rotate_signing_key(**{"at_once": False, "revoke_older": False, **how}, now=timezone.now())
    keyring.refresh(timezone.now())


def test_another_party_can_verify_a_token_with_nothing_but_these_keys(
    asymmetric: None, client: Client, api: APIClient, alice: User
) -> None:
    token = api.post("/api/v1/auth/login", {"email": alice.email, "password": PASSWORD}).json()["access_token"]

    keys = jwt.PyJWKSet.from_json(client.get(_PATH).content.decode())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="nocturnal-api", issuer="http://127.0.0.1:5000")

    assert claims["sub"] == str(alice.pk)


def test_only_public_members_are_told(asymmetric: None, client: Client) -> None:
    _rotate(at_once=True)

    keys = _keys(client)

    assert len(keys) == 2
    assert [set(key) for key in keys] == [{"kty", "crv", "use", "alg", "kid", "x"}] * 2
    assert {(key["kty"], key["crv"], key["use"], key["alg"]) for key in keys} == {("OKP", "Ed25519", "sig", "EdDSA")}
    assert len({key["kid"] for key in keys}) == len({key["x"] for key in keys}) == 2


def test_a_key_is_told_before_it_signs_and_until_its_last_token_has_expired(asymmetric: None, client: Client) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        (first,) = _keys(client)
        _rotate()
        published = _keys(client)
        clock.shift(PUBLISHED_AHEAD + timedelta(minutes=10, seconds=59))
        still = _keys(client)
        clock.shift(1)
        alone = _keys(client)

    assert published == still == [alone[0], first]
    assert len(alone) == 1


def test_a_revoked_key_is_told_no_more(asymmetric: None, client: Client) -> None:
    (leaked,) = _keys(client)

    _rotate(at_once=True, revoke_older=True)

    assert leaked not in _keys(client)
    assert len(_keys(client)) == 1


def test_it_may_be_cached_for_less_time_than_a_key_is_published_ahead(asymmetric: None, client: Client) -> None:
    answer = client.get(_PATH)

    assert answer["Content-Type"] == "application/jwk-set+json"
    assert answer["Cache-Control"] == "public, max-age=60"
    assert timedelta(seconds=well_known._CACHED_SECONDS + keyring._OLD_SECONDS) < PUBLISHED_AHEAD
    assert not answer.cookies
    assert "Vary" not in answer


def test_where_tokens_are_signed_with_a_secret_there_are_no_public_keys(client: Client) -> None:
    answer = client.get(_PATH)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_it_can_only_be_read(asymmetric: None, client: Client, method: str) -> None:
    assert getattr(client, method)(_PATH).status_code == 405


def test_it_asks_the_database_for_nothing(
    asymmetric: None, client: Client, django_assert_num_queries: Callable[[int], Any]
) -> None:
    keyring.refresh(timezone.now())

    with django_assert_num_queries(0):
        client.get(_PATH)
