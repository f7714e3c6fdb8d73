import io

import pytest

from uploads import content_types
from uploads.content_types import accepted_type
from uploads.errors import FileTypeMismatch, UnsupportedFileType
from uploads.tests import samples


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (samples.PNG, "a.png", content_types.PNG),
        (samples.image("JPEG"), "a.JPEG", content_types.JPEG),
        (samples.image("GIF"), "a.gif", content_types.GIF),
        (samples.image("WEBP"), "a.webp", content_types.WEBP),
        (samples.PDF, "a.pdf", content_types.PDF),
        (samples.DOCX, "a.docx", content_types.DOCX),
        (samples.XLSX, "a.xlsx", content_types.XLSX),
        (samples.DOC, "a.doc", content_types.DOC),
        (samples.XLS, "a.xls", content_types.XLS),
        (samples.TEXT, "a.txt", content_types.TEXT),
        (samples.CSV, "a.csv", content_types.CSV),
        (samples.PNG, "no-ending", content_types.PNG),
        (b"BM, said she, and MZ\n", "a.txt", content_types.TEXT),
        (b"GIF89a is a signature\n", "a.txt", content_types.TEXT),
        (b"ID3,name\n1,alice\n", "a.csv", content_types.CSV),
        (b"%!PS is PostScript, {\\rtf is not\n", "notes.md", content_types.TEXT),
        (b"\xef\xbb\xbfwith a byte order mark\n", "a.txt", content_types.TEXT),
        (b'<p align="center">A README</p>\n', "readme.md", content_types.TEXT),
    ],
)
def test_every_accepted_type_is_told_by_its_bytes(content: bytes, name: str, expected: str) -> None:
    assert accepted_type(io.BytesIO(content), filename=name, declared="") == expected
    assert accepted_type(io.BytesIO(content), filename=name, declared=expected) == expected


@pytest.mark.parametrize(
    ("content", "name", "declared"),
    [
        (samples.PNG, "a.pdf", ""),
        (samples.PNG, "a.pdf", "application/pdf"),
        (samples.PNG, "a.png", "application/pdf"),
        (samples.PDF, "a.png", "image/png"),
        (samples.DOCX, "a.xlsx", ""),
        (samples.TEXT, "a.png", ""),
        (samples.PNG, "a.png.exe", ""),
        (samples.TEXT, "page.html", "text/html"),
    ],
)
def test_a_claim_that_the_bytes_contradict_is_refused(content: bytes, name: str, declared: str) -> None:
    with pytest.raises(FileTypeMismatch):
        accepted_type(io.BytesIO(content), filename=name, declared=declared)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"MZ" + b"\0" * 200, "a.exe"),
        (b"\x7fELF" + b"\0" * 200, "a"),
        (samples.zipped({"a.txt": "a"}), "a.zip"),
        (samples.zipped({"a.txt": "a"}), "a.docx"),
        (samples.zipped({"word/document.xml": "<x/>"}), "a.docx"),
        (samples.zipped(samples.DOCX_PARTS | samples.XLSX_PARTS), "a.docx"),
        (samples.ole("Contents"), "a.doc"),
        (samples.ole("EncryptedPackage"), "a.docx"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "a.svg"),
        (b"<!DOCTYPE html><html><script>alert(1)</script>", "a.txt"),
        (b"\xef\xbb\xbf \n<!-- a --><SVG\nonload=alert(1)>", "a.txt"),
        (b"<?xml version='1.0'?><x/>", "a.txt"),
        ("moon".encode("utf-16"), "a.txt"),
        ("Grüße".encode("latin-1"), "a.txt"),
        (b"a\0b", "a.txt"),
        (b"\xff\xfea\0", "a.txt"),
        (b"abc\xc3", "a.txt"),
        (b"\x1b[2J", "a.txt"),
    ],
)
def test_bytes_of_no_accepted_type_are_refused_whatever_their_name(content: bytes, name: str) -> None:
    with pytest.raises(UnsupportedFileType):
        accepted_type(io.BytesIO(content), filename=name, declared="")


def test_text_is_text_to_its_last_byte_across_chunks() -> None:
    long = "ü".encode() * 100_000

    assert accepted_type(io.BytesIO(b"x" + long), filename="a.txt", declared="text/plain") == content_types.TEXT
    with pytest.raises(UnsupportedFileType):
        accepted_type(io.BytesIO(long + b"\0"), filename="a.txt", declared="")
