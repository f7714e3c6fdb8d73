"""Pictures for the tests, as hostile ones and as cameras make them."""

import io
import math
import struct
import zlib
from typing import Any

from PIL import Image, ImageColor, ImageDraw

BERLIN = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
GPS = 0x8825


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side: int) -> bytes:
    """Return a PNG of that many pixels squared, all black: 50,000 squared would be 2.5 GB, and is 2.4 MB here."""
    squeeze = zlib.compressobj(9, wbits=-15)
    some = squeeze.compress(bytes(1 + side) * (side // 100)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    checksum = struct.pack(">HH", (1 + side) * side % 65521, 1)  # Adler-32 of zeros
    rows = b"\x78\xda" + some * 100 + squeeze.flush() + checksum
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def painted(kind: str, size: tuple[int, int] = (640, 480), mode: str = "RGB", **save: Any) -> bytes:
    """Return a picture with something to see: it fades, and its left upper quarter is red."""
    picture = Image.linear_gradient("L").resize(size).convert(mode if mode != "P" else "RGB")
    picture.paste("red" if mode in {"RGB", "RGBA", "P"} else 200, (0, 0, size[0] // 2, size[1] // 2))
    out = io.BytesIO()
    (picture.quantize() if mode == "P" else picture).save(out, kind, **save)
    return out.getvalue()


def taken_in_berlin(kind: str, size: tuple[int, int] = (640, 480), *, orientation: int = 1, **save: Any) -> bytes:
    """Return a picture as a camera makes it: with where, when and by what it was taken."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Lantern", "Lantern 5", orientation
    exif.get_ifd(0x8769).update({0x9003: "2026:01:02 03:04:05", 0x920A: 24.0})
    exif.get_ifd(GPS).update(BERLIN)
    return painted(kind, size, exif=exif, **save)


def landscape(number: int, size: tuple[int, int] = (960, 720)) -> bytes:
    """Return a JPEG of hills at night, each number another: something that people like to look at."""
    width, height = size
    top = ImageColor.getrgb(f"hsl({number * 47 % 360},45%,18%)")
    low = ImageColor.getrgb(f"hsl({(number * 47 + 40) % 360},45%,62%)")
    fade = Image.linear_gradient("L").resize(size)
    picture = Image.composite(Image.new("RGB", size, low), Image.new("RGB", size, top), fade)
    draw = ImageDraw.Draw(picture)
    x, y, radius = width * (0.2 + number * 0.37 % 0.6), height * 0.28, height * 0.09
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(250, 244, 220))
    for layer in range(4):
        ground = height * (0.5 + layer * 0.13)
        tone = ImageColor.getrgb(f"hsl({(number * 47 + 20) % 360},35%,{34 - layer * 8}%)")
        line = [
            (at, ground - height * 0.07 * math.sin(at / width * (5 + layer) + number * 1.7 + layer * 2.1))
            for at in range(0, width + 16, 16)
        ]
        draw.polygon([(0, height), *line, (width, height)], fill=tone)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()
