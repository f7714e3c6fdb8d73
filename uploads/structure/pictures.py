"""Pictures: how large they are by their headers, and that nothing follows them. No pixel is decoded."""

from dataclasses import dataclass
from typing import IO

from uploads.errors import FileMalformed, PictureTooLarge
from uploads.structure import gif, jpeg, png, webp
from uploads.structure.walk import Walk

# A decoder needs four bytes a pixel and more: 50,000 x 50,000 would be 10 GB. Phones take up to 200 million.
MOST_PIXELS = 200_000_000
LONGEST_SIDE = 30_000
# Of an animation, all frames together are decoded when it is shown.
MOST_FRAMES = 2_000

_WALKS = {b"\x89PNG": png.walk, b"\xff\xd8\xff": jpeg.walk, b"GIF8": gif.walk, b"RIFF": webp.walk}


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture says of itself."""

    width: int
    height: int
    frames: int


def measure(file: IO[bytes]) -> Picture:
    """Walk through a PNG, JPEG, GIF or WebP and return its size, when it is whole, alone and within the limits.

    Raises:
        FileMalformed: it is cut short, damaged, or followed by something else.
        PictureTooLarge: decoding it would take more than we let a picture take.
    """
    file.seek(0)
    head = file.read(4)
    walk = next((walk for signature, walk in _WALKS.items() if head.startswith(signature)), None)
    if walk is None:
        raise FileMalformed("It does not begin as a picture.")
    width, height, frames = walk(Walk(file))
    if not width or not height:
        raise FileMalformed("The picture has no size.")
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS or frames > MOST_FRAMES:
        raise PictureTooLarge(
            f"The picture is {width:,} x {height:,} with {frames:,} frames.",
            max_pixels=MOST_PIXELS, max_side=LONGEST_SIDE, max_frames=MOST_FRAMES,
        )  # fmt: skip
    return Picture(width, height, frames)
