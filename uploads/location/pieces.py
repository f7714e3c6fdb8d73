"""What a picture is put together from, and what of it may say a place in words."""

import mmap
import re
from collections.abc import Iterator

Data = bytes | mmap.mmap
# Bytes, or where they are in the file.
Piece = bytes | range
Pieces = Iterator[Piece]
# Properties of XMP and IPTC, and words that programs write; too much rather than too little.
_PLACE = re.compile(rb"gps|geo:|latitude|longitude|location|photoshop:(city|state|country)|countrycode", re.IGNORECASE)


class Unreadable(Exception):
    """The file is not put together as its type says."""


def tells_place(words: bytes) -> bool:
    """Tell whether XMP or a text may name a place. What is not plain, such as UTF-16, cannot be told, and counts."""
    return b"\0" in words or bool(_PLACE.search(words))


def cut(data: Data, start: int, length: int) -> bytes:
    """Return exactly so many bytes.

    Raises:
        Unreadable: there are fewer.
    """
    found = bytes(data[start : start + length])
    if len(found) != length:
        raise Unreadable
    return found


def require_within(data: Data, end: int) -> None:
    """Refuse what goes on past the end of the file."""
    if end > len(data):
        raise Unreadable
