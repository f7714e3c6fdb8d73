"""strip_location: where a picture was taken is taken out of it before it is stored, and the picture stays as it is."""

import hashlib
import io
import random
import struct
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import User
from uploads import location
from uploads.models import Upload
from uploads.tests import pictures, samples
from uploads.tests.pictures import GPS

PATH = "/api/v1/uploads"
SignIn = Callable[[User], APIClient]
TYPES = {"JPEG": ("image/jpeg", "a.jpg"), "PNG": ("image/png", "a.png"), "WEBP": ("image/webp", "a.webp")}
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r exif:GPSLatitude="52,31.2N" xmp:Rating="5"/></x:xmpmeta>'
RATED = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r xmp:Rating="5"/></x:xmpmeta>'
# 52 degrees, 31 minutes, 12 seconds as Exif writes them.
POSITION = {order: struct.pack(f"{order}6I", 52, 1, 31, 1, 12, 1) for order in "<>"}


def _stripped(content: bytes, content_type: str) -> bytes:
    with location.without_location(io.BytesIO(content), content_type) as file:
        return file.read()


def _segment(marker: int, said: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(said) + 2).to_bytes(2, "big") + said


def _pixels(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as picture:
        return picture.convert("RGBA").tobytes()


def _with_more(kind: str) -> bytes:
    """Return a picture with all that cameras and programs add, by Pillow and by hand."""
    content = (
        pictures.taken_in_berlin(kind, orientation=6, xmp=XMP)
        if kind == "WEBP"
        else (pictures.taken_in_berlin(kind, orientation=6))
    )
    if kind == "JPEG":
        more = _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)
        more += _segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 40 + XMP)
        more += _segment(0xED, b"Photoshop 3.0\0008BIM\x04\x04\0\0\0\0\0\x0b\x1c\x02\x5a\0\x06Berlin")
        more += _segment(0xFE, b"latitude=52.52") + _segment(0xE6, b"GoPro\0")
        content = content[:2] + more + content[2:] + b"ftypmp42 +52.5200+013.4050/ after the end"
    if kind == "PNG":
        more = pictures.chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)
        more += pictures.chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"52.52 N")) + pictures.chunk(
            b"tEXt", b"GPS\0here"
        )
        more += pictures.chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"45786966"))
        more += pictures.chunk(b"prVt", b"Berlin")
        content = content[:33] + more + content[33:] + b"Berlin after the end"
    return content


@pytest.mark.parametrize("kind", TYPES)
def test_the_place_goes_and_everything_else_stays(kind: str) -> None:
    content = _with_more(kind)
    before = Image.open(io.BytesIO(content)).getexif()
    assert before.get_ifd(GPS)

    stripped = _stripped(content, TYPES[kind][0])

    exif = Image.open(io.BytesIO(stripped)).getexif()
    assert GPS not in exif
    assert not exif.get_ifd(GPS)
    assert (exif[0x010F], exif[0x0112]) == ("Lantern", 6)
    assert dict(exif.get_ifd(0x8769)) == dict(before.get_ifd(0x8769))
    for trace in (b"GPS", b"Berlin", b"latitude", b"52.52", b"GoPro", *POSITION.values()):
        assert trace not in stripped


@pytest.mark.parametrize("kind", TYPES)
def test_the_pixels_are_untouched(kind: str) -> None:
    content = _with_more(kind)

    stripped = _stripped(content, TYPES[kind][0])

    assert _pixels(stripped) == _pixels(content)


@pytest.mark.parametrize("progressive", [False, True])
def test_the_scans_of_a_jpeg_are_the_same_bytes(progressive: bool) -> None:
    content = pictures.taken_in_berlin("JPEG", (800, 600), progressive=progressive, icc_profile=b"p" * 500)

    stripped = _stripped(content, "image/jpeg")

    assert stripped[stripped.index(b"\xff\xdb") :] == content[content.index(b"\xff\xdb") :]  # from the first table on
    assert (len(stripped), b"ICC_PROFILE\0\1\1" + b"p" * 500 in stripped) == (len(content), True)


