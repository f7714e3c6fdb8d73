"""PDF (ISO 32000): begins with its version and ends with an end-of-file marker. What is inside is not judged."""

import re
from typing import IO

from uploads.errors import FileMalformed
from uploads.structure.archive_end import ends_as_zip
from uploads.structure.walk import size_of

_BEGINS = re.compile(rb"%PDF-[12]\.[0-9]")
# After the marker line ends, and the zeros that some writers pad with.
_ENDS = re.compile(rb"%%EOF[\s\x00]*\Z")
_TAIL_BYTES = 1024


def verify(file: IO[bytes]) -> None:
    """Return when it is a PDF from its first byte to its last, and not a ZIP archive as well.

    Raises:
        FileMalformed: it is not.
    """
    file.seek(0)
    if not _BEGINS.match(file.read(8)):
        raise FileMalformed("The PDF does not begin with its version.")
    file.seek(max(0, size_of(file) - _TAIL_BYTES))
    if not _ENDS.search(file.read(_TAIL_BYTES)):
        raise FileMalformed("The PDF does not end with %%EOF.")
    if ends_as_zip(file):
        raise FileMalformed("The PDF can be opened as a ZIP archive, too.")
