"""Names that owners give their files: kept for show, never used as a path."""

import unicodedata
from pathlib import PurePosixPath

_LONGEST = 255
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def display_name(raw: str) -> str:
    """Return the name without folders and without characters that hide or reverse what is read.

    Normalised to NFC and cut to 255 characters before the extension; a name with nothing left is ``file``.
    """
    name = unicodedata.normalize("NFC", raw.replace("\\", "/").rpartition("/")[2])
    name = "".join(char for char in name if unicodedata.category(char) not in _HIDDEN).strip().strip(".")
    if not name:
        return "file"
    extension = PurePosixPath(name).suffix[:20]
    return name if len(name) <= _LONGEST else name[: _LONGEST - len(extension)] + extension
