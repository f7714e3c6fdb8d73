"""Pictures made small, within limits that no file can pass: what its header says is judged before it is decoded.

Only here is anything of a client's decoded. An upload is stored without it.
"""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from PIL import Image, ImageOps

from nocturnal_project.errors import ServiceUnavailable
from uploads.content_types import GIF, JPEG, PNG, WEBP

SIDE_PIXELS = 320
_QUALITY = 80
_LONGEST_PROFILE = 4096  # a camera's colours fit, a printer's table does not
_MILLION = 1_000_000

# fmt: off
# How many pixels a picture may have, that is how much memory decoding it takes: 60 to 200 MB, for one at a time.
_MOST_PIXELS = {
    JPEG: 64 * _MILLION,  # decoded at an eighth of its size; only a progressive one is held whole, at 3 bytes a pixel
    PNG:  24 * _MILLION,  # 4 bytes a pixel
    GIF:  24 * _MILLION,  # 5 bytes, while its colours are looked up
    WEBP: 12.5 * _MILLION,  # 16 bytes: the decoder keeps two pictures, and hands out a third
}
# fmt: on
_FORMATS = {JPEG: "JPEG", PNG: "PNG", GIF: "GIF", WEBP: "WEBP"}
_WAIT_SECONDS = 5.0
_decoding = threading.BoundedSemaphore(1)

# Where Pillow itself looks at sizes, it refuses as well: a frame of a GIF may be larger than the GIF says it is.
Image.MAX_IMAGE_PIXELS = max(map(int, _MOST_PIXELS.values()))
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class NotDecodable(Exception):
    """No small picture can be made of the file; ``reason`` is a word that says why."""

    def __init__(self, reason: str) -> None:
        """Say why."""
        super().__init__(reason)
        self.reason = reason


TOO_MANY_PIXELS = "too_many_pixels"
BROKEN = "broken"


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold this process to one picture at a time, because each may take much memory.

    Raises:
        ServiceUnavailable: the others took too long.
    """
    if not _decoding.acquire(timeout=_WAIT_SECONDS):
        raise ServiceUnavailable("Too many pictures are being made small. Try again shortly.")
    try:
        yield
    finally:
        _decoding.release()


def small_picture(file: IO[bytes], content_type: str) -> bytes:
    """Return a WebP of the picture, upright, at most ``SIDE_PIXELS`` wide and high; the same for the same bytes.

    Of an animation it is the first frame, whatever follows. Nothing else of the file is in it but its colour profile.

    Raises:
        NotDecodable: it has too many pixels, or is broken.
    """
    try:
        with Image.open(file, formats=[_FORMATS[content_type]]) as picture:
            _require_few_pixels(picture, content_type)
            return _as_webp(picture)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NotDecodable(TOO_MANY_PIXELS) from error
    except MemoryError as error:
        raise ServiceUnavailable("There is no memory for this picture now. Try again later.") from error
    except NotDecodable:
        raise
    except Exception as error:  # decoders raise what they like on what is broken, down to KeyError and SyntaxError
        raise NotDecodable(BROKEN) from error


def _require_few_pixels(picture: Image.Image, content_type: str) -> None:
    if picture.width * picture.height > _MOST_PIXELS[content_type]:
        raise NotDecodable(TOO_MANY_PIXELS)


def _as_webp(picture: Image.Image) -> bytes:
    profile = picture.info.get("icc_profile") or b""
    keeps_colours = picture.mode in {"RGB", "RGBA"} and len(profile) <= _LONGEST_PROFILE
    if picture.mode in {"P", "PA"}:  # colours of a palette cannot be mixed
        picture = picture.convert("RGBA")
    picture.thumbnail((SIDE_PIXELS, SIDE_PIXELS))  # a JPEG is decoded at an eighth of its size, if that is enough
    upright: Any = ImageOps.exif_transpose(picture)
    has_alpha = upright.mode in {"RGBA", "LA", "La", "RGBa"} or "transparency" in upright.info
    plain = upright.convert("RGBA" if has_alpha else "RGB")
    out = io.BytesIO()
    nothing_else: Any = {"icc_profile": profile if keeps_colours else b"", "exif": b"", "xmp": b""}
    plain.save(out, "WEBP", quality=_QUALITY, **nothing_else)
    return out.getvalue()
