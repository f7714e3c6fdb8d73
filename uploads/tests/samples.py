"""Real files, made here."""

import io
import zipfile

from PIL import Image

from uploads import demo_files

PNG = demo_files.png(width=8, height=8, rgb=(99, 102, 241))
PDF = demo_files.pdf("Hello")
TEXT = "Grüße, 世界\n".encode()
CSV = b"a,b\n1,2\n"
OLE_HEADER = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def image(kind: str) -> bytes:
    """Return a small image that Pillow wrote."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 60)).save(out, kind)
    return out.getvalue()


def zipped(*parts: str) -> bytes:
    """Return a ZIP archive with these parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for part in parts:
            archive.writestr(part, "<x/>")
    return out.getvalue()


DOCX = zipped("[Content_Types].xml", "_rels/.rels", "word/document.xml")
XLSX = zipped("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml")


def ole(stream: str) -> bytes:
    """Return a Compound File (MS-CFB) with one stream, as old Word and Excel write."""
    sector = 512
    end, free, fat_sector = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
    header = bytearray(OLE_HEADER + b"\0" * 16)
    header += (0x3E).to_bytes(2, "little") + (3).to_bytes(2, "little") + (0xFFFE).to_bytes(2, "little")
    header += (9).to_bytes(2, "little") + (6).to_bytes(2, "little") + b"\0" * 6
    header += (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + (1).to_bytes(4, "little") + b"\0" * 4
    header += (4096).to_bytes(4, "little") + end.to_bytes(4, "little") + b"\0" * 4
    header += end.to_bytes(4, "little") + b"\0" * 4 + (0).to_bytes(4, "little") + free.to_bytes(4, "little") * 108
    chain = [fat_sector, end, *range(3, 10), end]
    table = b"".join(number.to_bytes(4, "little") for number in chain).ljust(sector, b"\xff")
    root = _entry("Root Entry", kind=5, child=1, start=end, size=0)
    child = _entry(stream, kind=2, child=free, start=2, size=4096)
    return bytes(header) + table + (root + child).ljust(sector, b"\0") + b"\1" * 4096


def _entry(name: str, *, kind: int, child: int, start: int, size: int) -> bytes:
    encoded = (name + "\0").encode("utf-16-le")
    free = (0xFFFFFFFF).to_bytes(4, "little")
    return (
        encoded.ljust(64, b"\0") + len(encoded).to_bytes(2, "little") + bytes([kind, 1]) + free + free
        + child.to_bytes(4, "little") + b"\0" * 36 + start.to_bytes(4, "little") + size.to_bytes(8, "little")
    )  # fmt: skip