@pytest.mark.parametrize("kind", TYPES)
def test_a_picture_without_a_place_is_the_same_bytes(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Lantern"
    comment: dict[str, Any] = {"comment": "hello"} if kind == "JPEG" else {}
    content = pictures.painted(kind, exif=exif, **comment)

    assert _stripped(content, TYPES[kind][0]) == content


@pytest.mark.parametrize("kind", TYPES)
def test_xmp_that_names_no_place_stays(kind: str) -> None:
    rated: dict[str, Any] = {"xmp": RATED} if kind == "WEBP" else {}
    content = pictures.painted(kind, **rated)
    if kind == "JPEG":
        content = content[:2] + _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + RATED) + content[2:]
    if kind == "PNG":
        content = content[:33] + pictures.chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + RATED) + content[33:]

    assert _stripped(content, TYPES[kind][0]) == content


def test_a_second_picture_in_the_file_and_its_place_go() -> None:
    first, second = [Image.open(io.BytesIO(pictures.taken_in_berlin("JPEG"))) for _ in range(2)]
    out = io.BytesIO()
    first.save(out, "MPO", save_all=True, append_images=[second], exif=first.getexif())
    with Image.open(io.BytesIO(out.getvalue())) as both:
        assert (both.format, getattr(both, "n_frames", 1)) == ("MPO", 2)

    stripped = _stripped(out.getvalue(), "image/jpeg")

    with Image.open(io.BytesIO(stripped)) as alone:
        assert (alone.format, GPS in alone.getexif()) == ("JPEG", False)
    assert not [position for position in POSITION.values() if position in stripped]
    assert _pixels(stripped) == _pixels(out.getvalue())


@pytest.mark.parametrize("order", "<>")
def test_exif_is_followed_in_both_orders_and_words_of_programs_go(order: str) -> None:
    pack = {"<": b"II*\0", ">": b"MM\0*"}[order]
    comment = b'ASCII\0\0\0{"latitude":52.52}'
    long = len(comment)
    entries = [(0x0110, 2, 4, b"abc\0"), (0x927C, 7, long, 80), (0x8825, 4, 1, 120), (0x9286, 7, long, 80)]
    ifd = struct.pack(f"{order}H", len(entries))
    for tag, kind, count, value in entries:
        ifd += struct.pack(f"{order}HHI", tag, kind, count)
        ifd += value if isinstance(value, bytes) else struct.pack(f"{order}I", value)
    tiff = (pack + struct.pack(f"{order}I", 8) + ifd + bytes(4)).ljust(80, b"\0") + comment.ljust(40, b"\0")
    gps = struct.pack(f"{order}HHHII", 1, 2, 5, 3, 138) + bytes(4)
    tiff += gps + POSITION[order]

    stripped = location.exif.without_location(tiff)  # type: ignore[attr-defined]  # a module of the package

    assert stripped is not None
    assert (len(stripped), b"latitude" in stripped, POSITION[order] in stripped) == (len(tiff), False, False)
    assert struct.unpack_from(f"{order}HH", stripped, 8) == (1, 0x0110)


def test_broken_pictures_are_refused_or_say_no_place() -> None:
    chance = random.Random(7)  # noqa: S311  the same damage each time
    refused = 0
    for kind, (content_type, _) in TYPES.items():
        content = pictures.taken_in_berlin(kind, (32, 32))
        for _ in range(400):
            broken = bytearray(content)
            for _ in range(chance.randrange(1, 4)):
                broken[chance.randrange(2, min(600, len(broken)))] = chance.randrange(256)
            try:
                stripped = _stripped(bytes(broken), content_type)
            except location.Unreadable:
                refused += 1
                continue
            assert not _place_in(stripped), (kind, bytes(broken))
    assert 30 < refused < 1100


