"""What a file is: its bytes say, not its name.

puremagic knows the signatures; container formats (ZIP, OLE) share one signature for many types, so their parts are
looked at. Text has no signature: whatever is text to the last byte is text, also when its first words happen to be
a signature. What the file is found to be it must then be throughout (``structure``).
"""

from pathlib import PurePosixPath
from typing import IO, Any

import olefile
import puremagic

from uploads.errors import FileTypeMismatch, UnsupportedFileType
from uploads.structure import office, old_office, pdf, pictures, text

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
_ALIASES = {
    "image/jpg": JPEG, "image/pjpeg": JPEG, "application/csv": CSV, "application/x-pdf": PDF,
    "text/markdown": TEXT, "text/x-markdown": TEXT, "text/x-log": TEXT,
}  # fmt: skip
_OFFICE_PARTS = {"word/document.xml": DOCX, "xl/workbook.xml": XLSX}
_CONTENT_TYPES_PART = "[Content_Types].xml"
# ECMA-376-1, 11.3.10 and 12.3.23. With macros, or as a template, it is another type, and another extension.
_MAIN_PART_TYPES = {
    DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
}
_OLD_OFFICE = {old_office.WORD: DOC, old_office.EXCEL: XLS}


def accepted_type(file: IO[bytes], *, filename: str, declared: str) -> str:
    """Return the type of the bytes, when it is one that we keep and nothing that was said contradicts it.

    Raises:
        UnsupportedFileType: the bytes are of no type that we keep.
        FileTypeMismatch: the name's extension or the declared type says otherwise.
        FileMalformed: the bytes begin as that type and do not go on as it.
        PictureTooLarge: the picture has too many pixels or frames.
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
    # Windows with Excel on it calls a CSV file Excel's.
    is_alike = {declared, found} <= {TEXT, CSV} or (declared, found) == (XLS, CSV)
    if declared not in _UNDECLARED and declared != found and not is_alike:
        raise FileTypeMismatch(f"The file is declared as {declared[:80]} but its bytes are {found}.", found=found)
    _require_structure(file, found)
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
    if head.startswith(b"PK\x03\x04"):
        return _office_type(file)
    if head == olefile.MAGIC:
        return _OLD_OFFICE.get(old_office.kind_of(file) or "")
    # Before the signatures, because many are letters: BM, GIF8, ID3. A PDF may be text throughout, and is a PDF.
    if not head.startswith(b"%PDF-") and text.is_text(file):
        if text.begins_as_markup(file):
            return None
        return CSV if may_be_csv else TEXT
    candidates = _candidates(file)
    for content_type in _SIGNED:
        # FDF shares PDF's signature in puremagic's table.
        if content_type in candidates and (content_type != PDF or head.startswith(b"%PDF-")):
            return content_type
    return None


def _candidates(file: IO[bytes]) -> frozenset[str]:
    """Return every type whose signature the bytes have."""
    file.seek(0)
    try:
        matches: list[Any] = puremagic.magic_stream(file)
    except (puremagic.PureError, ValueError):
        return frozenset()
    return frozenset(match.mime_type or match.extension for match in matches)


def _office_type(file: IO[bytes]) -> str | None:
    parts = office.parts_of(file)
    found = [content_type for part, content_type in _OFFICE_PARTS.items() if part in parts]
    return found[0] if len(found) == 1 and _CONTENT_TYPES_PART in parts else None


def _require_structure(file: IO[bytes], content_type: str) -> None:
    if content_type in IMAGES:
        pictures.measure(file)
    elif content_type == PDF:
        pdf.verify(file)
    elif content_type in {DOCX, XLSX}:
        office.verify(file, main_type=_MAIN_PART_TYPES[content_type])
    elif content_type in {DOC, XLS}:
        old_office.verify(file, old_office.WORD if content_type == DOC else old_office.EXCEL)
