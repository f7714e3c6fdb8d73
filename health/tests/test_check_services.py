import io

import pytest
from django.core.management import call_command
from django.db import connection

pytestmark = pytest.mark.django_db


def _check_services() -> tuple[str, str, int]:
    out, errors, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("check_services", stdout=out, stderr=errors)
    except SystemExit as stop:
        code = int(str(stop.code))
    return out.getvalue(), errors.getvalue(), code


def test_it_says_what_is_configured_and_reached() -> None:
    said, errors, code = _check_services()

    assert (errors, code) == ("", 0)
    for words in (("database", connection.vendor), ("cache", "local memory"), ("storage", "local files")):
        assert any(all(word in line for word in (*words, "yes")) for line in said.splitlines())


@pytest.mark.usefixtures("missing_migration")
def test_a_missing_migration_is_said_and_told_by_the_exit_code() -> None:
    _, errors, code = _check_services()

    assert code == 2
    assert "manage.py migrate" in errors
