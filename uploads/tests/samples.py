"""Real files, made here."""

import io
import zipfile
from collections.abc import Mapping

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


def broken(kind: str, before: bytes, *, at: int, size: int = 8) -> bytes:
    """Return a picture that is whole on the outside, and no decoder's inside: what is cut short is not kept."""
    picture = bytearray(image(kind))
    place = picture.index(before) + at
    picture[place : place + size] = b"\xfe" * size
    return bytes(picture)


BROKEN_PNG = broken("PNG", b"IDAT", at=4)


def zipped(parts: Mapping[str, str]) -> bytes:
    """Return a ZIP archive with these parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def office_parts(main: str, main_type: str, body: str) -> dict[str, str]:
    """Return the parts of the smallest document: the types, what the main part is, and the main part."""
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/{main}" ContentType="{main_type}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="{main}"/></Relationships>',
        main: body,
    }


DOCX_PARTS = office_parts(
    "word/document.xml",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    "<w:body><w:p><w:r><w:t>Moonlight</w:t></w:r></w:p></w:body></w:document>",
)
XLSX_PARTS = office_parts(
    "xl/workbook.xml",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheets/></workbook>',
)
DOCX, XLSX = zipped(DOCX_PARTS), zipped(XLSX_PARTS)
WORD_HEAD = (0xA5EC).to_bytes(2, "little") + bytes(30)
EXCEL_HEAD = b"\x09\x08\x10\x00" + bytes(16) + b"\x0a\x00\x00\x00"


def ole(stream: str, head: bytes = b"\1", clsid: bytes = bytes(16)) -> bytes:
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
    root = _entry("Root Entry", kind=5, child=1, start=end, size=0, clsid=clsid)
    child = _entry(stream, kind=2, child=free, start=2, size=4096)
    return bytes(header) + table + (root + child).ljust(sector, b"\0") + head.ljust(4096, b"\1")


def _entry(name: str, *, kind: int, child: int, start: int, size: int, clsid: bytes = bytes(16)) -> bytes:
    encoded = (name + "\0").encode("utf-16-le")
    free = (0xFFFFFFFF).to_bytes(4, "little")
    return (
        encoded.ljust(64, b"\0") + len(encoded).to_bytes(2, "little") + bytes([kind, 1]) + free + free
        + child.to_bytes(4, "little") + clsid + b"\0" * 20 + start.to_bytes(4, "little") + size.to_bytes(8, "little")
    )  # fmt: skip


DOC = ole("WordDocument", WORD_HEAD)
XLS = ole("Workbook", EXCEL_HEAD)
