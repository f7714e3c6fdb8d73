"""Names that owners give their files: kept for show, never used as a path."""

import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote

from django.utils.http import content_disposition_header

_LONGEST = 255
# What stands for itself in a quoted string, and is changed by no client (RFC 6266, appendix D).
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]|[\"\\%]")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def display_name(raw: str) -> str:
    """Return the name without folders and without characters that hide or reverse what is read.

    Normalised to NFC and cut to 255 characters before the extension; a name with nothing left is ``file``.
    """
    name = unicodedata.normalize("NFC", raw.replace("\\", "/").rpartition("/")[2])
    name = "".join(char for char in name if unicodedata.category(char) not in _HIDDEN).strip().strip(". ")
    if not name:
        return "file"
    extension = PurePosixPath(name).suffix[:20]
    return name if len(name) <= _LONGEST else name[: _LONGEST - len(extension)] + extension


def as_attachment(name: str) -> str:
    """Return the Content-Disposition of a download of this name (RFC 6266).

    A name that is not plain is sent twice: in UTF-8, and for old clients with what they may misread replaced.
    """
    plain = _NOT_PLAIN.sub("_", name)
    if plain == name:
        return str(content_disposition_header(as_attachment=True, filename=name))
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