def _place_in(content: bytes) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return dict(Image.open(io.BytesIO(content)).getexif().get_ifd(GPS))
        except Exception:  # noqa: BLE001  whatever Pillow says to a broken one
            return None


def test_exif_that_keeps_one_busy_is_dropped() -> None:
    many = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 2500) + struct.pack("<HHII", 1, 2, 60_000, 0) * 2500
    loop = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 0) + struct.pack("<I", 8)

    assert location.exif.without_location(many) is None  # type: ignore[attr-defined]  # a module of the package
    assert location.exif.without_location(loop) == loop  # type: ignore[attr-defined]  # the same


@pytest.mark.django_db
class TestUploading:
    @staticmethod
    def _post(client: APIClient, content: bytes, name: str, wanted: str = "true", **headers: str) -> Any:
        file = SimpleUploadedFile(name, content, "application/octet-stream")
        form = {"file": file, "strip_location": wanted}
        return client.post(PATH, form, format="multipart", headers=headers)

    @pytest.mark.parametrize("size", [(64, 48), (2000, 1500)], ids=["in memory", "in a file"])
    @pytest.mark.parametrize("kind", TYPES)
    def test_what_is_stored_counted_and_described_is_the_stripped_file(
        self, alice: User, sign_in: SignIn, kind: str, size: tuple[int, int]
    ) -> None:
        content = pictures.taken_in_berlin(kind, size, **({"lossless": True} if kind == "WEBP" else {}))

        answer = self._post(sign_in(alice), content, TYPES[kind][1])

        assert answer.status_code == 201, answer.content
        row = Upload.objects.get()
        with default_storage.open(row.key) as stored:
            kept = stored.read()
        expected = _stripped(content, TYPES[kind][0])
        assert kept == expected
        assert (answer.json()["sha256"], row.size_bytes) == (hashlib.sha256(expected).hexdigest(), len(expected))
        assert sign_in(alice).get(f"{PATH}/usage").json()["used_bytes"] == len(expected)

    def test_only_on_request(self, alice: User, sign_in: SignIn) -> None:
        content = pictures.taken_in_berlin("JPEG")

        answers = [self._post(sign_in(alice), content, "a.jpg", wanted) for wanted in ("false", "true")]

        assert answers[0].json()["sha256"] == hashlib.sha256(content).hexdigest()
        assert answers[1].json()["sha256"] != answers[0].json()["sha256"]

    @pytest.mark.parametrize(
        ("content", "name"),
        [(samples.PDF, "a.pdf"), (samples.image("GIF"), "a.gif")],
    )
    def test_nobody_is_left_to_believe_what_was_not_done(
        self, alice: User, sign_in: SignIn, content: bytes, name: str
    ) -> None:
        answer = self._post(sign_in(alice), content, name)

        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
        assert answer.json()["errors"][0]["pointer"] == "#/strip_location"
        assert not Upload.objects.exists()

    def test_of_a_picture_that_is_cut_short_nothing_is_kept(self, alice: User, sign_in: SignIn) -> None:
        answer = self._post(sign_in(alice), samples.image("JPEG")[:100], "a.jpg")

        assert (answer.status_code, answer.json()["code"]) == (422, "file_malformed")
        assert not Upload.objects.exists()

    def test_a_repeated_request_is_answered_with_the_first_ones_file(self, alice: User, sign_in: SignIn) -> None:
        content, key = pictures.taken_in_berlin("PNG"), {"Idempotency-Key": "once"}

        first, second = [self._post(sign_in(alice), content, "a.png", **key) for _ in range(2)]

        assert (second.status_code, second.json()["id"]) == (201, first.json()["id"])

    def test_it_is_not_offered_for_direct_uploads(self, alice: User, sign_in: SignIn) -> None:
        announced = {"filename": "a.png", "content_type": "image/png", "size_bytes": 9, "sha256": "0" * 64}

        answer = sign_in(alice).post(f"{PATH}/presign", {**announced, "strip_location": True}, format="json")

        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/strip_location")
