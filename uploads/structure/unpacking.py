"""Unpacking an archive's entry into nothing, to see that it is as large as it says and no larger."""

import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from uploads.errors import FileMalformed

_CHUNK = 64 * 1024
_MOST_AT_ONCE = 1024 * 1024
_WRONG = "An entry of the archive is damaged, or larger than it says."


def unpack_into_nothing(file: IO[bytes], entry: zipfile.ZipInfo, data_at: int) -> None:
    """Return when the entry's packed bytes give exactly what the directory says, in size and checksum.

    zipfile alone stops at the size that is said, so that a longer entry passes for a shorter one.

    Raises:
        FileMalformed: they do not.
    """
    size, checksum = 0, 0
    for plain in _unpacked(_packed(file, entry, data_at), entry.compress_type):
        size, checksum = size + len(plain), zlib.crc32(plain, checksum)
        if size > entry.file_size:
            raise FileMalformed(_WRONG)
    if (size, checksum) != (entry.file_size, entry.CRC):
        raise FileMalformed(_WRONG)


def _packed(file: IO[bytes], entry: zipfile.ZipInfo, data_at: int) -> Iterator[bytes]:
    file.seek(data_at)
    left = entry.compress_size
    while left:
        chunk = file.read(min(_CHUNK, left))
        if not chunk:
            raise FileMalformed(_WRONG)
        left -= len(chunk)
        yield chunk


def _unpacked(packed: Iterator[bytes], how: int) -> Iterator[bytes]:
    """Yield what the chunks unpack to, in pieces of bounded size; the stream must end with them."""
    if how == zipfile.ZIP_STORED:
        yield from packed
        return
    unpacker, some = zlib.decompressobj(-zlib.MAX_WBITS), False
    try:
        for chunk in packed:
            some, rest, plain = True, chunk, b""
            while rest or len(plain) == _MOST_AT_ONCE:
                plain = unpacker.decompress(rest, _MOST_AT_ONCE)
                rest = unpacker.unconsumed_tail
                yield plain
    except zlib.error as error:
        raise FileMalformed(_WRONG) from error
    if some and (not unpacker.eof or unpacker.unused_data):
        raise FileMalformed(_WRONG)
