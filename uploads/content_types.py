"""What a file is: its bytes say, not its name.

puremagic knows the signatures; container formats (ZIP, OLE) share one signature for many types, so
their parts are looked at; text has no signature at all and must be text to the last byte.
"""

import codecs
import zipfile
from pathlib import PurePosixPath
from typing import IO, Any

import olefile
import puremagic

from uploads.errors import FileTypeMismatch, UnsupportedFileType

PNG, JPEG, GIF, WEBP = "image/png", "image/jpeg", "image/gif", "image/webp"
PDF, TEXT, CSV = "application/pdf", "text/plain", "text/csv"
DOC, XLS = "application/msword", "application/vnd.ms-excel"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# The extension that a stored file gets, and every one that its name may have had.
EXTENSIONS = {
    PNG: (".png",),
    JPEG: (".jpg", ".jpeg", ".jpe", ".jfif"),
    GIF: (".gif",),
    WEBP: (".webp",),
    PDF: (".pdf",),
    DOC: (".doc",),
    XLS: (".xls",),
    DOCX: (".docx",),
    XLSX: (".xlsx",),
    CSV: (".csv",),
    TEXT: (".txt", ".text", ".log", ".md"),
}
IMAGES = frozenset({PNG, JPEG, GIF, WEBP})
_SIGNED = (PNG, JPEG, GIF, WEBP, PDF)
# What clients declare when they do not know.
_UNDECLARED = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_ALIASES = {"image/jpg": JPEG, "image/pjpeg": JPEG, "application/csv": CSV, "application/x-pdf": PDF}
_CHUNK = 64 * 1024
_CONTROLS = frozenset(range(32)) - {9, 10, 12, 13} | {127}


def accepted_type(file: IO[bytes], *, filename: str, declared: str) -> str:
    """Return the type of the bytes, when it is one that we keep and nothing that was said contradicts it.

    Raises:
        UnsupportedFileType: the bytes are of no type that we keep.
        FileTypeMismatch: the name's extension or the declared type says otherwise.
    """
    declared = declared.partition(";")[0].strip().lower()
    declared = _ALIASES.get(declared, declared)
    extension = PurePosixPath(filename).suffix.lower()
    found = _type_of_bytes(file, may_be_csv=extension == ".csv" or declared == CSV)
    if found is None:
        names = ", ".join(sorted(extensions[0] for extensions in EXTENSIONS.values()))
        raise UnsupportedFileType(f"The bytes are of no accepted type. Accepted are {names}.")
    if extension and extension not in EXTENSIONS[found]:
        raise FileTypeMismatch(f"The file is named {extension} but its bytes are {found}.", found=found)
    text_for_text = {declared, found} <= {TEXT, CSV}
    if declared not in _UNDECLARED and declared != found and not text_for_text:
        raise FileTypeMismatch(f"The file is declared as {declared[:80]} but its bytes are {found}.", found=found)
    return found


def require_agreement(declared: str, *, filename: str) -> None:
    """Hold what is said of bytes that nobody has seen yet to what we keep.

    Raises:
        UnsupportedFileType: it is no type that we keep.
        FileTypeMismatch: the name's extension says otherwise.
    """
    if declared not in EXTENSIONS:
        raise UnsupportedFileType(f"Accepted are {', '.join(sorted(EXTENSIONS))}.")
    extension = PurePosixPath(filename).suffix.lower()
    if extension and extension not in EXTENSIONS[declared]:
        raise FileTypeMismatch(f"The file is named {extension} but announced as {declared}.", found=declared)


def _type_of_bytes(file: IO[bytes], *, may_be_csv: bool) -> str | None:
    file.seek(0)
    head = file.read(8)
    file.seek(0)
    if head.startswith(b"PK\x03\x04"):
        return _office_type(file)
    if head == olefile.MAGIC:
        return _old_office_type(file)
    candidates = _candidates(file)
    for content_type in _SIGNED:
        # FDF shares PDF's signature in puremagic's table.
        if content_type in candidates and (content_type != PDF or head.startswith(b"%PDF-")):
            return content_type
    if not candidates and _is_text(file):
        return CSV if may_be_csv else TEXT
    return None


def _candidates(file: IO[bytes]) -> frozenset[str]:
    """Return every type whose signature the bytes have."""
    file.seek(0)
    try:
        matches: list[Any] = puremagic.magic_stream(file)
    except (puremagic.PureError, ValueError):
        return frozenset()
    # An extension guess from text heuristics has low confidence and says nothing of a signature.
    return frozenset(match.mime_type or match.extension for match in matches)


def _office_type(file: IO[bytes]) -> str | None:
    try:
        with zipfile.ZipFile(file) as archive:
            parts = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return None
    if "[Content_Types].xml" not in parts:
        return None
    if "word/document.xml" in parts:
        return DOCX
    return XLSX if "xl/workbook.xml" in parts else None


def _old_office_type(file: IO[bytes]) -> str | None:
    file.seek(0)
    try:
        with olefile.OleFileIO(file) as container:
            if container.exists("WordDocument"):
                return DOC
            return XLS if container.exists("Workbook") or container.exists("Book") else None
    except (OSError, ValueError, IndexError, TypeError):
        return None


def _is_text(file: IO[bytes]) -> bool:
    """Tell whether all of it is UTF-8 without control characters."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while chunk := file.read(_CHUNK):
            if not _CONTROLS.isdisjoint(chunk):
                return False
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
