"""Refresh and device tokens: each good for one purpose, and good through a change of SECRET_KEY."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core import signing
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts import tokens
from accounts.errors import InvalidToken
from accounts.models import User
from accounts.tests.pods import pod_without_database
from conftest import PASSWORD
from nocturnal_project.identifiers import uuid7

EMAIL = "alice@example.com"


def _one_of_each() -> dict[str, str]:
    with pod_without_database().serving():
        return {
            "access": tokens.access_token(user_id=uuid7(), session_id=uuid7(), issued=timezone.now()),
            "refresh": tokens.refresh_token(session_id=uuid7(), counter=3),
            "device": tokens.device_token(device_id=uuid.uuid4(), email=EMAIL),
        }


def _accepts(token: str) -> set[str]:
    """For what a token is taken."""
    taken = set()
    with pod_without_database().serving():
        for name, read in {"access": tokens.read_access_token, "refresh": tokens.read_refresh_token}.items():
            try:
                read(token)
                taken.add(name)
            except InvalidToken:
                pass
        if tokens.known_device(token, email=EMAIL):
            taken.add("device")
    return taken


@pytest.mark.parametrize("kind", ["access", "refresh", "device"])
def test_a_token_is_good_for_its_own_purpose_and_no_other(kind: str) -> None:
    assert _accepts(_one_of_each()[kind]) == {kind}


@pytest.mark.parametrize("kind", ["refresh", "device"])
def test_another_signature_of_ours_over_the_same_text_is_none(kind: str) -> None:
    text = _one_of_each()[kind].rpartition(":")[0]

    for salt in ("django.core.signing.Signer", "accounts.access_token", "uploads.local_files", ""):
        assert _accepts(signing.Signer(salt=salt).sign(text)) == set()


def test_a_device_token_is_good_for_its_account_only() -> None:
    token = _one_of_each()["device"]

    assert tokens.known_device(token, email=" ALICE@example.com ")
    assert tokens.known_device(token, email="bob@example.com") is None


@pytest.mark.parametrize("kind", ["refresh", "device"])
def test_no_change_of_one_is_accepted(kind: str) -> None:
    good = _one_of_each()[kind]

    @given(place=st.integers(0, len(good)), length=st.integers(0, 3), by=st.text("Aa09:._-=", max_size=3))
    def change(place: int, length: int, by: str) -> None:
        changed = good[:place] + by + good[place + length :]
        if changed != good:
            assert kind not in _accepts(changed)

    change()


@pytest.fixture
def change_secret(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Start the process anew, as far as its signers are concerned, with another SECRET_KEY."""

    def change(*fallbacks: str) -> None:
        settings.SECRET_KEY = "a new secret key that is long enough to be one of ours"
        settings.SECRET_KEY_FALLBACKS = list(fallbacks)
        monkeypatch.setattr(tokens, "_refresh_signer", signing.Signer(salt="accounts.refresh_token"))
        monkeypatch.setattr(tokens, "_device_signer", signing.TimestampSigner(salt="accounts.device_token"))

    return change


@pytest.mark.parametrize("kind", ["refresh", "device"])
def test_what_a_former_secret_key_signed_is_good_while_it_is_named(
    settings: Any, change_secret: Callable[..., None], kind: str
) -> None:
    token, former = _one_of_each()[kind], settings.SECRET_KEY

    change_secret(former)
    named = _accepts(token)
    signed_since = _one_of_each()[kind]
    change_secret()

    assert (named, _accepts(token)) == ({kind}, set())
    assert _accepts(signed_since) == {kind}


@pytest.mark.django_db
def test_a_client_refreshes_through_a_change_of_the_secret_key(
    settings: Any, change_secret: Callable[..., None], api: APIClient, alice: User
) -> None:
    session = api.post("/api/v1/auth/login", {"email": alice.email, "password": PASSWORD}).json()

    change_secret(settings.SECRET_KEY)
    refreshed = api.post("/api/v1/auth/refresh", {"refresh_token": session["refresh_token"]})
    change_secret()
    again = api.post("/api/v1/auth/refresh", {"refresh_token": refreshed.json()["refresh_token"]})

    assert (refreshed.status_code, again.status_code) == (200, 200)
