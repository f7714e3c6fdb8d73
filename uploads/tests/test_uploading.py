import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from prometheus_client import REGISTRY
from rest_framework.test import APIClient

from accounts.models import User
from uploads.models import Upload
from uploads.tests import samples

pytestmark = pytest.mark.django_db
PATH = "/api/v1/uploads"
SignIn = Callable[[User], APIClient]


def _post(client: APIClient, content: bytes = samples.PNG, name: str = "moon.png", **fields: Any) -> Any:
    declared = fields.pop("declared", "application/octet-stream")
    headers = fields.pop("headers", {})
    file = SimpleUploadedFile(name, content, declared)
    return client.post(PATH, {"file": file, **fields}, format="multipart", headers=headers)


def test_a_stored_file_is_described_and_its_bytes_are_kept(alice: User, sign_in: SignIn) -> None:
    answer = _post(sign_in(alice), category="avatars")

    body = answer.json()
    assert answer.status_code == 201
    assert answer["Location"] == f"{PATH}/{body['id']}"
    assert set(body) == {
        "id", "category", "filename", "content_type", "size_bytes", "sha256", "status", "created_at",
    }  # fmt: skip
    assert (body["filename"], body["category"], body["content_type"]) == ("moon.png", "avatars", "image/png")
    assert (body["size_bytes"], body["status"]) == (len(samples.PNG), "ready")
    assert body["sha256"] == hashlib.sha256(samples.PNG).hexdigest()
    row = Upload.objects.get()
    with default_storage.open(row.key) as stored:
        assert stored.read() == samples.PNG
    assert UUID(body["id"]).version == 7


def test_the_key_is_made_by_the_server(alice: User, sign_in: SignIn) -> None:
    body = _post(sign_in(alice), name="../../etc/passwd.png").json()

    category, day, name = Upload.objects.get().key.split("/")
    assert (category, day) == ("general", body["created_at"][:10])
    assert UUID(name.removesuffix(".png"))
    assert body["filename"] == "passwd.png"


@pytest.mark.parametrize(
    ("name", "shown"), [("../../etc/passwd", "passwd"), ("a\0.png", "a.png"), ("CON.png", "CON.png")]
)
def test_a_hostile_name_is_only_a_name(alice: User, sign_in: SignIn, name: str, shown: str, files: Path) -> None:
    answer = _post(sign_in(alice), name=name)

    assert (answer.status_code, answer.json()["filename"]) == (201, shown)
    assert [path.suffix for path in files.rglob("*") if path.is_file()] == [".png"]


@pytest.mark.parametrize(
    ("content", "name", "declared", "status", "code"),
    [
        (b"", "empty.png", "image/png", 422, "invalid_input"),
        (samples.PNG, "moon.pdf", "application/pdf", 422, "file_type_mismatch"),
        (samples.PNG, "moon.png", "application/pdf", 422, "file_type_mismatch"),
        (b"MZ" + b"\0" * 100, "moon.png", "image/png", 415, "unsupported_file_type"),
        (samples.PNG + b"\0" * 10 * 1024 * 1024, "moon.png", "image/png", 413, "file_too_large"),
        (samples.PNG + b"\0" * 11 * 1024 * 1024, "moon.png", "image/png", 413, "file_too_large"),
    ],
    ids=["empty", "png as pdf", "png declared pdf", "exe as png", "just over the limit", "far over the limit"],
)
def test_a_file_that_is_not_kept_leaves_nothing(
    alice: User, sign_in: SignIn, files: Path, content: bytes, name: str, declared: str, status: int, code: str
) -> None:
    answer = _post(sign_in(alice), content, name, declared=declared)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert not Upload.objects.exists()
    assert not [path for path in files.rglob("*") if path.is_file()]


