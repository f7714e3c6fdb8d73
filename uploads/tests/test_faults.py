"""What happens when the storage does not do its part: a real folder that cannot be written to, or goes missing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from prometheus_client import REGISTRY
from rest_framework.test import APIClient

from accounts.models import User
from uploads.models import Upload
from uploads.tests import samples

pytestmark = pytest.mark.django_db
PATH = "/api/v1/uploads"
SignIn = Callable[[User], APIClient]


@pytest.fixture
def broken_storage(files: Path) -> Path:
    """A file stands where the folder of files should be, so that no write can succeed, for root neither."""
    files.write_text("in the way")
    return files


def test_a_file_that_cannot_be_stored_is_503_and_leaves_no_row(
    alice: User, sign_in: SignIn, broken_storage: Path
) -> None:
    file = SimpleUploadedFile("moon.png", samples.PNG, "image/png")
    failed = REGISTRY.get_sample_value("nocturnal_uploads_total", {"result": "failed"}) or 0

    answer = sign_in(alice).post(PATH, {"file": file}, format="multipart")

    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
    assert REGISTRY.get_sample_value("nocturnal_uploads_total", {"result": "failed"}) == failed + 1
    assert int(answer["Retry-After"]) > 0
    assert not Upload.objects.exists()


def test_other_routes_are_unaffected(alice: User, sign_in: SignIn, broken_storage: Path) -> None:
    assert sign_in(alice).get(PATH).status_code == 200


def test_a_file_whose_bytes_cannot_be_removed_is_gone_for_its_owner(
    alice: User, sign_in: SignIn, upload_as: Callable[..., Upload], files: Path
) -> None:
    upload = upload_as(alice)
    stored = files / upload.key
    stored.unlink()
    stored.mkdir()
    (stored / "child").write_text("keeps the folder from being removed")

    answer = sign_in(alice).delete(f"{PATH}/{upload.pk}")

    assert answer.status_code == 204
    assert not Upload.objects.exists()


def test_an_account_whose_files_cannot_be_removed_is_not_closed_halfway(
    alice: User, sign_in: SignIn, upload_as: Callable[..., Upload], files: Path
) -> None:
    upload = upload_as(alice)
    stored = files / upload.key
    stored.unlink()
    stored.mkdir()
    (stored / "child").write_text("keeps the folder from being removed")

    answer = sign_in(alice).delete("/api/v1/me")

    assert answer.status_code == 503
    alice.refresh_from_db()
    assert not alice.is_active
    assert Upload.objects.filter(pk=upload.pk).exists()
