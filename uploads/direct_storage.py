"""What a storage does for files that do not pass through an instance: the words that S3 and local files share."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Protocol

# S3 takes parts of 5 MiB to 5 GiB, 10,000 at most. Of this size, 5 GiB are 80, and one lost is soon sent again.
PART_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Announced:
    """A file that is to come: where to, and exactly what."""

    key: str
    content_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form that sends exactly the announced file: POST the fields, and then ``file``, as multipart/form-data."""

    url: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Stored:
    """What is under a key. ``version`` changes with the bytes; ``sha256`` is empty where the storage keeps none."""

    size_bytes: int
    version: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """Something that the storage keeps, and when it was last written."""

    key: str
    size_bytes: int
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A set of parts that nobody joined yet, and when it was begun or last added to."""

    key: str
    multipart_id: str
    begun_at: datetime


class DirectStorage(Protocol):
    """The half of a storage that direct uploads need."""

    def signed_form(self, announced: Announced, *, seconds: int) -> Form: ...  # noqa: D102
    def begin_parts(self, announced: Announced) -> str: ...  # noqa: D102
    def signed_part(self, key: str, multipart_id: str, *, number: int, size_bytes: int, seconds: int) -> str: ...  # noqa: D102
    def stored_parts(self, key: str, multipart_id: str) -> dict[int, int]: ...  # noqa: D102
    def join_parts(self, key: str, multipart_id: str) -> None: ...  # noqa: D102
    def abort_parts(self, key: str, multipart_id: str) -> None: ...  # noqa: D102
    def stored(self, key: str) -> Stored | None: ...  # noqa: D102
    def read_stored(self, key: str, stored: Stored) -> IO[bytes]: ...  # noqa: D102
    def copy_stored(self, source: str, target: str, stored: Stored) -> None: ...  # noqa: D102
    def folders(self, under: str = "") -> list[str]: ...  # noqa: D102
    def files(self, folder: str) -> Iterator[Listed]: ...  # noqa: D102
    def unfinished(self, folder: str) -> Iterator[Unfinished]: ...  # noqa: D102


def part_sizes(size_bytes: int) -> dict[int, int]:
    """Return the size of each part by its number, from 1."""
    whole, rest = divmod(size_bytes, PART_BYTES)
    return dict.fromkeys(range(1, whole + 1), PART_BYTES) | ({whole + 1: rest} if rest else {})
