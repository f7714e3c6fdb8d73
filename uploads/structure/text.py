"""Plain text: UTF-8 to the last byte, without control characters."""

import codecs
import re
from typing import IO

_CHUNK = 64 * 1024
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_HEAD_BYTES = 1024
# What makes a document of HTML, SVG or XML out of a file. A text that merely has tags in it, as a README in Markdown
# begins with <p align="center">, is text: it is given out as text/plain, as an attachment, and must not be sniffed.
_MARKUP = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<!--.*?-->)*<(?:!doctype|\?xml|(?:html|head|body|script|svg|iframe|style|title|math)[\s/>])",
    re.IGNORECASE | re.DOTALL,
)


def is_text(file: IO[bytes]) -> bool:
    """Tell whether all of it is UTF-8 without control characters; other encodings cannot be told from noise."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while chunk := file.read(_CHUNK):
            if _CONTROL.search(chunk):
                return False
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def begins_as_markup(file: IO[bytes]) -> bool:
    """Tell whether it begins as a document that browsers would show with its scripts."""
    file.seek(0)
    return _MARKUP.match(file.read(_HEAD_BYTES)) is not None
