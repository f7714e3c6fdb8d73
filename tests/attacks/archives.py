"""Office files that are archives first, and archives that hide in other files."""

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from functools import partial

from tests.attacks.kinds import Sent
from uploads import content_types as types
from uploads.tests import samples


def harmless() -> bytes:
    """Return an archive that readers find wherever it is appended."""
    return samples.zipped({"readme.txt": "found"})


def ending_as_pdf() -> bytes:
    """Return an archive whose comment ends as a PDF does."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.txt", "found")
        archive.comment = b"\n%%EOF\n"
    return out.getvalue()


def _docx(change: Callable[[zipfile.ZipFile], object]) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore", UserWarning)  # of names that come twice
        for name, content in samples.DOCX_PARTS.items():
            archive.writestr(name, content)
        change(archive)
    return out.getvalue()


def _with(name: str, content: bytes = b"x", **attributes: int) -> Sent:
    entry = zipfile.ZipInfo("placeholder")
    entry.filename = name
    for attribute, value in attributes.items():
        setattr(entry, attribute, value)
    return _sent(lambda: _docx(lambda archive: archive.writestr(entry, content)))


def _sent(content: Callable[[], bytes]) -> Sent:
    return Sent(content, "a.docx", types.DOCX)


def _saying_less_than_it_has() -> bytes:
    """Return a document with an entry of 300 kB that says it has ten bytes, and whose checksum is that of the ten."""
    packed = _docx(lambda archive: archive.writestr("word/bomb.xml", bytes(300_000)))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        entry = archive.getinfo("word/bomb.xml")
    true = struct.pack("<III", entry.CRC, entry.compress_size, entry.file_size)
    return packed.replace(true, struct.pack("<III", zlib.crc32(bytes(10)), entry.compress_size, 10))


def _overlapping() -> bytes:
    """Return a document whose directory has one entry twice, under two names: bombs are made so."""
    packed = bytearray(_docx(lambda archive: archive.writestr("word/a.xml", bytes(100_000))))
    end = packed.index(b"PK\x05\x06")
    start = struct.unpack_from("<I", packed, end + 16)[0]
    last = packed.rindex(b"PK\x01\x02", start, end)
    again = packed[last:end].replace(b"word/a.xml", b"word/b.xml")
    record = bytearray(packed[end:])
    entries, size = struct.unpack_from("<HI", record, 10)
    struct.pack_into("<HHI", record, 8, entries + 1, entries + 1, size + len(again))
    return bytes(packed[:end] + again + record)


def _encrypted() -> bytes:
    packed = bytearray(samples.DOCX)
    directory = packed.index(b"PK\x01\x02")
    packed[6] |= 1
    packed[directory + 8] |= 1
    return bytes(packed)


ARCHIVES: dict[str, Sent] = {
    "docx-with-path-up": _with("../../../etc/cron.d/owned"),
    "docx-with-absolute-path": _with("/etc/cron.d/owned"),
    "docx-with-drive": _with("C:/Windows/owned.dll"),
    "docx-with-backslashes": _with("..\\..\\owned.dll"),
    "docx-with-nul-in-path": _with("word/a.xml\0.exe"),
    "docx-with-link": _with("word/link", b"/etc/passwd", external_attr=0o120777 << 16, create_system=3),
    "docx-with-one-name-twice": _sent(
        lambda: _docx(lambda archive: archive.writestr("word/document.xml", "<another/>"))
    ),
    "docx-with-10001-entries": _sent(
        lambda: _docx(lambda archive: [archive.writestr(f"word/{number}", "") for number in range(10_001)])  # type: ignore[func-returns-value]  # for its effect
    ),
    "docx-that-unpacks-to-1000-times": _with(
        "word/bomb.xml", bytes(50_000_000), compress_type=zipfile.ZIP_DEFLATED
    ),
    "docx-that-says-less-than-it-has": _sent(_saying_less_than_it_has),
    "docx-with-overlapping-entries": _sent(_overlapping),
    "docx-encrypted": _sent(_encrypted),
    "docx-with-macros": _with("word/vbaProject.bin"),
    "docx-with-comment": _sent(lambda: _docx(lambda archive: setattr(archive, "comment", b"<script>"))),
    "docx-cut-short": _sent(lambda: samples.DOCX[:-30]),
    "encrypted-office-file": Sent(partial(samples.ole, "EncryptedPackage"), "a.docx", types.DOCX),
    "old-word-encrypted": Sent(
        lambda: samples.ole("WordDocument", samples.WORD_HEAD[:10] + b"\0\1" + samples.WORD_HEAD[12:]),
        "a.doc", types.DOC,
    ),
}  # fmt: skip
