"""WebP (RFC 9649): chunks in a RIFF, each with a name and a length; the first may say which others there are."""

from uploads.location import exif
from uploads.location.pieces import Data, Piece, Pieces, Unreadable, cut, require_within, tells_place

_PICTURE = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_EXIF, _XMP = b"EXIF", b"XMP "
_HAS = {_EXIF: 0x08, _XMP: 0x04}
_EXIF_PREFIX = b"Exif\0\0"  # of JPEG's; not meant to be here, and often is
_HEADER, _AROUND = 12, 8


def pieces(data: Data) -> Pieces:
    """Yield the file without places, up to the picture's end.

    Raises:
        Unreadable: its chunks cannot be followed.
    """
    header = cut(data, 0, _HEADER)
    end = min(_AROUND + int.from_bytes(header[4:8], "little"), len(data))
    kept: list[tuple[bytes, Piece]] = []
    at = _HEADER
    while at + _AROUND <= end:
        name, length = cut(data, at, 4), int.from_bytes(cut(data, at + 4, 4), "little")
        following = at + _AROUND + length + length % 2
        require_within(data, at + _AROUND + length)
        piece = _kept(name, data, at, min(following, len(data)))
        if piece:
            kept.append((name, piece))
        at = following
    size = len(b"WEBP") + sum(len(piece) for _, piece in kept)
    yield header[:4] + size.to_bytes(4, "little") + header[8:]
    for name, piece in kept:
        yield _saying_what_is_there(data, piece, {each for each, _ in kept}) if name == b"VP8X" else piece


def _kept(name: bytes, data: Data, at: int, end: int) -> Piece:
    if name in _PICTURE:
        return range(at, end)
    said = cut(data, at + _AROUND, int.from_bytes(cut(data, at + 4, 4), "little"))
    if name == _XMP:
        return b"" if tells_place(said) else range(at, end)
    if name == _EXIF:
        kept = exif.without_location(said.removeprefix(_EXIF_PREFIX))
        return b"" if kept is None else _chunk(name, kept)
    return b""


def _chunk(name: bytes, said: bytes) -> bytes:
    return name + len(said).to_bytes(4, "little") + said + b"\0" * (len(said) % 2)


def _saying_what_is_there(data: Data, piece: Piece, names: set[bytes]) -> bytes:
    chunk = bytearray(data[piece.start : piece.stop] if isinstance(piece, range) else piece)
    if len(chunk) <= _AROUND:
        raise Unreadable
    for name, bit in _HAS.items():
        if name not in names:
            chunk[_AROUND] &= ~bit
    return bytes(chunk)
