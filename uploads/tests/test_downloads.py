from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from uploads.filenames import as_attachment
from uploads.models import Upload

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], APIClient]
UploadAs = Callable[..., Upload]
BYTES = b"moonlight\n" * 10
WHOLE = (200, BYTES, None)


@pytest.fixture
def upload(alice: User, upload_as: UploadAs) -> Upload:
    return upload_as(alice, BYTES, "digits.txt")


@pytest.fixture
def url(alice: User, sign_in: SignIn, upload: Upload) -> str:
    return _url(sign_in(alice), upload)


def _url(client: APIClient, upload: Upload, seconds: int = 3600) -> str:
    answer = client.get(f"/api/v1/uploads/{upload.pk}/url?expires_in={seconds}")
    return str(answer.json()["url"]).removeprefix("http://127.0.0.1:5000")


def _get(url: str, **headers: str) -> Any:
    return APIClient().get(url, headers=headers)


def _bytes(answer: Any) -> bytes:
    """Read to the end, which closes the file: Django's test client then leaves the database open."""
    return bytes(b"".join(answer) if answer.streaming else answer.content)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("bytes=0-9", (206, BYTES[:10], "bytes 0-9/100")),
        ("bytes=90-", (206, BYTES[90:], "bytes 90-99/100")),
        ("bytes=95-400", (206, BYTES[95:], "bytes 95-99/100")),
        ("bytes=-5", (206, BYTES[-5:], "bytes 95-99/100")),
        ("bytes=-500", (206, BYTES, "bytes 0-99/100")),
        ("bytes=99-99", (206, b"\n", "bytes 99-99/100")),
        # No ranges, or more than one: the whole.
        ("bytes=0-1,5-6", WHOLE),
        ("bytes=5-4", WHOLE),
        ("bytes=-", WHOLE),
        ("bytes=a-b", WHOLE),
        ("bytes=٣-٤", WHOLE),
        ("lines=0-1", WHOLE),
        ("bytes=" + "9" * 5000 + "-", WHOLE),
    ],
)
def test_a_part_is_given_out_by_its_range(url: str, wanted: str, expected: tuple[int, bytes, str | None]) -> None:
    answer = _get(url, Range=wanted)

    assert (answer.status_code, _bytes(answer), answer.get("Content-Range")) == expected
    assert answer["Accept-Ranges"] == "bytes"
    assert int(answer["Content-Length"]) == len(expected[1])


@pytest.mark.parametrize("wanted", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=" + "9" * 18 + "-"])
def test_a_range_past_the_end_is_416_and_says_the_size(url: str, wanted: str) -> None:
    answer = _get(url, Range=wanted)

    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer["Content-Range"] == "bytes */100"


def test_a_head_says_what_a_get_would(url: str, upload: Upload) -> None:
    answer = APIClient().head(url)

    assert (answer.status_code, answer["Content-Length"], answer.content) == (200, "100", b"")
    assert answer["ETag"] == f'"{upload.sha256}"'
    assert answer["Content-Disposition"] == 'attachment; filename="digits.txt"'
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_what_a_client_has_is_not_sent_again(url: str, upload: Upload) -> None:
    first = _get(url)
    assert _bytes(first) == BYTES

    for condition in ({"If-None-Match": first["ETag"]}, {"If-Modified-Since": first["Last-Modified"]}):
        again = _get(url, **condition)
        assert (again.status_code, _bytes(again)) == (304, b"")
        assert (again["ETag"], again["Cache-Control"]) == (f'"{upload.sha256}"', "private, no-cache")
    changed = _get(url, **{"If-None-Match": '"another"'})
    assert (changed.status_code, _bytes(changed)) == (200, BYTES)
    assert _get(url, **{"If-Match": '"another"'}).status_code == 412


def test_the_rest_of_a_file_comes_only_while_it_is_the_same(url: str) -> None:
    first = _get(url)
    assert _bytes(first) == BYTES

    for same in (first["ETag"], first["Last-Modified"]):
        answer = _get(url, **{"Range": "bytes=50-", "If-Range": same})
        assert (answer.status_code, _bytes(answer)) == (206, BYTES[50:])
    for other in ('"another"', f"W/{first['ETag']}", "Wed, 21 Oct 2015 07:28:00 GMT"):
        answer = _get(url, **{"Range": "bytes=50-", "If-Range": other})
        assert (answer.status_code, _bytes(answer)) == (200, BYTES)


def test_one_url_serves_half_its_life(alice: User, sign_in: SignIn, upload: Upload) -> None:
    client = sign_in(alice)
    with time_machine.travel(upload.created_at + timedelta(seconds=1), tick=False) as clock:
        first = _url(client, upload, 600)
        clock.shift(timedelta(seconds=298))
        second = _url(client, upload, 600)
        clock.shift(timedelta(seconds=2))
        told = client.get(f"/api/v1/uploads/{upload.pk}/url?expires_in=600").json()
        left = (datetime.fromisoformat(told["expires_at"]) - timezone.now()).total_seconds()

    assert first == second
    assert not told["url"].endswith(first)
    assert 300 <= left <= 600


def test_a_short_life_is_never_cut(alice: User, sign_in: SignIn, upload: Upload) -> None:
    client = sign_in(alice)
    with time_machine.travel(upload.created_at + timedelta(seconds=20), tick=False) as clock:
        url = _url(client, upload, 30)
        clock.shift(timedelta(seconds=29))
        answer = _get(url)

    assert (answer.status_code, _bytes(answer)) == (200, BYTES)


@pytest.mark.parametrize("how", ["deleted", "taken back", "deactivated"])
def test_a_url_ends_with_the_file_and_with_its_owner(
    alice: User, sign_in: SignIn, upload: Upload, url: str, how: str
) -> None:
    if how == "deleted":
        assert sign_in(alice).delete(f"/api/v1/uploads/{upload.pk}").status_code == 204
    elif how == "taken back":
        Upload.objects.filter(pk=upload.pk).update(status=Upload.Status.REJECTED)
    else:
        User.objects.filter(pk=alice.pk).update(is_active=False)

    assert _get(url).status_code == 404


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("notes.txt", "notes.txt"),
        ('mo"on.txt', "mo_on.txt"),
        ("100% \\ sure.txt", "100_ _ sure.txt"),
        ("Дневник 🌙.pdf", "_______ _.pdf"),
        ("a;b=c'd.txt", None),
    ],
)
def test_a_name_comes_through_whole_and_plain(name: str, plain: str | None) -> None:
    told = as_attachment(name)

    if plain in (name, None):
        assert told == f'attachment; filename="{name}"'
    else:
        assert told == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    told.encode("ascii")
