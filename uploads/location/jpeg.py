"""JPEG (ITU T.81): segments, each with a marker and a length, and the picture after those that say "scan"."""

import re

from uploads.location import exif
from uploads.location.pieces import Data, Pieces, Unreadable, cut, require_within, tells_place

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_COMMENT, _APP0, _APP1, _APP2, _APP14, _APP15 = 0xFE, 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_EXIF, _XMP, _PROFILE = b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_EXIF_BYTES = 6
# In a scan, 0xff is data before zero and before the marks that come and go in it.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def pieces(data: Data) -> Pieces:
    """Yield the file without places, up to the picture's end.

    Raises:
        Unreadable: its segments cannot be followed.
    """
    yield cut(data, 0, 2)
    at = 2
    while True:
        first, marker = cut(data, at, 2)
        if first != 0xFF:  # noqa: PLR2004  as every marker begins
            raise Unreadable
        if marker == 0xFF:  # noqa: PLR2004  one more of the same is allowed, and means nothing
            at += 1
            continue
        if marker == _END or marker in _ALONE:
            yield bytes((0xFF, marker))
            at += 2
            if marker == _END:
                return
            continue
        end = at + 2 + int.from_bytes(cut(data, at + 2, 2), "big")
        require_within(data, end)
        yield from _segment(data, marker, at, end)
        at = end
        if marker == _SCAN:
            found = _MARKER.search(data, at)
            at = found.start() if found else len(data)
            yield range(end, at)
            if not found:  # cut short; what there is of it is all there
                return


def _segment(data: Data, marker: int, at: int, end: int) -> Pieces:
    if end < at + 4:
        raise Unreadable
    kept = _kept(marker, bytes(data[at + 4 : end])) if _APP0 <= marker <= _APP15 or marker == _COMMENT else None
    if kept is None:
        yield range(at, end)
    elif kept:
        yield bytes((0xFF, marker)) + (len(kept) + 2).to_bytes(2, "big") + kept


def _kept(marker: int, said: bytes) -> bytes:
    """Return what is kept of a segment that is not the picture: how to show it, and what says no place."""
    if marker in {_APP0, _APP14} or (marker == _APP2 and said.startswith(_PROFILE)):
        return said
    if marker == _APP1 and said.startswith(_EXIF):
        return _with(said[:_EXIF_BYTES], exif.without_location(said[_EXIF_BYTES:]))
    if marker == _APP1 and said.startswith(_XMP):
        return b"" if tells_place(said.removeprefix(_XMP)) else said
    return said if marker == _COMMENT and not tells_place(said.rstrip(b"\0")) else b""


def _with(beginning: bytes, rest: bytes | None) -> bytes:
    return b"" if rest is None else beginning + rest
