import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from accounts.models import User
from uploads.models import Upload

pytestmark = pytest.mark.django_db


def _create_demo(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create_demo", *arguments, stdout=out)
    return out.getvalue()


def test_it_makes_users_who_can_sign_in_and_files_that_are_ready() -> None:
    said = _create_demo("--password", "a demo password")

    assert "Made 3 user(s) and 12 file(s)." in said
    answer = APIClient().post("/api/v1/auth/login", {"email": "alice@demo.example.com", "password": "a demo password"})
    assert answer.status_code == 200
    types = ["application/pdf", "image/png", "text/csv", "text/plain"]
    found = Upload.objects.filter(status="ready").order_by("content_type").values_list("content_type", flat=True)
    assert sorted(set(found)) == types


def test_repeating_it_changes_nothing() -> None:
    _create_demo()

    assert "Made 0 user(s) and 0 file(s)." in _create_demo()
    assert (User.objects.count(), Upload.objects.count()) == (3, 12)


def test_a_dry_run_makes_nothing() -> None:
    assert "Would make 3 user(s) and 12 file(s)." in _create_demo("--dry-run")
    assert not User.objects.exists()


def test_it_refuses_production_unless_it_is_meant(settings: Any) -> None:
    settings.PRODUCTION = True

    with pytest.raises(CommandError, match="--even-in-production"):
        _create_demo()
    assert not User.objects.exists()
