"""WebP (RFC 9649): a RIFF file whose length is said first, and chunks that fill it."""

import struct

from uploads.errors import FileMalformed
from uploads.structure.walk import Walk

_MOST_CHUNKS = 20_000
_LOSSLESS = 0x2F


def walk(file: Walk) -> tuple[int, int, int]:
    """Return width, height and frames.

    Raises:
        FileMalformed: it is no whole WebP, or something follows it.
    """
    riff, length, webp = struct.unpack("<4sI4s", file.take(12))
    if (riff, webp) != (b"RIFF", b"WEBP"):
        raise FileMalformed("It is no WebP.")
    if length != file.left + 4:
        raise FileMalformed(f"The WebP says that it has {length + 8:,} bytes, and the file has {file.left + 12:,}.")
    width, height, frames, pictures = 0, 0, 0, 0
    for _ in range(_MOST_CHUNKS):
        if not file.left:
            break
        kind, length = struct.unpack("<4sI", file.take(8))
        body = file.take(min(length, 10))
        file.skip(length - len(body) + length % 2)
        wide, high = _size(kind, body)
        width, height = max(width, wide), max(height, high)
        frames += kind == b"ANMF"
        pictures += kind in {b"ANMF", b"VP8 ", b"VP8L"}
    if file.left or not pictures:
        raise FileMalformed("The WebP has no picture, or too many chunks.")
    return width, height, max(frames, 1)


def _size(kind: bytes, body: bytes) -> tuple[int, int]:
    """Return the size that a chunk names: a canvas (VP8X), a lossy frame (VP8) or a lossless one (VP8L)."""
    if len(body) == 10 and kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if len(body) == 10 and kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF
    if len(body) >= 5 and kind == b"VP8L" and body[0] == _LOSSLESS:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0
