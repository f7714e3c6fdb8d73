"""One answer for everybody who asks at about the same time."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

_Answer = TypeVar("_Answer")
KEPT_SECONDS = 2.0
# Longer than a look at the database may take. Who waits holds one of the few threads that requests have.
PATIENCE_SECONDS = 1.5


class Shared(Generic[_Answer]):
    """What was found less than two seconds ago; else one caller looks, and those who come meanwhile wait for it.

    So strangers who ask without end cost the system behind one look in two seconds, and a system that hangs holds up
    one look and not all of them. Who has waited for too long is told what ``late`` says.
    """

    def __init__(
        self,
        find: Callable[[], _Answer],
        *,
        late: Callable[[], _Answer],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find, self._late, self._clock = find, late, clock
        self._looking = threading.Lock()
        self._found: tuple[float, _Answer] | None = None

    def get(self) -> _Answer:
        """Return what was found."""
        if (answer := self._fresh()) is not None:
            return answer[0]
        if not self._looking.acquire(timeout=PATIENCE_SECONDS):
            return self._late()
        try:
            if (answer := self._fresh()) is None:
                answer = (self._find(),)
                self._found = (self._clock(), answer[0])
            return answer[0]
        finally:
            self._looking.release()

    def forget(self) -> None:
        """Look again the next time."""
        self._found = None

    def _fresh(self) -> tuple[_Answer] | None:
        found = self._found
        return (found[1],) if found and self._clock() - found[0] < KEPT_SECONDS else None
