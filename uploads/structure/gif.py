"""GIF (89a specification): a screen, then blocks, each in pieces of up to 255 bytes, to the trailer."""

import struct

from uploads.errors import FileMalformed
from uploads.structure.walk import Walk

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_HAS_TABLE = 0x80
# Writers fill each piece; so many are 75 MB. A file of one-byte pieces would keep us walking.
_MOST_PIECES = 300_000


def walk(file: Walk) -> tuple[int, int, int]:
    """Return width, height and frames.

    Raises:
        FileMalformed: it is no whole GIF, or something follows it.
    """
    if file.take(6) not in {b"GIF87a", b"GIF89a"}:
        raise FileMalformed("It is no GIF.")
    width, height, flags = struct.unpack("<HHB2x", file.take(7))
    _skip_table(file, flags)
    frames, pieces = 0, 0
    while (kind := file.take(1)[0]) != _TRAILER:
        if kind == _IMAGE:
            frame_width, frame_height, flags = struct.unpack("<4xHHB", file.take(9))
            width, height = max(width, frame_width), max(height, frame_height)
            _skip_table(file, flags)
            frames += 1
        elif kind != _EXTENSION:
            raise FileMalformed("The GIF has a block that is none.")
        file.skip(1)  # the extension's label, or the size of the image's first codes
        pieces += _skip_pieces(file, _MOST_PIECES - pieces)
    if file.left:
        raise FileMalformed(f"{file.left:,} bytes follow the end of the GIF.")
    if not frames:
        raise FileMalformed("The GIF has no picture.")
    return width, height, frames


def _skip_table(file: Walk, flags: int) -> None:
    if flags & _HAS_TABLE:
        file.skip(3 * 2 ** ((flags & 7) + 1))


def _skip_pieces(file: Walk, most: int) -> int:
    for pieces in range(1, most + 1):
        size = file.take(1)[0]
        if not size:
            return pieces
        file.skip(size)
    raise FileMalformed("The GIF is in too many pieces.")
