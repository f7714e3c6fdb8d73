from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pytest

from nocturnal_project.tests import run_python
from ratelimits import checks
from ratelimits.policies import OVERRIDABLE, POLICIES, ChargedTo, variable_of


def test_the_table_is_the_designs() -> None:
    # name, window in seconds, normal, strict, strict after, block after, charged to
    assert [astuple(policy)[:-2] for policy in POLICIES.values()] == [
        ("auth", 900, 5, 3, 3, 10, ChargedTo.IP_AND_ACCOUNT),
        ("api", 600, 100, 50, 10, 20, ChargedTo.USER_OR_IP),
        ("upload", 3600, 10, 5, 5, 10, ChargedTo.USER),
    ]


def test_every_policy_says_why() -> None:
    assert all(policy.why.endswith(".") for policy in POLICIES.values())
    assert all(name == policy.name for name, policy in POLICIES.items())


_PRINT_AUTH = "import django; django.setup(); from ratelimits.policies import POLICIES as p; print(p['auth'], p['api'])"


def test_each_number_of_a_policy_has_a_variable(tmp_path: Path) -> None:
    told = run_python(
        "-c",
        _PRINT_AUTH,
        data_dir=tmp_path,
        RATE_LIMIT_AUTH_WINDOW="60",
        RATE_LIMIT_AUTH_NORMAL="50",
        RATE_LIMIT_AUTH_STRICT="30",
        RATE_LIMIT_AUTH_STRICT_AFTER="7",
        RATE_LIMIT_AUTH_BLOCK_AFTER="8",
    )

    assert "name='auth', window=60, normal=50, strict=30, strict_after=7, block_after=8" in told.stdout
    assert "name='api', window=600, normal=100, strict=50, strict_after=10, block_after=20" in told.stdout


@pytest.mark.parametrize(
    ("name", "value", "failing", "fix"),
    [
        ("RATE_LIMIT_AUTH_NORMAL", "many", "ratelimits.E002", "Set RATE_LIMIT_AUTH_NORMAL to a whole number above 0"),
        ("RATE_LIMIT_AUTH_NORMAL", "0", "ratelimits.E002", "or unset it"),
        ("RATE_LIMIT_API_WINDOW", "-1", "ratelimits.E002", "Set RATE_LIMIT_API_WINDOW to a whole number above 0"),
        ("RATE_LIMIT_API_WINDOW", "1.5", "ratelimits.E002", "Set RATE_LIMIT_API_WINDOW to a whole number above 0"),
        ("RATE_LIMIT_AUHT_NORMAL", "5", "ratelimits.E001", "RATE_LIMIT_AUHT_NORMAL overrides nothing: use one of"),
        ("RATE_LIMIT_AUTH_WHY", "5", "ratelimits.E001", "RATE_LIMIT_UPLOAD_WINDOW"),
        ("RATE_LIMIT_AUTH_STRICT", "6", "ratelimits.E003", "keep strict (6) at most normal (5)"),
        ("RATE_LIMIT_AUTH_NORMAL", "1000000001", "ratelimits.E003", "keep normal (1000000001) at most 1000000000"),
        ("RATE_LIMIT_AUTH_STRICT_AFTER", "11", "ratelimits.E003", "strict_after (11) at most block_after (10)"),
    ],
)
def test_a_variable_that_makes_no_sense_stops_the_start(
    name: str, value: str, failing: str, fix: str, tmp_path: Path
) -> None:
    checked = run_python("manage.py", "check", data_dir=tmp_path, **{name: value})

    assert checked.returncode == 1
    assert f"({failing})" in checked.stderr
    assert fix in checked.stderr
    assert "1 issue" in checked.stderr


def test_every_variable_that_the_check_offers_is_understood(settings: Any) -> None:
    names = [variable_of(policy, field) for policy in POLICIES.values() for field in OVERRIDABLE]

    settings.RATE_LIMIT_OVERRIDES = dict.fromkeys(names, "5")

    assert len(names) == 15
    assert checks.overrides_are_understood(None) == []


def test_numbers_that_are_equal_do_not_contradict_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    even = replace(POLICIES["auth"], normal=5, strict=5, strict_after=10, block_after=10)

    monkeypatch.setitem(POLICIES, "auth", even)

    assert checks.overrides_are_understood(None) == []
