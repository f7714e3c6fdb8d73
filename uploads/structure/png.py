"""PNG (ISO/IEC 15948): a signature, then chunks, from IHDR to IEND."""

import struct
import zlib

from uploads.errors import FileMalformed
from uploads.structure.walk import Walk

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES = 13
# Writers make chunks of 8 KiB or more; so many are two gigabytes.
_MOST_CHUNKS = 250_000


def walk(file: Walk) -> tuple[int, int, int]:
    """Return width, height and frames.

    Raises:
        FileMalformed: it is no whole PNG, or something follows it.
    """
    if file.take(len(_SIGNATURE)) != _SIGNATURE:
        raise FileMalformed("It is no PNG.")
    width, height = _header(file)
    frames = 1
    for _ in range(_MOST_CHUNKS):
        length, kind = struct.unpack(">I4s", file.take(8))
        if not kind.isalpha() or kind == b"IHDR":
            raise FileMalformed("The PNG has a chunk that is none.")
        if kind == b"acTL" and length == 8:
            (frames,) = struct.unpack(">I4x", file.take(8))
            length = 0
        file.skip(length + 4)
        if kind == b"IEND":
            if file.left:
                raise FileMalformed(f"{file.left:,} bytes follow the end of the PNG.")
            return width, height, frames
    raise FileMalformed("The PNG has too many chunks.")


def _header(file: Walk) -> tuple[int, int]:
    length, kind = struct.unpack(">I4s", file.take(8))
    if (length, kind) != (_HEADER_BYTES, b"IHDR"):
        raise FileMalformed("The PNG does not begin with its header.")
    header = file.take(_HEADER_BYTES)
    if file.take(4) != struct.pack(">I", zlib.crc32(kind + header)):
        raise FileMalformed("The header of the PNG is damaged.")
    width, height = struct.unpack(">II", header[:8])
    return width, height
