"""JPEG (ITU-T T.81): segments, and scans in which a marker ends the data, from SOI to EOI.

Cameras put more behind the end, and refusing that would refuse most phones' photos. Taken are: further whole JPEGs
(CIPA DC-007: previews and gain maps), zeros, a motion photo's video whose boxes fill the rest (ISO/IEC 14496-12), and
Samsung's trailer, whose directory says where it begins.
"""

import re
import struct

from uploads.errors import FileMalformed
from uploads.structure.walk import Walk

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
# Start of frame: C0 to CF without DHT (C4), JPG (C8) and DAC (CC).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
# In a scan, FF00 is a byte of data and FFD0 to FFD7 count; anything else is a marker.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_MOST_SEGMENTS = 10_000
_MOST_IMAGES = 20
_MOST_BOXES = 1_000
_NOT_ZERO = re.compile(rb"[^\x00]", re.DOTALL)
_SAMSUNG_DIRECTORY_BYTES = 4096


def walk(file: Walk) -> tuple[int, int, int]:
    """Return width, height and frames (one) of the first image.

    Raises:
        FileMalformed: it is no whole JPEG, or something follows it.
    """
    if file.take(2) != bytes((0xFF, _SOI)):
        raise FileMalformed("It is no JPEG.")
    width, height = _image(file)
    for _ in range(_MOST_IMAGES):
        if not file.left or not _another_image_follows(file):
            return width, height, 1
        _image(file)
    raise FileMalformed("The JPEG has too many images.")


def _image(file: Walk) -> tuple[int, int]:
    """Go to the end of the image whose start was passed."""
    size = (0, 0)
    for _ in range(_MOST_SEGMENTS):
        kind = _marker(file)
        if kind == _EOI:
            return size
        if kind in _BARE:
            continue
        (length,) = struct.unpack(">H", file.take(2))
        if length < 2 or kind in {0, _SOI}:
            raise FileMalformed("The JPEG has a segment that is none.")
        body = file.take(length - 2)
        if kind in _FRAMES and len(body) >= 5:
            height, width = struct.unpack(">HH", body[1:5])
            size = max(size, (width, height), key=lambda pair: pair[0] * pair[1])
        elif kind == _SOS:
            file.skip_to(_MARKER)
    raise FileMalformed("The JPEG has too many segments.")


def _marker(file: Walk) -> int:
    if file.take(1) != b"\xff":
        raise FileMalformed("The JPEG is damaged.")
    while (kind := file.take(1)[0]) == 0xFF:
        pass
    return kind


def _another_image_follows(file: Walk) -> bool:
    """Move past the start of another image; False when there is none and what follows may follow.

    Raises:
        FileMalformed: it may not.
    """
    behind = file.left
    file.skip_to(_NOT_ZERO)
    zeros = behind - file.left
    if not file.left:
        return False
    lead = file.take(min(file.left, 2))
    if lead == bytes((0xFF, _SOI)):
        return True
    if zeros >= 3 and lead[1:] == b"f" and file.left >= 3 and file.take(3) == b"typ":
        file.skip(max(0, lead[0] - 8))  # its size began with the zeros
        _pass_boxes(file)
        return False
    if not 0 <= behind - _samsung_bytes(file) <= zeros:
        raise FileMalformed(f"{behind:,} bytes follow the end of the JPEG.")
    return False


def _pass_boxes(file: Walk) -> None:
    for _ in range(_MOST_BOXES):
        if not file.left:
            return
        size, kind = struct.unpack(">I4s", file.take(8))
        rest = {0: file.left, 1: 0}.get(size, size - 8)
        if size == 1:
            rest = struct.unpack(">Q", file.take(8))[0] - 16
        if rest < 0 or not kind.isascii():
            break
        file.skip(rest)
    raise FileMalformed("What follows the JPEG is no whole video.")


def _samsung_bytes(file: Walk) -> int:
    """Return how long a trailer is by the directory at its end: SEFH, version, number, entries; its length, SEFT."""
    file.skip(max(0, file.left - _SAMSUNG_DIRECTORY_BYTES))
    end = file.take(file.left)
    if len(end) < 20 or end[-4:] != b"SEFT":
        return 0
    (length,) = struct.unpack("<I", end[-8:-4])
    directory = end[-8 - length : -8]
    if length < 12 or length % 12 or not directory.startswith(b"SEFH") or len(directory) != length:
        return 0
    # Each entry says how far before the directory its block begins.
    distances = [distance for _, distance, _ in struct.iter_unpack("<4sII", directory[12:])]
    return int(max(distances, default=0) + length + 8)
