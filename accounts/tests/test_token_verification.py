"""What is accepted, what is called expired, and that nothing near a good token is accepted."""

import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts import tokens
from accounts.errors import InvalidToken
from accounts.models import User
from accounts.tests.forge import Forge, neighbour
from accounts.tests.pods import pod_without_database
from conftest import PASSWORD
from nocturnal_project.identifiers import uuid7

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_in_any_letters(forge: Forge, scheme: str) -> None:
    answer = APIClient().get("/api/v1/me", HTTP_AUTHORIZATION=f"{scheme} {forge.good()}")

    assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["refresh_token", "device_token"])
def test_another_token_of_ours_is_no_access_token(forge: Forge, api: APIClient, alice: User, kind: str) -> None:
    other = api.post("/api/v1/auth/login", {"email": alice.email, "password": PASSWORD}).json()[kind]

    assert forge.ask(other).json()["code"] == "invalid_token"


@pytest.mark.parametrize("claims", [{}, {"further": {"claims": [1, 2.5, None]}}, {"nbf": 1}, {"iat": 1}], ids=str)
def test_what_is_not_wrong_is_accepted(forge: Forge, claims: dict[str, Any]) -> None:
    assert forge.ask(forge.saying(**claims)).status_code == 200


def test_clocks_of_instances_may_differ_by_a_moment_but_expiry_has_no_leeway(forge: Forge) -> None:
    soon = forge.claims["iat"] + 4

    assert forge.ask(forge.saying(iat=soon, nbf=soon)).status_code == 200
    assert forge.ask(forge.saying(exp=int(time.time()))).json()["code"] == "token_expired"


def test_only_a_token_that_was_good_once_is_called_expired(forge: Forge) -> None:
    token = forge.good()
    assert forge.ask(token).status_code == 200

    with time_machine.travel(timezone.now() + timedelta(seconds=601), tick=False):
        wrong_too = [forge.saying(aud="another-api"), forge.saying(sub="alice"), forge.saying(jti=""), token[:-6]]
        codes = [forge.ask(other).json()["code"] for other in wrong_too]
        expired = forge.ask(token)

    assert set(codes) == {"invalid_token"}
    assert (expired.status_code, expired.json()["code"]) == (401, "token_expired")
    assert expired["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_a_token_that_was_seen_before_still_expires_at_its_second(forge: Forge) -> None:
    token = forge.good()
    expires = forge.claims["exp"]

    with time_machine.travel(expires - 1, tick=False) as moment:
        before = forge.ask(token).status_code
        moment.shift(1)
        at_its_second = forge.ask(token).status_code

    assert (before, at_its_second) == (200, 401)


@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_no_change_of_a_good_token_is_accepted(settings: Any, algorithm: str) -> None:
    settings.JWT_ALGORITHM = algorithm
    letters = st.sampled_from("Aa0-_.=+/ \0\u00e9") | st.characters()

    with pod_without_database().serving():
        good = tokens.access_token(user_id=uuid7(), session_id=uuid7(), issued=timezone.now())
        assert tokens.read_access_token(good)

        @given(place=st.integers(0, len(good)), length=st.integers(0, 3), by=st.text(letters, max_size=3))
        def change(place: int, length: int, by: str) -> None:
            changed = good[:place] + by + good[place + length :]
            if changed != good:
                with pytest.raises(InvalidToken) as refusal:
                    tokens.read_access_token(changed)
                assert refusal.value.code == "invalid_token"

        change()


@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_no_other_letter_in_any_place_is_accepted(settings: Any, algorithm: str) -> None:
    settings.JWT_ALGORITHM = algorithm

    with pod_without_database().serving():
        good = tokens.access_token(user_id=uuid7(), session_id=uuid7(), issued=timezone.now())
        for place, letter in enumerate(good):
            for other in {neighbour(letter) if letter != "." else "A", "A", "."} - {letter}:
                with pytest.raises(InvalidToken):
                    tokens.read_access_token(good[:place] + other + good[place + 1 :])
