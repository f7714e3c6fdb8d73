from pathlib import Path
from typing import Any

import pytest

from nocturnal_project.checks import production_is_complete
from nocturnal_project.tests import PRODUCTION, run_python

_OTHER_KEY = PRODUCTION["SECRET_KEY"]

# What is changed in a complete production -> the one check that must fail, and the words of its fix.
_INCOMPLETE = [
    ({"SECRET_KEY": ""}, "nocturnal.E001", "SECRET_KEY is not set: set it, or SECRET_KEY_FILE."),
    ({"SECRET_KEY": "short"}, "nocturnal.E001", "use at least 32 random characters"),
    ({"JWT_SECRET": ""}, "nocturnal.E002", "JWT_SECRET is not set: set it, or JWT_SECRET_FILE."),
    ({"JWT_SECRET": "short"}, "nocturnal.E002", "use at least 32 random characters"),
    ({"JWT_SECRET": _OTHER_KEY}, "nocturnal.E003", "are the same: make two"),
    ({"SECRET_KEY_FALLBACKS": "short"}, "nocturnal.E011", "SECRET_KEY_FALLBACKS has a key that is public or too short"),
    ({"DEBUG": "true"}, "nocturnal.E004", "unset DEBUG"),
    ({"ALLOWED_HOSTS": ""}, "nocturnal.E005", "for example ALLOWED_HOSTS=api.example.com"),
    ({"ALLOWED_HOSTS": "*"}, "nocturnal.E005", "for example ALLOWED_HOSTS=api.example.com"),
    ({"MONGODB_URI": ""}, "nocturnal.E006", "set MONGODB_URI to the database that all pods share"),
    ({"REDIS_URL": ""}, "nocturnal.E007", "set REDIS_URL, or REDIS_ENABLED=true with REDIS_HOST"),
    ({"USE_S3": ""}, "nocturnal.E008", "set USE_S3=true, S3_BUCKET and AWS_REGION"),
]


def failed_checks(output: str) -> set[str]:
    """The ids in front of each message of ``manage.py check``, but for static files: this checkout may have them."""
    return {word.strip("():") for word in output.split() if word.startswith("(nocturnal.")} - {"nocturnal.E010"}


@pytest.mark.parametrize(("change", "failing", "fix"), _INCOMPLETE, ids=[f"{row[0]}" for row in _INCOMPLETE])
def test_a_production_without_one_thing_is_refused_with_its_fix(
    change: dict[str, str], failing: str, fix: str, tmp_path: Path
) -> None:
    checked = run_python("manage.py", "check", data_dir=tmp_path, **PRODUCTION | change)

    assert checked.returncode == 1
    assert failed_checks(checked.stderr) == {failing}
    assert fix in checked.stderr
    assert not [value for value in PRODUCTION.values() if len(value) > 32 and value in checked.stderr]


def test_a_production_without_anything_is_told_everything_at_once(tmp_path: Path) -> None:
    checked = run_python("manage.py", "check", data_dir=tmp_path, NOCTURNAL_ENV="production")

    assert failed_checks(checked.stderr) == {f"nocturnal.E00{number}" for number in (1, 2, 5, 6, 7, 8)} | {
        "nocturnal.W001",
        "nocturnal.W002",
    }
    assert "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'" in checked.stderr


def test_a_production_with_everything_set_is_let_through(tmp_path: Path) -> None:
    checked = run_python("manage.py", "check", data_dir=tmp_path, **PRODUCTION)

    assert failed_checks(checked.stderr) == set()


@pytest.fixture
def production(settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The settings of a complete production."""
    settings.PRODUCTION = True
    settings.SECRET_KEY = PRODUCTION["SECRET_KEY"]
    settings.JWT_SECRET = PRODUCTION["JWT_SECRET"]
    settings.ALLOWED_HOSTS = ["api.example.com"]
    settings.PUBLIC_URL = PRODUCTION["PUBLIC_URL"]
    settings.REDIS_URL = PRODUCTION["REDIS_URL"]
    settings.USE_S3 = True
    settings.EMAIL_URL = PRODUCTION["EMAIL_URL"]
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "", "OPTIONS": {"bucket_name": "nocturnal-files"}}}
    settings.STATIC_ROOT = tmp_path
    (tmp_path / "staticfiles.json").touch()
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "the engine of a database that pods share")
    return settings


def test_a_complete_production_has_nothing_to_mend(production: Any) -> None:
    assert production_is_complete(None) == []


def test_a_production_without_its_static_files_is_told_how_to_collect_them(production: Any, tmp_path: Path) -> None:
    (tmp_path / "staticfiles.json").unlink()

    (message,) = production_is_complete(None)

    assert message.id == "nocturnal.E010"
    assert "manage.py collectstatic" in str(message.msg)


def test_a_production_without_a_mail_server_is_warned(tmp_path: Path) -> None:
    checked = run_python("manage.py", "check", data_dir=tmp_path, **PRODUCTION | {"EMAIL_URL": ""})

    assert failed_checks(checked.stderr) == {"nocturnal.W002"}
    assert "set EMAIL_URL, for example smtp+tls://user:password@host" in checked.stderr


def test_secrets_may_come_from_files(tmp_path: Path) -> None:
    files = {}
    for name in ("SECRET_KEY", "JWT_SECRET"):
        (tmp_path / name).write_text(PRODUCTION[name] + "\n", encoding="utf-8")
        files[name + "_FILE"] = str(tmp_path / name)
    variables = {name: value for name, value in PRODUCTION.items() if name + "_FILE" not in files}

    checked = run_python("manage.py", "check", data_dir=tmp_path, **variables, **files)

    assert failed_checks(checked.stderr) == set()


def test_development_needs_no_variable_at_all(tmp_path: Path) -> None:
    checked = run_python("manage.py", "check", "--fail-level", "WARNING", data_dir=tmp_path)

    assert (checked.returncode, checked.stderr) == (0, "")
