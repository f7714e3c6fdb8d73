"""Where a picture was taken, in Exif: overwritten with zeros where it stands, so that everything else stays in place.

Exif is a TIFF: directories of entries, whose values stand anywhere, found by their offset. An entry is taken out by
moving those after it up, which moves no value.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

# fmt: off
_ERASED = {
    0x8825: "the directory of the position",
    0x927C: "the maker's notes: private, and some makers keep a position or a landmark there",
    0x02BC: "XMP",
    0x83BB: "IPTC",
    0x8649: "Photoshop's resources, with IPTC in them",
}
# fmt: on
_GPS = 0x8825
_DIRECTORIES = frozenset({0x8769, 0xA005, 0x014A})  # Exif's own, that of interoperability, and those of other pictures
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
# A camera's has some two hundred entries in six directories. Above this somebody wants to keep us busy.
_MOST_DIRECTORIES, _MOST_ENTRIES, _MOST_BYTES, _MOST_SEARCHED_BYTES = 32, 2000, 1024 * 1024, 4 * 1024 * 1024
_INLINE = 4
_WORDS = frozenset({1, 2, 7})  # types of values that may be text, in one byte a letter or in two
_PLACE = re.compile(rb"g\0?p\0?s|l\0?a\0?t\0?i\0?t\0?u\0?d|l\0?o\0?n\0?g\0?i\0?t\0?u", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Entry:
    tag: int
    raw: bytes
    kind: int
    value: range  # where the value stands
    number: int  # the value, of one that is an offset


class NotFollowed(Exception):
    """The directories lead nowhere."""


def without_location(tiff: bytes) -> bytes | None:
    """Return the same TIFF, as long as before, without the position; None where it cannot be followed."""
    try:
        return _Tiff(tiff).without_location()
    except (NotFollowed, struct.error):
        return None


class _Tiff:
    def __init__(self, tiff: bytes) -> None:
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
        if order is None:
            raise NotFollowed
        if len(tiff) > _MOST_BYTES:
            raise NotFollowed
        self._tiff, self._order = tiff, order
        self._out = bytearray(tiff)
        self._read = self._searched = 0

    def without_location(self) -> bytes:
        directories = list(self._directories())
        places = {entry for _, entries, _ in directories for entry in entries if self._is_place(entry)}
        for entry in places:
            self._wipe(entry)
        for start, entries, has_next in directories:
            self._rewrite(start, entries, [entry for entry in entries if entry not in places], has_next=has_next)
        return bytes(self._out)

    def _directories(self) -> Iterator[tuple[int, list[_Entry], bool]]:
        """Yield each directory once, with where it starts and whether the offset of a next one follows it."""
        waiting, seen = [self._offset(4)], set[int]()
        while waiting:
            start = waiting.pop()
            if not start or start in seen:
                continue
            seen.add(start)
            if len(seen) > _MOST_DIRECTORIES:
                raise NotFollowed
            entries = self._entries(start)
            end = start + 2 + 12 * len(entries)
            has_next = end + 4 <= len(self._tiff)
            if has_next:
                waiting.append(self._offset(end))
            for entry in entries:
                if entry.tag in _DIRECTORIES:
                    waiting += self._offsets(entry)
            yield start, entries, has_next

    def _entries(self, start: int) -> list[_Entry]:
        (count,) = struct.unpack_from(f"{self._order}H", self._tiff, start)
        self._read += count
        if self._read > _MOST_ENTRIES:
            raise NotFollowed
        return [self._entry(start + 2 + 12 * number) for number in range(count)]

    def _entry(self, at: int) -> _Entry:
        tag, kind, count, number = struct.unpack_from(f"{self._order}HHII", self._tiff, at)
        size = _SIZES.get(kind, 1) * count
        where = at + 8 if size <= _INLINE else number
        return _Entry(tag, self._tiff[at : at + 12], kind, range(where, where + size), number)

    def _offset(self, at: int) -> int:
        (found,) = struct.unpack_from(f"{self._order}I", self._tiff, at)
        return int(found)

    def _offsets(self, entry: _Entry) -> list[int]:
        places = range(entry.value.start, min(entry.value.stop, len(self._tiff) - 3), 4)
        return [self._offset(at) for at in places[:_MOST_DIRECTORIES]]

    def _is_place(self, entry: _Entry) -> bool:
        if entry.tag in _ERASED or entry.kind not in _WORDS:
            return entry.tag in _ERASED
        said = self._tiff[entry.value.start : entry.value.stop]
        self._searched += len(said)
        if self._searched > _MOST_SEARCHED_BYTES:
            raise NotFollowed
        return bool(_PLACE.search(said))

    def _wipe(self, entry: _Entry) -> None:
        if entry.tag == _GPS:
            inside = self._entries(entry.number)
            for each in inside:
                self._zero(each.value.start, each.value.stop)
            self._zero(entry.number, entry.number + 2 + 12 * len(inside))
        self._zero(entry.value.start, entry.value.stop)

    def _zero(self, start: int, stop: int) -> None:
        stop = min(stop, len(self._out))
        self._out[start:stop] = bytes(max(0, stop - start))

    def _rewrite(self, start: int, entries: list[_Entry], kept: list[_Entry], *, has_next: bool) -> None:
        if len(kept) == len(entries):
            return
        end = start + 2 + 12 * len(entries)
        following = self._tiff[end : end + 4] if has_next else b""
        rewritten = struct.pack(f"{self._order}H", len(kept)) + b"".join(entry.raw for entry in kept) + following
        self._out[start : end + len(following)] = rewritten.ljust(end + len(following) - start, b"\0")
