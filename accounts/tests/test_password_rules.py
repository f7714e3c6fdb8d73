import time
import unicodedata
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from accounts.passwords import require_good_password
from conftest import PASSWORD
from nocturnal_project.errors import InvalidInput

LOGIN, REGISTER = "/api/v1/auth/login", "/api/v1/auth/register"
ALICE = {"email": "alice@example.com", "name": "Alice"}
# The same word as two keyboards send it: one letter with its mark, or the letter and then the mark.
COMPOSED, DECOMPOSED = "Zw\u00f6lf gr\u00fcne Laternen", unicodedata.normalize("NFD", "Zw\u00f6lf gr\u00fcne Laternen")
WIDE = "\uff53even lanterns at midnight"  # its first letter is a full-width one


def _reasons(password: str) -> set[str]:
    try:
        require_good_password(password, User(email="alice@example.com", name="Alice Liddell"), pointer="#/password")
    except InvalidInput as refusal:
        return {error["code"] for error in refusal.facts["errors"]}
    return set()


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "seven lanterns at midnight",
        "zm7!qpd2Lk9x",
        "is it this one?",
        "abc des Lebens",  # a run of three is none
        "Zw\u00f6lf gr\u00fcne Laternen",
        "\u0431\u0435\u043b\u0430\u044f \u043d\u043e\u0447\u044c \u0438\u044e\u043d\u044f",
        "\u6708\u5149\u4e0b\u7684\u5341\u4e8c\u76cf\u7eff\u8272\u706f\u7b3c\u4eae",
        " nine spaces inside it ",
        "my nocturnal habits are odd",
    ],
)  # fmt: skip
def test_a_good_password_is_taken_without_a_recipe_of_signs(password: str) -> None:
    assert _reasons(password) == set()


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("fox jumps", "password_too_short"),
        ("\ufb03\ufb03\ufb03ab", "password_repetitive"),  # three ligatures of ffi
        ("aaaaaaaaaaaa", "password_repetitive"),
        ("AaAaAaAaAaAa", "password_repetitive"),
        ("111122223333", "password_repetitive"),
        ("abcdeabcdeabcde", "password_repetitive"),
        ("Lantern7Lantern7", "password_repetitive"),
        ("moonlight-moonlight-moon", "password_repetitive"),  # cut off
        ("abcdefghijkl", "password_predictable"),
        ("zyxwvutsrqpo", "password_predictable"),
        ("qwertyuiop[]", "password_predictable"),
        ("poiuytrewq12", "password_predictable"),
        ("asdfghjklzxcvbnm", "password_predictable"),
        ("qwertzuiop1234", "password_predictable"),
        ("123456789012", "password_predictable"),
        ("qwerty123456", "password_predictable"),
        ("hello12345678", "password_predictable"),
        ("password1234", "password_too_common"),
        ("Sunshine2024", "password_too_common"),
        ("!!Princess_99!", "password_too_common"),
        ("739174927492", "password_entirely_numeric"),
        ("alice@example.com", "password_too_similar"),
        ("AliceLiddell1", "password_too_similar"),
        ("Nocturnal2026!", "password_too_similar"),
        ("my-nocturnal", "password_too_similar"),
    ],
)
def test_a_password_that_is_tried_first_is_refused_with_its_reason(password: str, reason: str) -> None:
    assert reason in _reasons(password)


def test_a_thousand_characters_are_judged_quickly() -> None:
    started = time.perf_counter()
    for password in ("a" * 1024, "ab" * 512, "abcdefgh" * 128, "\ufdfa" * 1024):
        _reasons(password)

    assert time.perf_counter() - started < 2


@pytest.mark.django_db
class TestSpelling:
    @pytest.mark.parametrize(
        ("chosen", "typed"),
        [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED), (WIDE, "seven lanterns at midnight")],
    )
    def test_a_password_opens_however_a_keyboard_sends_it(self, api: APIClient, chosen: str, typed: str) -> None:
        assert api.post(REGISTER, {**ALICE, "password": chosen}).status_code == 201

        assert api.post(LOGIN, {"email": "alice@example.com", "password": typed}).status_code == 200

    def test_a_hash_of_the_password_as_it_was_typed_still_opens(self, api: APIClient, alice: User) -> None:
        hasher = Argon2PasswordHasher()
        hasher.time_cost, hasher.memory_cost, hasher.parallelism = 2, 19 * 1024, 1
        User.objects.filter(pk=alice.pk).update(password=hasher.encode(DECOMPOSED, hasher.salt()))

        answers = [api.post(LOGIN, {"email": alice.email, "password": typed}) for typed in (DECOMPOSED, COMPOSED)]

        assert [answer.status_code for answer in answers] == [200, 401]

    def test_case_and_spaces_are_the_users(self, api: APIClient) -> None:
        api.post(REGISTER, {**ALICE, "password": " Seven lanterns "})

        for typed in ("Seven lanterns", " seven lanterns "):
            assert api.post(LOGIN, {"email": "alice@example.com", "password": typed}).status_code == 401

    @pytest.mark.parametrize("typed", ["a wrong passphrase", DECOMPOSED])
    def test_unknown_and_wrong_cost_the_same_hashing_in_any_spelling(
        self, api: APIClient, alice: User, monkeypatch: pytest.MonkeyPatch, typed: str
    ) -> None:
        counts: list[int] = []
        for name in ("encode", "verify"):
            real = getattr(Argon2PasswordHasher, name)

            def counted(*args: Any, _real: Any = real, **kwargs: Any) -> Any:
                counts[-1] += 1
                return _real(*args, **kwargs)

            monkeypatch.setattr(Argon2PasswordHasher, name, counted)

        for path, fields in ((LOGIN, ("email", "password")), (reverse("admin:login"), ("username", "password"))):
            for email in ("nobody@example.com", alice.email):
                counts.append(0)
                api.post(
                    path, dict(zip(fields, (email, typed), strict=True)), format=None if path == LOGIN else "multipart"
                )

        assert counts == [1 if typed.isascii() else 2] * 4


@pytest.mark.django_db
def test_an_account_brought_from_another_django_project_is_let_in_and_its_hash_renewed(
    api: APIClient, alice: User
) -> None:
    elsewhere = PBKDF2PasswordHasher()
    User.objects.filter(pk=alice.pk).update(password=elsewhere.encode(PASSWORD, elsewhere.salt()))

    wrong = api.post(LOGIN, {"email": alice.email, "password": "is it this one?"})
    right = api.post(LOGIN, {"email": alice.email, "password": PASSWORD})

    assert (wrong.status_code, right.status_code) == (401, 200)
    alice.refresh_from_db()
    assert alice.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
