"""PNG (ISO/IEC 15948): chunks, each with a length, a name and a checksum."""

import zlib

from uploads.location import exif
from uploads.location.pieces import Data, Pieces, cut, require_within, tells_place

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# How the picture is shown, and its frames. What begins with a capital letter must be understood by every reader.
_SHOWN = frozenset(
    (
        b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"hIST", b"pHYs",
        b"sPLT", b"tIME", b"acTL", b"fcTL", b"fdAT",
    )
)  # fmt: skip
_AROUND = 12  # length, name and checksum
_RAW_PROFILE = b"Raw profile type"  # Exif, XMP or IPTC in hexadecimal, by ImageMagick


def pieces(data: Data) -> Pieces:
    """Yield the file without places, up to the picture's end.

    Raises:
        Unreadable: its chunks cannot be followed.
    """
    yield cut(data, 0, len(_SIGNATURE))
    at = len(_SIGNATURE)
    while at < len(data):
        length, name = int.from_bytes(cut(data, at, 4), "big"), cut(data, at + 4, 4)
        end = at + length + _AROUND
        require_within(data, end)
        if name[:1].isupper() or name in _SHOWN:
            yield range(at, end)
        elif name == b"eXIf":
            yield _chunk(name, exif.without_location(cut(data, at + 8, length)))
        elif name in {b"tEXt", b"iTXt"} and _says_no_place(name, cut(data, at + 8, length)):
            yield range(at, end)
        if name == b"IEND":
            return
        at = end


def _says_no_place(name: bytes, said: bytes) -> bool:
    """Tell whether a text can be read and names no place."""
    keyword, _, rest = said.partition(b"\0")
    if keyword.startswith(_RAW_PROFILE):
        return False
    if name == b"iTXt":
        compressed, rest = rest[:1] != b"\0", rest[2:].replace(b"\0", b" ", 2)  # language and translated keyword end so
        return not compressed and not tells_place(keyword + rest)
    return not tells_place(keyword + rest)


def _chunk(name: bytes, said: bytes | None) -> bytes:
    if said is None:
        return b""
    return len(said).to_bytes(4, "big") + name + said + zlib.crc32(name + said).to_bytes(4, "big")
