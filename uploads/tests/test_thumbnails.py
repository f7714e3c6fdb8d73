"""GET /api/v1/uploads/{id}/thumbnail: small pictures, made within limits, once, and gone with their files."""

import io
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import User
from nocturnal_project import clock
from nocturnal_project.errors import NotFound, ServiceUnavailable
from uploads import images, keys, storage, thumbnails
from uploads.models import Upload
from uploads.tests import pictures, samples

pytestmark = pytest.mark.django_db
PATH = "/api/v1/uploads"
SignIn = Callable[[User], APIClient]
UploadAs = Callable[..., Upload]


def _shown(client: APIClient, upload: Upload) -> Image.Image:
    redirect = client.get(f"{PATH}/{upload.pk}/thumbnail")
    assert redirect.status_code == 302, redirect.content
    answer = Client().get("/files/" + redirect["Location"].partition("/files/")[2])
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
    return Image.open(io.BytesIO(answer.getvalue()))


@pytest.mark.parametrize(
    ("kind", "mode", "name"),
    [
        ("JPEG", "RGB", "a.jpg"), ("JPEG", "CMYK", "a.jpg"), ("JPEG", "L", "a.jpg"), ("PNG", "RGBA", "a.png"),
        ("PNG", "P", "a.png"), ("PNG", "1", "a.png"), ("PNG", "I;16", "a.png"), ("GIF", "P", "a.gif"),
        ("WEBP", "RGB", "a.webp"), ("WEBP", "RGBA", "a.webp"),
    ],
)  # fmt: skip
def test_every_kind_of_image_has_one(
    alice: User, sign_in: SignIn, upload_as: UploadAs, kind: str, mode: str, name: str
) -> None:
    upload = upload_as(alice, pictures.painted(kind, mode=mode), name)

    shown = _shown(sign_in(alice), upload)

    assert (shown.format, shown.size) == ("WEBP", (320, 240))
    if mode in {"RGB", "RGBA", "P"}:
        red, green, blue = shown.convert("RGB").getpixel((40, 40))  # type: ignore[misc]  # three of them, for RGB
        assert (red > 200, max(green, blue) < 60) == (True, True)


@pytest.mark.parametrize(("size", "expected"), [((8, 8), (8, 8)), ((5000, 3), (320, 1)), ((3, 5000), (1, 320))])
def test_it_keeps_the_shape_and_makes_nothing_larger(
    alice: User, sign_in: SignIn, upload_as: UploadAs, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    upload = upload_as(alice, pictures.painted("PNG", size), "a.png")

    assert _shown(sign_in(alice), upload).size == expected


def test_it_is_upright_and_says_nothing_of_where_it_was_taken(
    alice: User, sign_in: SignIn, upload_as: UploadAs
) -> None:
    upload = upload_as(alice, pictures.taken_in_berlin("JPEG", orientation=6), "a.jpg")

    shown = _shown(sign_in(alice), upload)

    assert shown.size == (240, 320)
    assert not dict(shown.getexif())
    assert not {"exif", "xmp"} & set(shown.info)


def test_of_an_animation_it_is_the_first_frame(alice: User, sign_in: SignIn, upload_as: UploadAs) -> None:
    red, *others = [Image.new("RGB", (64, 64), colour) for colour in ("red", *["blue", "green"] * 200)]
    out = io.BytesIO()
    red.save(out, "GIF", save_all=True, append_images=others)
    upload = upload_as(alice, out.getvalue(), "a.gif")

    shown = _shown(sign_in(alice), upload)

    assert not getattr(shown, "is_animated", False)
    assert shown.convert("RGB").getpixel((9, 9))[0] > 200  # type: ignore[index]  # a tuple, for RGB


def test_the_redirect_is_cached_for_as_long_as_it_leads_anywhere(
    alice: User, sign_in: SignIn, upload_as: UploadAs
) -> None:
    upload = upload_as(alice, samples.PNG, "a.png")

    first, second = [sign_in(alice).get(f"{PATH}/{upload.pk}/thumbnail") for _ in range(2)]

    assert first["Location"] == second["Location"]
    lives, names = first["Cache-Control"].partition("max-age=")[2], first["Vary"]
    assert (1700 < int(lives) < 3600, "Authorization" in names) == (True, True)
    picture = Client().get("/files/" + first["Location"].partition("/files/")[2])
    picture.close()
    assert (picture["Cache-Control"], picture["X-Content-Type-Options"]) == ("private, max-age=1800", "nosniff")


def test_it_is_made_once_and_stored(alice: User, sign_in: SignIn, upload_as: UploadAs, files: Path) -> None:
    upload = upload_as(alice, samples.PNG, "a.png")
    _shown(sign_in(alice), upload)
    stored = files / keys.thumbnail_key(upload.key)
    first = stored.stat()

    _shown(sign_in(alice), upload)

    assert (stored.stat().st_mtime_ns, stored.stat().st_ino) == (first.st_mtime_ns, first.st_ino)
    assert keys.thumbnail_key(upload.key) == f"thumbnails/{upload.key}.webp"


def test_one_that_a_crash_left_behind_is_made_anew(alice: User, sign_in: SignIn, upload_as: UploadAs) -> None:
    upload = upload_as(alice, samples.PNG, "a.png")
    _shown(sign_in(alice), upload)
    Upload.objects.update(has_thumbnail=False)

    assert _shown(sign_in(alice), upload).size == (8, 8)


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (samples.TEXT, "a.txt", "not_an_image"),
        (samples.PDF, "a.pdf", "not_an_image"),
        (samples.BROKEN_PNG, "a.png", "broken"),
        (samples.broken("JPEG", b"\xff\xc4", at=4), "a.jpg", "broken"),  # a table of the code
        (samples.broken("GIF", b"\x2c\0\0\0\0\x08\0\x08\0\0", at=10, size=1), "a.gif", "broken"),
        (samples.broken("WEBP", b"\x9d\x01\x2a", at=7), "a.webp", "broken"),
    ],
)
def test_what_is_no_image_is_told_so_and_remembered(
    alice: User, sign_in: SignIn, upload_as: UploadAs, content: bytes, name: str, reason: str
) -> None:
    upload = upload_as(alice, content, name)

    answers = [sign_in(alice).get(f"{PATH}/{upload.pk}/thumbnail") for _ in range(2)]

    told = [(answer.status_code, answer.json()["code"], answer.json()["reason"]) for answer in answers]
    assert told == [(404, "no_thumbnail", reason)] * 2
    upload.refresh_from_db()
    assert (upload.no_thumbnail, upload.has_thumbnail) == ("" if reason == "not_an_image" else reason, False)


