"""That a file is what its signature says to its last byte: each test makes a good file and spoils it."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping

import pytest
from PIL import Image

from uploads import content_types
from uploads.content_types import accepted_type
from uploads.errors import FileMalformed, FileRefused, PictureTooLarge, UnsupportedFileType
from uploads.structure import office, pictures
from uploads.tests import samples

_KINDS = ("PNG", "JPEG", "GIF", "WEBP")


def _accept(content: bytes, declared: str = "") -> str:
    return accepted_type(io.BytesIO(content), filename="a", declared=declared)


def _refused(content: bytes, match: str | None = None) -> None:
    with pytest.raises(FileMalformed, match=match):
        _accept(content)


def _animation(kind: str, frames: int) -> bytes:
    out = io.BytesIO()
    first, *more = [Image.new("RGB", (9, 7), (50 * number, 255 - 50 * number, 9)) for number in range(frames)]
    first.save(out, kind, save_all=True, append_images=more)
    return out.getvalue()


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


class TestPictures:
    @pytest.mark.parametrize("kind", _KINDS)
    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "CMYK"])
    @pytest.mark.parametrize("options", [{}, {"progressive": True, "lossless": True, "interlace": 1, "optimize": True}])
    def test_what_pillow_writes_is_whole(self, kind: str, mode: str, options: dict[str, object]) -> None:
        if mode not in {"JPEG": ("RGB", "L", "CMYK"), "PNG": ("RGB", "RGBA", "L", "P", "1")}.get(kind, ("RGB", "RGBA")):
            mode = "RGB"
        out = io.BytesIO()
        noise = Image.effect_noise((301, 203), 90).convert(mode)
        noise.save(out, kind, **options)

        picture = pictures.measure(out)

        assert (picture.width, picture.height, picture.frames) == (301, 203, 1)

    @pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
    def test_an_animations_frames_are_counted(self, kind: str) -> None:
        assert pictures.measure(io.BytesIO(_animation(kind, 5))) == pictures.Picture(9, 7, 5)

    @pytest.mark.parametrize("kind", _KINDS)
    @pytest.mark.parametrize(
        "behind", [b"<script>alert(1)</script>", samples.zipped({"a": "b"}), b"\n"], ids=["script", "zip", "newline"]
    )
    def test_nothing_may_follow_a_picture(self, kind: str, behind: bytes) -> None:
        _refused(samples.image(kind) + behind)

    @pytest.mark.parametrize("kind", _KINDS)
    def test_a_picture_that_is_cut_short_anywhere_is_refused(self, kind: str) -> None:
        whole = samples.image(kind)
        assert _accept(whole)

        for length in range(16, len(whole)):
            with pytest.raises((FileMalformed, UnsupportedFileType)):
                _accept(whole[:length])

    def test_more_images_zeros_and_samsungs_trailer_may_follow_a_jpeg(self) -> None:
        photo = samples.image("JPEG")
        block = b"\0\0\x01\x0a" + struct.pack("<I", 4) + b"Name" + b"1234"
        directory = b"SEFH" + struct.pack("<II", 106, 1) + struct.pack("<HHII", 0, 0xA01, len(block), len(block))
        trailer = block + directory + struct.pack("<I", len(directory)) + b"SEFT"

        video = _box(b"ftyp", b"mp42\0\0\0\0") + _box(b"mdat", bytes(range(256))) + _box(b"moov", b"")

        for behind in (photo, photo * 3, bytes(100), bytes(7) + photo, trailer, photo + trailer, video, photo + video):
            assert _accept(photo + behind) == content_types.JPEG
        for behind in (
            photo[:-1],
            b"junk" + trailer,
            video[:-1],
            video + b"<script>",
            video[8:],
            trailer[:-1],
            trailer + b"\0x",
            block,
            bytes(7) + b"x",
        ):
            _refused(photo + behind)

    @pytest.mark.parametrize(
        ("width", "height"), [(50_000, 50_000), (30_001, 1), (1, 30_001), (20_000, 10_001), (2**31 - 1, 2**31 - 1)]
    )
    def test_a_header_alone_tells_a_picture_that_is_too_large(self, width: int, height: int) -> None:
        header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        rest = samples.PNG[33:]
        png = samples.PNG[:12] + header + struct.pack(">I", zlib.crc32(header)) + rest

        with pytest.raises(PictureTooLarge) as caught:
            _accept(png)

        assert caught.value.facts["max_pixels"] == pictures.MOST_PIXELS

    def test_a_frame_larger_than_its_gif_counts(self) -> None:
        gif = bytearray(samples.image("GIF"))
        at = gif.index(b"\x2c\0\0\0\0")
        gif[at + 5 : at + 9] = struct.pack("<HH", 40_000, 40_000)

        with pytest.raises(PictureTooLarge):
            _accept(bytes(gif))

    def test_a_picture_in_very_many_pieces_keeps_nobody_walking(self) -> None:
        gif = samples.image("GIF")
        comment = b"\x21\xfe" + b"\x01x" * 5_000_000 + b"\0"

        _refused(gif[:-1] + comment + b";", "pieces")
        _refused(samples.image("JPEG")[:2] + b"\xff\xfe\0\2" * 2_000_000, "segments")
        _refused(samples.PNG[:33] + (struct.pack(">I4s", 0, b"tEXt") + b"abcd") * 800_000, "chunks")

    def test_a_damaged_header_is_refused(self) -> None:
        _refused(samples.PNG[:20] + b"\1" + samples.PNG[21:], "header")
        _refused(samples.image("WEBP").replace(b"RIFF", b"RIFF", 1)[:4] + b"\xff\0\0\0" + samples.image("WEBP")[8:])


class TestPdf:
    def test_what_follows_or_goes_before_is_refused(self) -> None:
        assert _accept(samples.PDF + b"\r\n\n") == content_types.PDF
        _refused(samples.PDF + samples.zipped({"a": "b"}))
        _refused(samples.PDF + b"<script>")
        _refused(samples.PDF[:-8])
        _refused(b"%PDF-x" + samples.PDF[6:])

    def test_an_archive_inside_whose_comment_is_the_rest_is_refused(self) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("evil.js", "alert(1)")
            archive.comment = b"\n%%EOF\n"

        _refused(samples.PDF + out.getvalue(), "ZIP")


def _docx(
    change: Callable[[zipfile.ZipFile], object] = lambda _: None, *, parts: Mapping[str, str] | None = None
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (samples.DOCX_PARTS | dict(parts or {})).items():
            archive.writestr(name, content)
        change(archive)
    return out.getvalue()


def _with(name: str, content: bytes = b"x", **attributes: int) -> bytes:
    entry = zipfile.ZipInfo("placeholder")
    entry.filename = name
    for attribute, value in attributes.items():
        setattr(entry, attribute, value)
    return _docx(lambda archive: archive.writestr(entry, content))


class TestOffice:
    @pytest.mark.parametrize(
        "name",
        ["../../evil", "/etc/passwd", "a\\..\\b", "C:/a", "a/../b", "a//b", "a\0b", "./a", "a/.", "a\nb", "\u202ea"],
    )
    def test_a_name_that_leads_elsewhere_is_refused(self, name: str) -> None:
        _refused(_with(name))

    def test_folders_descriptors_and_stored_entries_are_taken(self) -> None:
        class Stream(io.BytesIO):
            def seekable(self) -> bool:
                return False

            def seek(self, *_: int) -> int:
                raise io.UnsupportedOperation

            def tell(self) -> int:
                raise io.UnsupportedOperation

        out = Stream()
        with zipfile.ZipFile(out, "w") as archive:
            for name, content in samples.DOCX_PARTS.items():
                archive.writestr(name, content)
            archive.writestr("word/media/", "")
            archive.writestr("word/media/grüße.png", samples.PNG)

        assert _accept(out.getvalue()) == content_types.DOCX

    def test_a_link_is_refused(self) -> None:
        _refused(_with("word/link", b"/etc/passwd", external_attr=0o120777 << 16, create_system=3), "leave")

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_a_name_comes_once_whatever_its_case(self) -> None:
        for name in ("word/document.xml", "WORD/Document.xml"):
            _refused(_docx(lambda archive, name=name: archive.writestr(name, "other")), "name")  # type: ignore[misc]  # the default

    @pytest.mark.parametrize("where", ["before", "behind", "comment", "between"])
    def test_nothing_belongs_to_no_entry(self, where: str) -> None:
        good = samples.DOCX
        second = good.index(b"PK\x03\x04", 4)
        spoilt = {
            "before": b"PK\x03\x04" + bytes(8) + good,
            "behind": good + b"<script>",
            "comment": _docx(lambda archive: setattr(archive, "comment", b"<script>")),
            "between": _shifted(good, second, b"#!/bin/sh\n"),
        }

        _refused(spoilt[where])

    def test_an_entry_may_not_say_less_than_it_has(self) -> None:
        hidden = _with("word/bomb", bytes(3_000_000))
        small = struct.pack("<III", zlib.crc32(bytes(10)), *_sizes_of(hidden, "word/bomb"))
        lie = hidden.replace(
            struct.pack("<III", zlib.crc32(bytes(3_000_000)), *_sizes_of(hidden, "word/bomb")),
            small[:8] + struct.pack("<I", 10),
        )

        assert lie != hidden
        with zipfile.ZipFile(io.BytesIO(lie)) as archive:
            assert archive.read("word/bomb") == bytes(10)  # which is what zipfile believes
        _refused(lie, "damaged, or larger")

    def test_what_would_unpack_to_very_much_is_refused(self) -> None:
        _refused(_with("word/bomb", bytes(30_000_000), compress_type=zipfile.ZIP_DEFLATED), "times its size")
        _refused(_docx(parts={f"word/{number}": "" for number in range(10_000)}), "entries")

    def test_much_but_not_too_much_is_accepted(self) -> None:
        rows = "".join(f"<row>{number}</row>" for number in range(200_000))

        assert _accept(_docx(parts={"word/rows.xml": rows})) == content_types.DOCX

    def test_encryption_other_packing_and_damage_are_refused(self) -> None:
        good = samples.DOCX
        directory = good.index(b"PK\x01\x02")

        _refused(good[:6] + b"\1" + good[7 : directory + 8] + b"\1" + good[directory + 9 :], "encrypted")
        _refused(_with("a", compress_type=zipfile.ZIP_BZIP2), "compressed")
        _refused(good[:60] + bytes([good[60] ^ 1]) + good[61:])
        _refused(good[:40])

    def test_macros_and_other_kinds_of_document_are_refused(self) -> None:
        types = samples.DOCX_PARTS["[Content_Types].xml"]
        other = types.replace("wordprocessingml.document.main", "wordprocessingml.template.main")

        _refused(_docx(parts={"[Content_Types].xml": other}), "types")
        _refused(_docx(parts={"word/vbaProject.bin": "x"}), "macros")

    def test_only_its_first_archive_counts_where_two_ends_disagree(self) -> None:
        good = samples.DOCX
        end = good.index(b"PK\x05\x06")
        record = bytearray(good[end:])
        record[16:20] = struct.pack("<I", end + 1)

        _refused(good[:end] + bytes(record))
        _refused(good[:end] + b"PK\x06\x07" + bytes(16) + good[end:])

    def test_the_limits_are_those_that_are_told(self) -> None:
        assert (office.MOST_ENTRIES, office.MOST_RATIO) == (10_000, 100)


def _sizes_of(archive: bytes, name: str) -> tuple[int, int]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        entry = opened.getinfo(name)
        return entry.compress_size, entry.file_size


def _shifted(archive: bytes, at: int, extra: bytes) -> bytes:
    """Put bytes between two entries and mend every offset, so that readers of the directory notice nothing."""
    out = bytearray(archive[:at] + extra + archive[at:])
    place = out.index(b"PK\x01\x02")
    end = out.index(b"PK\x05\x06")
    struct.pack_into("<I", out, end + 16, place)
    while (place := out.find(b"PK\x01\x02", place)) >= 0:
        (offset,) = struct.unpack_from("<I", out, place + 42)
        struct.pack_into("<I", out, place + 42, offset + (len(extra) if offset >= at else 0))
        place += 4
    with zipfile.ZipFile(io.BytesIO(out)) as opened:
        assert opened.testzip() is None
    return bytes(out)


class TestOldOffice:
    def test_another_programs_container_is_refused(self) -> None:
        msi = bytes.fromhex("84100c0000000000c000000000000046")

        _refused(samples.ole("WordDocument", samples.WORD_HEAD, clsid=msi), "another program")
        _refused(samples.ole("WordDocument", samples.EXCEL_HEAD), "Word")
        _refused(samples.ole("Workbook", samples.WORD_HEAD), "Excel")

    def test_encryption_is_refused(self) -> None:
        encrypted = samples.WORD_HEAD[:10] + b"\0\1" + samples.WORD_HEAD[12:]
        with_password = samples.EXCEL_HEAD[:20] + b"\x2f\0\x06\0" + bytes(6)

        _refused(samples.ole("WordDocument", encrypted), "encrypted")
        _refused(samples.ole("Workbook", with_password), "encrypted")

    def test_damage_and_what_follows_are_refused(self) -> None:
        _refused(samples.DOC + bytes(128 * 512), "follows")
        _refused(samples.DOC + samples.DOCX, "ZIP")
        _refused(samples.OLE_HEADER + bytes(600))

    @pytest.mark.parametrize("cut", [100, 520, 1030, 1600])
    def test_a_document_cut_short_is_refused(self, cut: int) -> None:
        _refused(samples.DOC[:cut])


@pytest.mark.parametrize(
    "content",
    [samples.PNG, *map(samples.image, ("JPEG", "GIF", "WEBP")), samples.PDF, samples.DOCX, samples.DOC, samples.XLS],
    ids=["PNG", "JPEG", "GIF", "WEBP", "PDF", "DOCX", "DOC", "XLS"],
)
def test_whatever_is_damaged_is_refused_or_accepted_and_never_a_bug(content: bytes) -> None:
    chance = random.Random(6)  # noqa: S311  damage needs no secrecy
    interesting = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)

    for _ in range(400):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.choice((*interesting, chance.randrange(256)))
        try:
            _accept(bytes(damaged))
        except FileRefused:
            continue
