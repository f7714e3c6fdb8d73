"""Going through a file once, forwards, in steps that the file itself names."""

import io
import re
from typing import IO

from uploads.errors import FileMalformed

_CHUNK = 64 * 1024


def size_of(file: IO[bytes]) -> int:
    """Return the file's size in bytes; it is left at its end."""
    return file.seek(0, io.SEEK_END) or file.tell()  # some of Django's files return None


class Walk:
    """A place in a file, which only moves on."""

    def __init__(self, file: IO[bytes]) -> None:
        """Stand at the beginning."""
        self._file = file
        self._left = size_of(file)
        file.seek(0)
        self._buffer, self._at = b"", 0

    @property
    def left(self) -> int:
        """How many bytes follow."""
        return self._left

    def take(self, count: int) -> bytes:
        """Return the next bytes, exactly so many, and move past them.

        Raises:
            FileMalformed: the file ends before.
        """
        self._require(count)
        while len(self._buffer) - self._at < count:
            self._fill()
        taken = self._buffer[self._at : self._at + count]
        self._move(count)
        return taken

    def skip(self, count: int) -> None:
        """Move past so many bytes.

        Raises:
            FileMalformed: the file ends before.
        """
        self._require(count)
        here = len(self._buffer) - self._at
        if count <= here:
            self._move(count)
            return
        self._file.seek(count - here, io.SEEK_CUR)
        self._buffer, self._at = b"", 0
        self._left -= count

    def skip_to(self, pattern: re.Pattern[bytes]) -> None:
        """Move to where two bytes are that fit the pattern, or to the end."""
        while self._left:
            found = pattern.search(self._buffer, self._at)
            if found:
                self._move(found.start() - self._at)
                return
            # The last byte may be the first of the two.
            rest = len(self._buffer) - self._at
            self._move(rest - 1 if 0 < rest < self._left else rest)
            if self._left:
                self._fill()

    def _fill(self) -> None:
        chunk = self._file.read(_CHUNK)
        if not chunk:
            raise FileMalformed("The file ends in the middle of something.")
        self._buffer, self._at = self._buffer[self._at :] + chunk, 0

    def _move(self, count: int) -> None:
        self._at += count
        self._left -= count

    def _require(self, count: int) -> None:
        if count > self._left:
            raise FileMalformed("The file ends in the middle of something.")
