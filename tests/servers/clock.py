"""A clock that a server believes and a test sets: hours pass in a moment, and what is to end by itself does."""

from datetime import UTC, datetime
from pathlib import Path

from tests.servers.base import ServiceMissing

_LIBRARY = "usr/lib/*/faketime/libfaketime.so.1"


class Clock:
    """The time of day of the processes with its environment; it stands still until it is set.

    What they measure spans with (CLOCK_MONOTONIC) goes on, so that a server works as ever.
    """

    def __init__(self, file: Path, *, at: datetime) -> None:
        """Begin ``at``; the file is where the processes read it."""
        self._file = file
        self.ms = int(at.timestamp() * 1000)
        self.shift(0)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that lives by this clock. Not for Python's own, whose sleep() would fail.

        Raises:
            ServiceMissing: libfaketime is not installed.
        """
        library = next(Path("/").glob(_LIBRARY), None)
        if library is None:
            raise ServiceMissing('libfaketime is missing: run "apt-get install faketime"')
        return {
            # Before jemalloc comes libc, because jemalloc asks for the time before libfaketime can answer.
            "LD_PRELOAD": f"{library} libc.so.6",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": "UTC",
        }

    def shift(self, ms: int) -> None:
        """Go on by so much; back when it is negative."""
        self.ms += ms
        moment = datetime.fromtimestamp(self.ms // 1000, UTC)
        # Half a millisecond more, because libfaketime reads the fraction as a binary one, and may round it down.
        text = f"{moment:%Y-%m-%d %H:%M:%S}.{self.ms % 1000:03d}500"
        new = self._file.with_suffix(".new")
        new.write_text(text + "\n")
        new.replace(self._file)  # a reader finds the one or the other, never half of one
