"""How many refused sign-ins are worth a row of their own: a bound in each process, however large the flood."""

import threading
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

_WINDOW = timedelta(minutes=1)
PER_ACCOUNT = 5
PER_PROCESS = 300


@dataclass(slots=True)
class Tally:
    """The refusals of one account, or of all beyond the process's bound, that got no row of their own."""

    kind: str
    digest: str
    user_id: uuid.UUID | None
    recorded: int = 0
    times: int = 0


class Refusals:
    """Counts the refusals of the minute, and hands the last minute's rest over when the next one begins.

    What is counted when no refusal follows, or when the process ends, is lost: the request log and the rate
    limiter still have it. Memory is bounded, because only accounts with a row are remembered.
    """

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._lock = threading.Lock()
        self._window_ends: datetime | None = None
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._recorded = 0

    def note(self, kind: str, digest: str, user_id: uuid.UUID | None, now: datetime) -> tuple[bool, list[Tally]]:
        """Return whether this refusal gets a row, and what an earlier minute left over."""
        with self._lock:
            left = self._begin_window(now)
            tally = self._tallies.get((kind, digest))
            if self._recorded >= PER_PROCESS:
                tally = tally or self._tallies.setdefault((kind, ""), Tally(kind, "", None))
            elif tally is None:
                tally = self._tallies[kind, digest] = Tally(kind, digest, user_id)
            admitted = self._recorded < PER_PROCESS and tally.recorded < PER_ACCOUNT
            if admitted:
                tally.recorded += 1
                self._recorded += 1
            else:
                tally.times += 1
            return admitted, left

    def _begin_window(self, now: datetime) -> list[Tally]:
        if self._window_ends and now < self._window_ends:
            return []
        left = [tally for tally in self._tallies.values() if tally.times]
        self._tallies = {}
        self._recorded = 0
        self._window_ends = now + _WINDOW
        return left