def test_a_file_of_exactly_the_limit_is_kept(alice: User, sign_in: SignIn) -> None:
    content = b"moon" * (10 * 1024 * 1024 // 4)

    assert _post(sign_in(alice), content, "moon.txt").status_code == 201


@pytest.mark.parametrize("category", ["../x", "A", "a b", "x" * 41, "a/b", "-a"])
def test_a_category_that_could_be_a_path_is_refused(alice: User, sign_in: SignIn, category: str) -> None:
    answer = _post(sign_in(alice), category=category)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/category"


def test_an_unknown_field_is_refused(alice: User, sign_in: SignIn) -> None:
    answer = _post(sign_in(alice), owner="someone")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/owner"


def test_a_body_that_is_no_upload_is_refused(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)

    nothing = client.post(PATH, {}, format="multipart")
    text = client.post(PATH, {"file": "text"}, format="multipart")
    json = client.post(PATH, {"file": "x"}, format="json")
    unbound = client.generic("POST", PATH, "abc", content_type="multipart/form-data")

    assert [answer.status_code for answer in (nothing, text, json)] == [422, 422, 415]
    assert unbound.status_code == 400


@pytest.mark.parametrize("kept", [0, 1, 14, 60, 110, 130, -1, -3, -6])
def test_a_body_that_ends_early_is_told_so(alice: User, sign_in: SignIn, kept: int) -> None:
    head = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    whole = f"{head}{'moonlight ' * 10}\r\n--x--\r\n"
    client, multipart = sign_in(alice), "multipart/form-data; boundary=x"

    cut = client.generic("POST", PATH, whole[: kept or len(whole)], content_type=multipart)

    if kept in {0, -1}:  # all of it, or all but the last line's end
        assert cut.status_code == 201
    else:
        assert (cut.status_code, cut.json()["code"]) == (400, "malformed_request")
        assert cut.json()["detail"] == "The body ended before it was complete."
        assert not Upload.objects.exists()


def test_a_chunked_body_without_length_is_refused(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)

    answer = client.post(PATH, HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH="")

    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


def test_two_files_in_one_request_are_refused(alice: User, sign_in: SignIn) -> None:
    files = [SimpleUploadedFile(f"{n}.png", samples.PNG, "image/png") for n in range(2)]

    answer = sign_in(alice).post(PATH, {"file": files}, format="multipart")

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


def test_uploads_have_a_limit_of_their_own(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)

    answers = [_post(client) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [201] * 10 + [429]
    assert answers[0]["RateLimit-Policy"] == '"upload";q=10;w=3600'
    assert client.get(PATH)["RateLimit-Policy"].startswith('"api"')


class TestIdempotencyKey:
    KEY = {"Idempotency-Key": "photo-1"}

    def test_a_repeated_request_is_given_the_first_ones_upload(self, alice: User, sign_in: SignIn) -> None:
        client = sign_in(alice)
        first = _post(client, headers=self.KEY)
        again = _post(client, headers=self.KEY)

        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert (first.get("Idempotent-Replayed"), again.get("Idempotent-Replayed")) == (None, "true")
        assert Upload.objects.count() == 1

    def test_the_key_of_another_file_or_category_is_refused(self, alice: User, sign_in: SignIn) -> None:
        client = sign_in(alice)
        _post(client, headers=self.KEY)

        other_file = _post(client, samples.PDF, "a.pdf", headers=self.KEY)
        other_category = _post(client, category="avatars", headers=self.KEY)

        for answer in (other_file, other_category):
            assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")

    def test_keys_of_two_users_do_not_meet(self, alice: User, bob: User, sign_in: SignIn) -> None:
        hers = _post(sign_in(alice), headers=self.KEY).json()
        his = _post(sign_in(bob), headers=self.KEY).json()

        assert hers["id"] != his["id"]

    def test_while_the_first_is_under_way_the_second_is_told_to_wait(self, alice: User, sign_in: SignIn) -> None:
        client = sign_in(alice)
        _post(client, headers=self.KEY)
        Upload.objects.update(status=Upload.Status.PENDING)

        answer = _post(client, headers=self.KEY)

        assert (answer.status_code, answer.json()["code"]) == (409, "request_in_progress")
        assert answer["Retry-After"] == "1"


def _counted(result: str) -> float:
    return REGISTRY.get_sample_value("nocturnal_uploads_total", {"result": result}) or 0


def test_files_are_counted_by_what_became_of_them(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    ready, refused = _counted("ready"), _counted("refused")

    assert _post(client).status_code == 201
    assert _post(client, samples.PNG, "moon.pdf").status_code == 422

    assert (_counted("ready"), _counted("refused")) == (ready + 1, refused + 1)
