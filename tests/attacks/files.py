"""Files that are more, less or other than they say."""

import io
import struct
import zlib
from functools import partial

from PIL import Image

from tests.attacks import archives
from tests.attacks.kinds import Sent
from uploads import content_types as types
from uploads.tests import samples
from uploads.tests.pictures import bomb

LIMIT = 10 * 1024 * 1024
# https://www.eicar.org: split, so that no scanner takes this source for it.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
_SCRIPT = b"<script>alert(document.domain)</script>"
_SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
_EXE = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + bytes(200)


def _sent(content: bytes, name: str, declared: str = "application/octet-stream") -> Sent:
    return Sent(lambda: content, name, declared)


def _gif_with_comment(comment: bytes) -> bytes:
    gif = samples.image("GIF")
    return gif[:-1] + b"\x21\xfe" + bytes([len(comment)]) + comment + b"\0;"


def _gif_of_frames(count: int) -> bytes:
    gif = samples.image("GIF")
    start = gif.index(b"\x2c\0\0\0\0")
    return gif[:start] + gif[start:-1] * count + b";"


def _png_saying(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return samples.PNG[:12] + header + struct.pack(">I", zlib.crc32(header)) + samples.PNG[33:]


def _text(size: int) -> bytes:
    return (b"moonlight\n" * (size // 10 + 1))[:size]


def _large_picture() -> bytes:
    out = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(out, "PNG")
    return out.getvalue()


_ZIP = archives.harmless()
FILES: dict[str, Sent] = {
    # Two things in one
    "gif-then-javascript": _sent(samples.image("GIF") + b"/*\n*/=1;alert(1)//", "a.gif", types.GIF),
    "gif-with-javascript-as-comment": _sent(_gif_with_comment(b"*/=1;alert(1)/*"), "a.gif", types.GIF),
    "gif-in-name-only": _sent(b"GIF89a=1;" + b"alert(1)\n", "a.gif", types.GIF),
    "jpeg-then-php": _sent(samples.image("JPEG") + b"<?php system($_GET[0]); ?>", "a.jpg", types.JPEG),
    "jpeg-then-zip": _sent(samples.image("JPEG") + _ZIP, "a.jpg", types.JPEG),
    "png-then-html": _sent(samples.PNG + _SCRIPT, "a.png", types.PNG),
    "webp-then-zip": _sent(samples.image("WEBP") + _ZIP, "a.webp", types.WEBP),
    "pdf-then-zip": _sent(samples.PDF + _ZIP, "a.pdf", types.PDF),
    "pdf-with-zip-inside": _sent(samples.PDF + archives.ending_as_pdf(), "a.pdf", types.PDF),
    "pdf-behind-a-program": _sent(_EXE + samples.PDF, "a.pdf", types.PDF),
    "docx-behind-a-program": _sent(_EXE + samples.DOCX, "a.docx", types.DOCX),
    "docx-then-script": _sent(samples.DOCX + _SCRIPT, "a.docx", types.DOCX),
    "old-word-then-zip": _sent(samples.DOC + _ZIP, "a.doc", types.DOC),
    # Not what it says
    "png-declared-as-pdf": _sent(samples.PNG, "a.png", types.PDF),
    "png-named-pdf": _sent(samples.PNG, "a.pdf", types.PNG),
    "png-declared-as-html": _sent(samples.PNG, "a.png", "text/html"),
    "html-declared-as-png": _sent(_SCRIPT, "a.png", types.PNG),
    "program-as-png": _sent(_EXE, "a.png", types.PNG),
    "elf-as-text": _sent(b"\x7fELF\x02\x01\x01" + bytes(200), "a.txt", types.TEXT),
    "zip-as-docx": _sent(_ZIP, "a.docx", types.DOCX),
    "xlsx-as-docx": _sent(samples.XLSX, "a.docx", types.DOCX),
    "installer-as-doc": _sent(
        samples.ole("WordDocument", samples.WORD_HEAD, clsid=bytes.fromhex("84100c0000000000c000000000000046")),
        "a.doc", types.DOC,
    ),
    "mail-as-doc": _sent(samples.ole("__properties_version1.0"), "a.doc", types.DOC),
    "utf-16-as-text": _sent("moonlight".encode("utf-16"), "a.txt", types.TEXT),
    "terminal-codes-as-text": _sent(b"\x1b]0;owned\x07\x1b[2J", "a.txt", types.TEXT),
    "nul-in-text": _sent(b"moon\0light", "a.txt", types.TEXT),
    # Markup
    "html": _sent(b"<!DOCTYPE html><title>a</title>" + _SCRIPT, "a.html", "text/html"),
    "html-as-text": _sent(b"\xef\xbb\xbf\n<!-- a -->\n<HTML>" + _SCRIPT, "a.txt", types.TEXT),
    "markdown-with-script": _sent(b"# A title\n\n" + _SCRIPT, "a.md", "text/markdown"),
    "svg": _sent(_SVG, "a.svg", "image/svg+xml"),
    "svg-as-png": _sent(_SVG, "a.png", types.PNG),
    "svg-as-text": _sent(b"<?xml version='1.0'?>" + _SVG, "a.txt", types.TEXT),
    "formula-in-csv": _sent(b"=cmd|'/c calc'!A0,1\n", "a.csv", types.CSV),
    # Viruses, as far as bytes alone tell
    "eicar": _sent(EICAR, "eicar.txt", types.TEXT),
    "eicar-as-com": _sent(EICAR, "eicar.com", "application/octet-stream"),
    # Pictures that decoders choke on
    "png-of-50000-x-50000": Sent(partial(bomb, 50_000), "a.png", types.PNG),
    "png-of-4-billion-pixels-side": _sent(_png_saying(2**31 - 1, 2**31 - 1), "a.png", types.PNG),
    "png-without-size": _sent(_png_saying(0, 0), "a.png", types.PNG),
    "gif-of-2001-frames": Sent(partial(_gif_of_frames, 2001), "a.gif", types.GIF),
    "gif-in-a-million-pieces": Sent(
        lambda: samples.image("GIF")[:-1] + b"\x21\xfe" + b"\x01x" * 1_000_000 + b"\0;", "a.gif", types.GIF
    ),
    "png-of-144-million-pixels": Sent(_large_picture, "a.png", types.PNG),
    "png-cut-short": _sent(samples.PNG[:-20], "a.png", types.PNG),
    "jpeg-cut-short": _sent(samples.image("JPEG")[:-20], "a.jpg", types.JPEG),
    "pdf-cut-short": _sent(samples.PDF[:-20], "a.pdf", types.PDF),
    # Sizes
    "nothing": _sent(b"", "a.txt", types.TEXT),
    "limit-less-1": Sent(partial(_text, LIMIT - 1), "a.txt", types.TEXT),
    "limit": Sent(partial(_text, LIMIT), "a.txt", types.TEXT),
    "limit-and-1": Sent(partial(_text, LIMIT + 1), "a.txt", types.TEXT),
}  # fmt: skip
