"""Which instances answer during the run, and which of them were replaced: a roll that nobody saw proves nothing."""

import http.client
import threading
import time
from contextlib import suppress
from typing import Self

from health.rollout.deployment import Deployment, NotVerifiable

_EVERY_SECONDS = 0.2
# Two starts of one instance are further apart than whole seconds of uptime and slow answers make one look.
_APART_SECONDS = 5.0


class Watch:
    """Asks for health again and again beside the load."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.starts: dict[str, list[float]] = {}

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    @property
    def replaced(self) -> list[str]:
        """Instances that began during the run: under a new name, or an old one again."""
        return sorted(name for name, starts in self.starts.items() if max(starts) > self._began)

    def see(self, instance: str, started: float) -> None:
        """Take in that this instance answered, which began at ``started`` (of time.monotonic)."""
        starts = self.starts.setdefault(instance, [])
        if all(abs(started - earlier) > _APART_SECONDS for earlier in starts):
            starts.append(started)

    def _run(self) -> None:
        while not self._ending.wait(_EVERY_SECONDS):
            # What answers nothing now is the load's to count.
            with suppress(OSError, http.client.HTTPException, NotVerifiable, KeyError, TypeError):
                health = self._deployment.send("GET", "/api/health").json()
                uptime = float(health["uptime_seconds"]) + 1  # whole seconds: at most
                self.see(str(health["instance"]), time.monotonic() - uptime)
