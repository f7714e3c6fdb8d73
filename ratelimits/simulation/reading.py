"""Reads logs of any length as requests in order of time, in little memory, and counts what it cannot read."""

import gzip
import heapq
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ratelimits.simulation.lines import Line, Malformed, Parser

STDIN = "-"
_LONGEST_LINE = 64 * 1024
_GZIP = b"\x1f\x8b"
# Servers write a line when an answer is sent, so that a slow one is late: by so many lines it may be.
_BUFFERED = 1000
_REPORT_EVERY = 20_000


@dataclass(slots=True)
class Reading:
    """What was read.

    ``reordered`` lines came after a later one and were put in place; ``late`` ones came too late for that, and count as
    of the moment of the line before them.
    """

    lines: int = 0
    requests: int = 0
    malformed: int = 0
    other: int = 0
    reordered: int = 0
    late: int = 0
    bytes_read: int = 0
    cut_short: list[str] = field(default_factory=list)


def requests_of(
    names: Sequence[str], parse: Parser, reading: Reading, *, report: Callable[[Reading], None] = lambda _: None
) -> Iterator[Line]:
    """Yield the requests of all files by time: rotated files in any order, and those of several pods side by side.

    Raises:
        OSError: a file cannot be opened.
    """
    with ExitStack() as stack:
        streams = [(name, *_opened(name, stack)) for name in names]
        ordered = [_in_order(_parsed(*stream, parse, reading, report), reading) for stream in streams]
        for line in heapq.merge(*ordered, key=lambda line: line.at_ms):
            reading.requests += 1
            yield line


def total_bytes(names: Sequence[str]) -> int:
    """Return how many bytes the files have, or 0 where standard input is among them."""
    return 0 if STDIN in names else sum(Path(name).stat().st_size for name in names)


def _opened(name: str, stack: ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    """Return the stream of lines and the file under it, whose position tells how far reading is."""
    raw: Any = sys.stdin.buffer if name == STDIN else stack.enter_context(Path(name).open("rb"))  # noqa: SIM115  the stack closes it
    start = raw.peek(2)[:2] if hasattr(raw, "peek") else b""
    if start == _GZIP:
        unpacked: Any = stack.enter_context(gzip.GzipFile(fileobj=raw))
        return unpacked, raw
    return raw, raw


def _parsed(
    name: str, stream: IO[bytes], raw: IO[bytes], parse: Parser, reading: Reading, report: Callable[[Reading], None]
) -> Iterator[Line]:
    position = 0
    for text in _lines(name, stream, reading):
        reading.lines += 1
        if reading.lines % _REPORT_EVERY == 0:
            if raw.seekable():
                reading.bytes_read += raw.tell() - position
                position = raw.tell()
            report(reading)
        try:
            found = parse(text)
        except Malformed:
            reading.malformed += 1
            continue
        if found is None:
            reading.other += 1
        else:
            yield found


def _lines(name: str, stream: IO[bytes], reading: Reading) -> Iterator[bytes]:
    """Yield the lines that are not empty; one that is too long counts as malformed, and is not kept whole."""
    try:
        while text := stream.readline(_LONGEST_LINE):
            if len(text) == _LONGEST_LINE and not text.endswith(b"\n"):
                while (rest := stream.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
                reading.lines += 1
                reading.malformed += 1
            elif stripped := text.strip():
                yield stripped
    except (EOFError, gzip.BadGzipFile, zlib.error):
        reading.cut_short.append(name)


def _in_order(lines: Iterator[Line], reading: Reading) -> Iterator[Line]:
    """Put lines in order as far as a small buffer can; later ones take the time of the one before."""
    waiting: list[tuple[int, int, Line]] = []
    latest = emitted = 0
    for number, line in enumerate(lines):
        if line.at_ms < latest:
            reading.reordered += 1
        latest = max(latest, line.at_ms)
        heapq.heappush(waiting, (line.at_ms, number, line))
        if len(waiting) > _BUFFERED:
            line_out = heapq.heappop(waiting)[2]
            if line_out.at_ms < emitted:
                reading.late += 1
                reading.reordered -= 1
                line_out = line_out._replace(at_ms=emitted)
            emitted = line_out.at_ms
            yield line_out
    while waiting:
        line_out = heapq.heappop(waiting)[2]
        emitted = max(emitted, line_out.at_ms)
        yield line_out._replace(at_ms=emitted)
