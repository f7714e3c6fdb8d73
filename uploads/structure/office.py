"""Word and Excel since 2007: ZIP archives with certain parts (ECMA-376-2), and nothing beside them.

Python's zipfile reads the directory, but only once the end of the archive has said that it is small; then every
entry is held to its place, so that together they fill the file, and is unpacked once, into nothing, so that what it
says of its size is true. What readers unpack is then bounded, and readers that begin at either end see the same.
"""

import stat
import struct
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from uploads.errors import FileMalformed
from uploads.structure.archive_end import whole_end_of
from uploads.structure.unpacking import unpack_into_nothing

MOST_ENTRIES = 10_000
MOST_UNPACKED_BYTES = 512 * 1024 * 1024
# As Apache POI, which reads most of what servers read: a hundredth, once it is of some size.
MOST_RATIO = 100
_RATIO_FROM_BYTES = 1024 * 1024
_MOST_DIRECTORY_BYTES = 4 * 1024 * 1024
_CONTENT_TYPES = "[Content_Types].xml"
_MOST_CONTENT_TYPES_BYTES = 1024 * 1024
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ENCRYPTED, _DESCRIPTOR_FOLLOWS = 0x1, 0x8
_DESCRIPTOR_BYTES = frozenset({12, 16, 20, 24})
_BAD_ARCHIVE = (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, EOFError, RuntimeError)


def parts_of(file: IO[bytes]) -> frozenset[str]:
    """Return the names of the archive's parts.

    Raises:
        FileMalformed: it is no whole archive, or a very large one.
    """
    with _opened(file) as archive:
        return frozenset(archive.namelist())


def verify(file: IO[bytes], *, main_type: str) -> None:
    """Return when the archive is nothing but an Office file whose main part is of this type.

    Raises:
        FileMalformed: names that lead elsewhere or come twice, links, bytes that belong to no part, encryption, parts
            that unpack to more than they say or than is reasonable, or another kind of document.
    """
    with _opened(file) as archive:
        entries = archive.infolist()
        _require_names(entries)
        _require_sizes(entries)
        for entry, data_at in _places(file, entries, archive.start_dir):
            unpack_into_nothing(file, entry, data_at)
        _require_type(archive, main_type)


@contextmanager
def _opened(file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    end = whole_end_of(file)
    if end is None:
        raise FileMalformed("The archive does not end where the file ends.")
    if end.entries > MOST_ENTRIES or end.directory_bytes > _MOST_DIRECTORY_BYTES:
        raise FileMalformed(f"The archive has more than {MOST_ENTRIES:,} entries.")
    try:
        with zipfile.ZipFile(file) as archive:
            if (len(archive.infolist()), archive.start_dir) != (end.entries, end.directory_at):
                raise FileMalformed("The archive's directory is not where it says.")
            yield archive
    except _BAD_ARCHIVE as error:
        raise FileMalformed("The archive is damaged.") from error


def _require_names(entries: Sequence[zipfile.ZipInfo]) -> None:
    seen = set()
    for entry in entries:
        name = entry.orig_filename
        folders = name.removesuffix("/").split("/")
        hostile = {"", ".", ".."} & set(folders) or set("\\:") & set(name) or not name.isprintable()
        mode = entry.external_attr >> 16
        if hostile or (mode and stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}):
            raise FileMalformed("The archive has an entry that would leave its folder.")
        if name.lower() in seen:  # names of parts are equal without regard to case (ECMA-376-2, 6.3.5)
            raise FileMalformed("The archive has two entries of one name.")
        seen.add(name.lower())


def _require_sizes(entries: Sequence[zipfile.ZipInfo]) -> None:
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise FileMalformed("The archive is encrypted.")
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise FileMalformed("The archive is compressed in a way that Office files are not.")
        if entry.file_size > max(_RATIO_FROM_BYTES, entry.compress_size * MOST_RATIO):
            raise FileMalformed(f"An entry unpacks to more than {MOST_RATIO} times its size.")
    if sum(entry.file_size for entry in entries) > MOST_UNPACKED_BYTES:
        raise FileMalformed(f"The archive unpacks to more than {MOST_UNPACKED_BYTES:,} bytes.")


def _places(
    file: IO[bytes], entries: Sequence[zipfile.ZipInfo], directory_at: int
) -> Iterator[tuple[zipfile.ZipInfo, int]]:
    """Yield each entry with where its data begins; together they fill the file up to the directory.

    Raises:
        FileMalformed: something is before, between or behind them, or two share bytes.
    """
    position, may_follow = 0, frozenset({0})
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset - position not in may_follow:
            raise FileMalformed("The archive has bytes that belong to no entry.")
        file.seek(entry.header_offset)
        signature, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        name = file.read(name_bytes)
        if signature != b"PK\x03\x04" or name not in _spellings(entry):
            raise FileMalformed("An entry of the archive is not what its directory says.")
        data_at = entry.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
        position = data_at + entry.compress_size
        may_follow = _DESCRIPTOR_BYTES | {0} if entry.flag_bits & _DESCRIPTOR_FOLLOWS else frozenset({0})
        yield entry, data_at
    if directory_at - position not in may_follow:
        raise FileMalformed("The archive has bytes that belong to no entry.")


def _spellings(entry: zipfile.ZipInfo) -> set[bytes]:
    return {entry.orig_filename.encode(encoding, "replace") for encoding in ("utf-8", "cp437")}


def _require_type(archive: zipfile.ZipFile, main_type: str) -> None:
    """Hold the list of the parts' types to name the main part's; those with macros, or of templates, are others."""
    if archive.getinfo(_CONTENT_TYPES).file_size > _MOST_CONTENT_TYPES_BYTES:
        raise FileMalformed("The list of the parts' types is too long.")
    types = archive.read(_CONTENT_TYPES)
    text = types.decode("utf-16" if types[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8", "replace")
    if f'"{main_type}"' not in text.replace("'", '"'):
        raise FileMalformed("The archive's parts are not of the types that this document has.")
    if any(name.lower().endswith("vbaproject.bin") for name in archive.namelist()):
        raise FileMalformed("The document has macros, which a file of this type has not.")
