"""Multipart requests that no good client sends."""

from tests.attacks.kinds import Raw
from uploads.tests import samples

_TYPE = b"Content-Type: multipart/form-data; boundary=moon\r\n"
_FILE = b'--moon\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
_GOOD = _FILE + samples.PNG + b"\r\n--moon--\r\n"


def _length(count: int) -> bytes:
    return b"Content-Length: %d\r\n" % count


def _request(body: bytes, *, kind: bytes = _TYPE) -> Raw:
    return Raw(kind + _length(len(body)), (body,))


def _field(name: str, value: bytes) -> bytes:
    return b'--moon\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)


def _cut(kept: int) -> Raw:
    return Raw(_TYPE + _length(len(_GOOD)), (_GOOD[:kept],), ends=True)


def _in_pieces(body: bytes, count: int) -> tuple[bytes, ...]:
    size = len(body) // count + 1
    return tuple(body[start : start + size] for start in range(0, len(body), size))


_ANOTHER = b'--moon\r\nContent-Disposition: form-data; name="file"; filename="b.png"\r\n\r\n' + samples.PNG + b"\r\n"
REQUESTS: dict[str, Raw] = {
    "slow": Raw(_TYPE + _length(len(_GOOD)), _in_pieces(_GOOD, 20), pause_seconds=0.1),
    "cut-in-the-file": _cut(len(_FILE) + 20),
    "cut-in-a-header": _cut(40),
    "cut-before-the-last-boundary": _cut(len(_FILE) + len(samples.PNG) + 2),
    "without-last-boundary": _request(_FILE + samples.PNG + b"\r\n"),
    "length-shorter-than-the-body": Raw(_TYPE + _length(len(_GOOD) - 30), (_GOOD,)),
    "length-of-100-mb": Raw(_TYPE + _length(100_000_000), (b"",)),
    "length-of-11-mb": Raw(_TYPE + _length(11_000_000), (b"",)),
    "chunked-without-length": Raw(
        _TYPE + b"Transfer-Encoding: chunked\r\n", (b"%x\r\n%s\r\n0\r\n\r\n" % (len(_GOOD), _GOOD),)
    ),
    "1000-fields": _request(b"".join(_field(f"a{number}", b"1") for number in range(1000)) + _GOOD),
    "1001-fields": _request(b"".join(_field(f"a{number}", b"1") for number in range(1001)) + _GOOD),
    "101-files": _request(_ANOTHER * 100 + _GOOD),
    "2-files": _request(_ANOTHER + _GOOD),
    "field-of-2-mb": _request(_field("category", b"a" * 2_000_000) + _GOOD),
    "file-as-a-field": _request(_field("file", samples.PNG) + b"--moon--\r\n"),
    "field-nobody-knows": _request(_field("owner", b"1") + _GOOD),
    "category-that-is-a-path": _request(_field("category", b"../staging") + _GOOD),
    "category-with-nul": _request(_field("category", b"a\0b") + _GOOD),
    "no-boundary": _request(_GOOD, kind=b"Content-Type: multipart/form-data\r\n"),
    "boundary-of-5000-characters": _request(
        _GOOD, kind=b"Content-Type: multipart/form-data; boundary=" + b"a" * 5000 + b"\r\n"
    ),
    "another-boundary": _request(_GOOD.replace(b"--moon", b"--mars")),
    "not-multipart": _request(samples.PNG, kind=b"Content-Type: image/png\r\n"),
    "json": _request(b'{"file": "a"}', kind=b"Content-Type: application/json\r\n"),
    "unknown-charset": _request(
        _GOOD, kind=b"Content-Type: multipart/form-data; boundary=moon; charset=moonish\r\n"
    ),
    "broken-base64": _request(
        _GOOD.replace(b"image/png\r\n", b"image/png\r\nContent-Transfer-Encoding: base64\r\n")
    ),
    "part-without-name": _request(_GOOD.replace(b'name="file"; ', b"")),
    "part-header-of-100-kb": _request(_GOOD.replace(b"image/png", b"image/png\r\nX-Long: " + b"a" * 100_000)),
    "nothing-at-all": _request(b""),
}  # fmt: skip
