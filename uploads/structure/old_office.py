"""Word and Excel before 2007: Compound Files (MS-CFB), which programs and mails are kept in, too.

olefile reads the directory; what a document is says its main stream, by name and by how it begins.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import olefile

from uploads.errors import FileMalformed
from uploads.structure.archive_end import ends_as_zip
from uploads.structure.walk import size_of

WORD, EXCEL = "WordDocument", "Workbook"
_OLD_EXCEL = "Book"
# Office's own class of the root; writers that are not Microsoft's leave it empty. An installer or a mail has another.
_CLASSES = {
    WORD: frozenset({"", "00020906-0000-0000-C000-000000000046", "00020900-0000-0000-C000-000000000046"}),
    EXCEL: frozenset({"", "00020820-0000-0000-C000-000000000046", "00020810-0000-0000-C000-000000000046"}),
}
_MOST_BYTES = 64 * 1024 * 1024  # olefile reads the main stream into memory
_WORD_BEGINS = frozenset({0xA5EC, 0xA5DC, 0xA5DB})  # wIdent of the FIB (MS-DOC 2.5.2): since 97, 6 and 95, 2
_WORD_FLAGS_AT, _WORD_ENCRYPTED = 10, 0x0100
_EXCEL_BEGINS = b"\x09\x08"  # BOF (MS-XLS 2.4.21)
_EXCEL_ENCRYPTED = b"\x2f\x00"  # FilePass, right behind BOF
_FREE, _HIGHEST_SECTOR = 0xFFFFFFFF, 0xFFFFFFFA
_BROKEN = (OSError, ValueError, IndexError, TypeError, AttributeError, OverflowError, RecursionError)


def kind_of(file: IO[bytes]) -> str | None:
    """Return the name of the main stream, or None when there is none of Word's or Excel's, or of both.

    Raises:
        FileMalformed: it is no whole Compound File.
    """
    with _opened(file) as container:
        names = {name[0].lower() for name in container.listdir(streams=True, storages=False) if len(name) == 1}
    is_word = WORD.lower() in names
    is_excel = not names.isdisjoint({EXCEL.lower(), _OLD_EXCEL.lower()})
    if is_word == is_excel:
        return None
    return WORD if is_word else EXCEL


def verify(file: IO[bytes], kind: str) -> None:
    """Return when the main stream is a document of this kind, and not an encrypted one.

    Raises:
        FileMalformed: it is not.
    """
    with _opened(file) as container:
        if str(container.root.clsid) not in _CLASSES[kind]:
            raise FileMalformed("The container is of another program.")
        name = kind if container.exists(kind) else _OLD_EXCEL
        with container.openstream(name) as stream:
            head = stream.read(64)
    if kind == WORD:
        _require_word(head)
    else:
        _require_excel(head)
    if ends_as_zip(file):
        raise FileMalformed("The document can be opened as a ZIP archive, too.")


def _require_word(head: bytes) -> None:
    if int.from_bytes(head[:2], "little") not in _WORD_BEGINS:
        raise FileMalformed("The document's text does not begin as Word writes it.")
    if int.from_bytes(head[_WORD_FLAGS_AT : _WORD_FLAGS_AT + 2], "little") & _WORD_ENCRYPTED:
        raise FileMalformed("The document is encrypted.")


def _require_excel(head: bytes) -> None:
    if not head.startswith(_EXCEL_BEGINS):
        raise FileMalformed("The workbook does not begin as Excel writes it.")
    behind = 4 + int.from_bytes(head[2:4], "little")
    if head[behind : behind + 2] == _EXCEL_ENCRYPTED:
        raise FileMalformed("The workbook is encrypted.")


@contextmanager
def _opened(file: IO[bytes]) -> Iterator[olefile.OleFileIO]:
    if size_of(file) > _MOST_BYTES:
        raise FileMalformed(f"A document of this kind has at most {_MOST_BYTES:,} bytes.")
    file.seek(0)
    try:
        with olefile.OleFileIO(file) as container:
            _require_end(file, container)
            yield container
    except _BROKEN as error:
        raise FileMalformed("The document is damaged.") from error


def _require_end(file: IO[bytes], container: olefile.OleFileIO) -> None:
    """Hold the file to reach into its last sector that is in use, and not beyond those that its table can describe.

    The table is filled up with free sectors, at most 127 of 512 bytes: what is appended within them is not noticed.
    """
    size, sector_bytes = size_of(file), container.sectorsize
    # olefile leaves out of the table what is behind the end of the file; chains still lead there.
    used = max((number for number, next_one in enumerate(container.fat) if next_one != _FREE), default=-1)
    used = max([used, *(next_one for next_one in container.fat if next_one < _HIGHEST_SECTOR)])
    if size <= (used + 1) * sector_bytes:
        raise FileMalformed("The document is cut short.")
    if size > (len(container.fat) + 1) * sector_bytes:
        raise FileMalformed("Something follows the end of the document.")