def test_a_bomb_is_refused_by_its_header_and_costs_nothing(alice: User, sign_in: SignIn, upload_as: UploadAs) -> None:
    upload = upload_as(alice, pictures.bomb(14_000), "bomb.png")  # larger ones are not kept
    client = sign_in(alice)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()

    answer = client.get(f"{PATH}/{upload.pk}/thumbnail")

    assert (answer.status_code, answer.json()["reason"]) == (404, "too_many_pixels")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB; decoded it would be 190,000
    assert time.process_time() - start < 2


def test_the_limit_is_exact_and_a_frame_may_not_be_larger_than_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(images._MOST_PIXELS, "image/png", 100 * 100)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100 * 100)
    lying = bytearray(pictures.painted("GIF", (200, 200), mode="P"))
    lying[6:10] = b"\x08\0\x08\0"  # the screen is 8 by 8, and the frame is not

    fits = images.small_picture(io.BytesIO(pictures.painted("PNG", (100, 100))), "image/png")

    assert Image.open(io.BytesIO(fits)).size == (100, 100)
    for content, kind in ((pictures.painted("PNG", (100, 101)), "image/png"), (bytes(lying), "image/gif")):
        with pytest.raises(images.NotDecodable, match="too_many_pixels"):
            images.small_picture(io.BytesIO(content), kind)


def test_nobody_elses_and_nothing_that_is_not_there(
    alice: User, bob: User, sign_in: SignIn, upload_as: UploadAs
) -> None:
    hers = upload_as(alice, samples.PNG, "a.png")
    pending = upload_as(bob, samples.PNG, "b.png")
    Upload.objects.filter(pk=pending.pk).update(status=Upload.Status.PENDING)

    assert sign_in(bob).get(f"{PATH}/{hers.pk}/thumbnail").json()["code"] == "not_found"
    assert sign_in(bob).get(f"{PATH}/{pending.pk}/thumbnail").json()["code"] == "upload_not_ready"
    assert APIClient().get(f"{PATH}/{hers.pk}/thumbnail").status_code == 401


@pytest.mark.parametrize("path", ["{}", "/api/v1/me"], ids=["deleting it", "closing the account"])
def test_it_goes_with_its_file(alice: User, sign_in: SignIn, upload_as: UploadAs, files: Path, path: str) -> None:
    upload = upload_as(alice, samples.PNG, "a.png")
    client = sign_in(alice)
    link = client.get(f"{PATH}/{upload.pk}/thumbnail")["Location"]

    client.delete(path.format(f"{PATH}/{upload.pk}"))

    assert not [path for path in files.rglob("*") if path.is_file()]
    assert Client().get("/files/" + link.partition("/files/")[2]).status_code == 404


def test_one_made_while_its_file_goes_is_not_left_behind(
    alice: User, upload_as: UploadAs, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = upload_as(alice, samples.PNG, "a.png")
    put = storage.put

    def removed_meanwhile(*args: object, **named: object) -> None:
        Upload.objects.filter(pk=upload.pk).delete()
        put(*args, **named)  # type: ignore[arg-type]  # what it was given

    monkeypatch.setattr(storage, "put", removed_meanwhile)

    with pytest.raises(NotFound):
        thumbnails.signed_url(upload=upload, now=clock.now())
    assert not (files / keys.thumbnail_key(upload.key)).exists()


def test_without_the_storage_it_is_503_and_nothing_is_decided(
    alice: User, sign_in: SignIn, upload_as: UploadAs, files: Path
) -> None:
    upload = upload_as(alice, samples.PNG, "a.png")
    files.rename(files.with_name("away"))
    files.write_text("in the way")

    answer = sign_in(alice).get(f"{PATH}/{upload.pk}/thumbnail")

    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
    upload.refresh_from_db()
    assert (upload.no_thumbnail, upload.has_thumbnail) == ("", False)


def test_who_waits_too_long_for_others_pictures_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_WAIT_SECONDS", 0.01)

    with images.one_at_a_time(), pytest.raises(ServiceUnavailable), images.one_at_a_time():
        pass
    with images.one_at_a_time():
        pass
