"""One line of a log as a request: the product's and nginx's JSON, and the combined format of nginx and Apache."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson


class Line(NamedTuple):
    """One request that was answered. ``address`` and ``user`` are empty where the log does not name them.

    ``path`` is a route's template in the product's own log, which names no paths.
    """

    at_ms: int
    method: str
    path: str
    status: int
    address: str = ""
    user: str = ""
    is_template: bool = False


class Malformed(ValueError):
    """A line that cannot be read."""


Parser = Callable[[bytes], Line | None]
_COMBINED = re.compile(rb'(\S+) \S+ .*?\[([^\]]{20,40})\] "((?:[^"\\]|\\.)*)" (\d{3}) ')
_MONTHS = {
    name: number + 1
    for number, name in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
    )
}
_TIME = re.compile(rb"(\d{1,2})/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_REQUEST_WORDS = 3
_LOWEST_YEAR, _HIGHEST_YEAR = 1971, 9000  # a time zone away from what datetime can hold


def parse_json(text: bytes) -> Line | None:
    """Return the request of a JSON line; None for a line about something else.

    Raises:
        Malformed: it is no JSON, or its members are not what they should be.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Malformed from error
    if not isinstance(found, dict):
        raise Malformed
    if "route" in found and found.get("event") == "request":
        return _line(found, found["route"], user=found.get("user") or "", is_template=True)
    if "path" in found and "method" in found:
        return _line(found, found["path"], address=found.get("remote") or found.get("remote_addr") or "")
    return None


def parse_combined(text: bytes) -> Line | None:
    """Return the request of a combined (or common) line; None where the client sent no HTTP.

    Raises:
        Malformed: it is no such line.
    """
    match = _COMBINED.match(text)
    if match is None:
        raise Malformed
    address, when, request, status = match.groups()
    words = request.decode(errors="replace").split(" ")
    at_ms = _combined_time(when)
    if len(words) != _REQUEST_WORDS or not words[2].startswith("HTTP/"):
        return None
    return Line(at_ms, words[0], words[1], int(status), address.decode(errors="replace"))


def parse_any(text: bytes) -> Line | None:
    """Return the request of a line in either format, also of JSON behind what a container runtime puts before it.

    Raises:
        Malformed: it is neither.
    """
    if text.startswith(b"{"):
        return parse_json(text)
    try:
        return parse_combined(text)
    except Malformed:
        start = text.find(b"{")
        if start < 0:
            raise
        return parse_json(text[start:])


PARSERS: dict[str, Parser] = {"auto": parse_any, "json": parse_json, "combined": parse_combined}


def _line(found: dict[str, Any], path: Any, *, address: Any = "", user: Any = "", is_template: bool = False) -> Line:
    method, status = found.get("method"), found.get("status")
    if not (isinstance(method, str) and isinstance(path, str) and isinstance(status, int)):
        raise Malformed
    return Line(_iso_time(found.get("time")), method, path, status, str(address), str(user), is_template)


def _iso_time(text: Any) -> int:
    """Return ms since 1970; a time without a zone is in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise Malformed from error
    if not _LOWEST_YEAR < moment.year < _HIGHEST_YEAR:
        raise Malformed
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


@lru_cache(maxsize=4096)
def _combined_time(text: bytes) -> int:
    """Return ms since 1970 of 02/Jan/2026:03:04:05 +0100; many lines share a second."""
    match = _TIME.fullmatch(text)
    if match is None or match[2] not in _MONTHS or int(match[3]) < _LOWEST_YEAR:
        raise Malformed
    day, year, hour, minute, second = (int(match[group]) for group in (1, 3, 4, 5, 6))
    try:
        moment = datetime(year, _MONTHS[match[2]], day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError as error:
        raise Malformed from error
    east = (int(match[8]) * 60 + int(match[9])) * (1 if match[7] == b"+" else -1)
    return (int(moment.timestamp()) - east * 60) * 1000
