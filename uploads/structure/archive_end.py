"""The end of a ZIP archive (APPNOTE 4.3.16), which is where readers begin."""

import struct
from dataclasses import dataclass
from typing import IO

from uploads.structure.walk import size_of

_SIGNATURE = b"PK\x05\x06"
_BYTES = 22
_LONGEST_COMMENT = 0xFFFF
_LOCATOR_BYTES = 20
_ZIP64_END = struct.Struct("<4s20xQQQQ")
_ZIP64_BYTES = _ZIP64_END.size + _LOCATOR_BYTES


@dataclass(frozen=True, slots=True)
class ArchiveEnd:
    """What the end of an archive says: how many entries, and how long the directory before it is and where."""

    position: int
    entries: int
    directory_bytes: int
    directory_at: int
    is_only_disk: bool


def whole_end_of(file: IO[bytes]) -> ArchiveEnd | None:
    """Return the end when the file ends with it, without a comment, and the directory lies right before it.

    A ZIP64 end between them must say the same, so that all readers see one archive.
    """
    position = size_of(file) - _BYTES
    file.seek(max(0, position))
    record = file.read(_BYTES)
    end = _read(record, position=position) if record.endswith(b"\0\0") else None
    if end is None or not end.is_only_disk:
        return None
    file.seek(max(0, position - _LOCATOR_BYTES))
    has_locator = file.read(4) == b"PK\x06\x07"
    between = position - end.directory_at - end.directory_bytes
    if not between and not has_locator:
        return end
    return end if between == _ZIP64_BYTES and has_locator and _zip64_agrees(file, end) else None


def _zip64_agrees(file: IO[bytes], end: ArchiveEnd) -> bool:
    file.seek(end.position - _ZIP64_BYTES)
    signature, here, entries, size, offset = _ZIP64_END.unpack(file.read(_ZIP64_END.size))
    said = (end.entries, end.entries, end.directory_bytes, end.directory_at)
    return bool(signature == b"PK\x06\x06" and (here, entries, size, offset) == said)


def ends_as_zip(file: IO[bytes]) -> bool:
    """Tell whether an archive's end is near the end of the file, with a directory right before it.

    Readers look as far back as a comment can be long, and take what they find for the archive.
    """
    size = size_of(file)
    start = max(0, size - _BYTES - _LONGEST_COMMENT)
    file.seek(start)
    tail = file.read()
    at = len(tail)
    while (at := tail.rfind(_SIGNATURE, 0, at)) >= 0:
        end = _read(tail[at : at + _BYTES], position=start + at)
        if end and end.entries and end.directory_bytes <= end.position:
            file.seek(end.position - end.directory_bytes)
            if file.read(4) == b"PK\x01\x02":
                return True
    return False


def _read(record: bytes, *, position: int) -> ArchiveEnd | None:
    if len(record) != _BYTES or not record.startswith(_SIGNATURE):
        return None
    disk, start_disk, here, entries, size, offset = struct.unpack("<4xHHHHII2x", record)
    return ArchiveEnd(position, entries, size, offset, (disk, start_disk) == (0, 0) and here == entries)
