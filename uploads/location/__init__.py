"""Taking out of a picture where it was taken; what it shows is not decoded and stays as it is, byte for byte.

Positions are overwritten where they stand (``exif``). Of everything else beside the picture only what is known to say
no place is kept, and nothing that follows its end: phones hide whole videos there.
"""

import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import UnsupportedOperation
from typing import IO

from uploads.content_types import JPEG, PNG, WEBP
from uploads.location import jpeg, png, webp
from uploads.location.pieces import Data, Piece, Unreadable

__all__ = ["POSSIBLE", "Unreadable", "without_location"]

_WAYS = {JPEG: jpeg.pieces, PNG: png.pieces, WEBP: webp.pieces}
POSSIBLE = frozenset(_WAYS)
_CHUNK = 256 * 1024


@contextmanager
def without_location(file: IO[bytes], content_type: str) -> Iterator[IO[bytes]]:
    """Give a copy of a picture without any place in it, for as long as the block runs.

    Raises:
        Unreadable: it is not put together as its type says, so that nobody can tell what is in it.
    """
    with _mapped(file) as data, tempfile.SpooledTemporaryFile(max_size=_CHUNK) as copy:
        for piece in _WAYS[content_type](data):
            _write(piece, data, copy)
        copy.seek(0)
        yield copy


def _write(piece: Piece, data: Data, copy: IO[bytes]) -> None:
    if isinstance(piece, bytes):
        copy.write(piece)
        return
    for start in range(piece.start, piece.stop, _CHUNK):
        copy.write(data[start : min(start + _CHUNK, piece.stop)])


@contextmanager
def _mapped(file: IO[bytes]) -> Iterator[Data]:
    """Give the bytes of a file without reading it into memory; what is in memory is small (settings)."""
    number = None
    with suppress(AttributeError, UnsupportedOperation):
        number = file.fileno()
    if number is None:
        file.seek(0)
        yield file.read()
        return
    file.flush()
    with mmap.mmap(number, 0, access=mmap.ACCESS_READ) as data:
        yield data
