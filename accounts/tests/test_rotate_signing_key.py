"""The command: what it says, what it does, and its exit codes."""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts import key_rotation
from accounts.key_rotation import ring_in_database
from accounts.models import SigningKey

pytestmark = pytest.mark.django_db


def _run(*arguments: str) -> str:
    out = StringIO()
    call_command("rotate_signing_key", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def _states(said: str) -> list[str]:
    return re.findall(r"(?:HS256|EdDSA) +(\w+)", said)


def test_it_lists_the_keys_with_their_states_and_times() -> None:
    before = _run("--list")
    _run()

    after = _run("--list")

    assert _states(before) == ["signing", "accepted"]
    assert "(of JWT_SECRET)" in before
    assert _states(after) == ["published", "signing", "accepted"]
    row = SigningKey.objects.get()
    assert re.search(rf"{row.kid} +HS256 +published +{row.signs_from:%Y-%m-%d %H:%M:%S}Z +-", after)
    assert row.sealed not in after


def test_a_rotation_says_when_the_new_key_signs_and_what_becomes_of_the_old_one() -> None:
    assert "It signs in 120 seconds; tokens of the old key are good until they expire." in _run()


def test_a_repeated_rotation_does_nothing_and_is_no_failure() -> None:
    _run()

    said = _run()

    assert "Nothing done: the key that is published will sign soon." in said
    assert SigningKey.objects.count() == 1


def test_an_urgent_rotation_does_not_wait_for_one_that_is_pending() -> None:
    _run()

    assert _states(_run("--now"))[:2] == ["signing", "accepted"]


def test_revoking_says_that_clients_refresh(settings: Any) -> None:
    settings.JWT_ALGORITHM = "EdDSA"

    said = _run("--now", "--revoke-old")

    assert _states(said) == ["signing", "revoked", "revoked"]
    assert "tokens of every older key are refused: clients refresh" in said
    assert SigningKey.objects.get().algorithm == "EdDSA"


@pytest.mark.parametrize(
    ("arguments", "foretold"),
    [
        ([], "Would add a key for HS256. It signs in 120 seconds"),
        (["--now"], "Would add a key for HS256. It signs now; tokens of the old key"),
        (["--now", "--revoke-old"], "Would add a key for HS256. It signs now, and tokens of every older key"),
    ],
)
def test_a_dry_run_foretells_and_changes_nothing(arguments: list[str], foretold: str) -> None:
    assert foretold in _run("--dry-run", *arguments)
    assert SigningKey.objects.count() == 0


def test_a_dry_run_foretells_that_a_pending_rotation_stands_in_the_way() -> None:
    _run()

    assert "Would do nothing" in _run("--dry-run")
    assert "Would add a key" in _run("--dry-run", "--now")
    assert SigningKey.objects.count() == 1


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        (["--revoke-old"], "add --now"),
        (["--list", "--now"], "give it alone"),
        (["--list", "--dry-run"], "give it alone"),
        (["--dry-run", "--revoke-old"], "add --now"),
    ],
)
def test_wrong_use_is_refused_with_what_to_do(arguments: list[str], fix: str) -> None:
    with pytest.raises(CommandError, match=fix) as refusal:
        _run(*arguments)

    assert refusal.value.returncode == 1
    assert SigningKey.objects.count() == 0


def test_an_urgent_rotation_that_another_overtook_asks_to_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    new_row = key_rotation._new_row

    def just_before(generation: int, **how: Any) -> SigningKey:
        new_row(generation, **{**how, "at_once": False, "revoke_older": False}).save(force_insert=True)
        return new_row(generation, **how)

    monkeypatch.setattr(key_rotation, "_new_row", just_before)
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("rotate_signing_key", "--now", "--revoke-old", stdout=out, stderr=err, no_color=True)

    assert ended.value.code == 2
    assert "look, and repeat" in err.getvalue()
    assert _states(out.getvalue()) == ["published", "signing", "accepted"]


def test_an_ordinary_rotation_that_another_overtook_is_what_was_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    new_row = key_rotation._new_row

    def just_before(generation: int, **how: Any) -> SigningKey:
        new_row(generation, **how).save(force_insert=True)
        return new_row(generation, **how)

    monkeypatch.setattr(key_rotation, "_new_row", just_before)

    assert "Nothing done" in _run()
    assert SigningKey.objects.count() == 1


def test_keys_of_another_secret_are_shown_as_ignored(settings: Any) -> None:
    _run("--now")
    kid = SigningKey.objects.get().kid
    settings.JWT_SECRET = "another secret that is long enough to be one of ours"

    said = _run()

    assert f"{kid}  of another JWT_SECRET: ignored" in said
    assert [key.generation for key in ring_in_database().keys] == [2, 0, 0]
