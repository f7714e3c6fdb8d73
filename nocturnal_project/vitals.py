"""What this process says of itself with each beat: who it is, where it listens, what it serves and what it uses."""

import os
import resource
import socket
import sys
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from nocturnal_project import draining
from nocturnal_project.traffic import Traffic, traffic

_STARTED = time.time()
_STATM = Path("/proc/self/statm")
_KIB = 1024


class Facts(NamedTuple):
    """Who an instance is. Its address is for staff and operators; no answer to a stranger has it."""

    version: str
    hostname: str
    address: str
    started: float
    draining: bool


class Reading(NamedTuple):
    """How an instance is at one moment; the traffic is everything since it started."""

    traffic: Traffic
    cpu_percent: float
    memory_bytes: int


def facts() -> Facts:
    """Return who this process is."""
    return Facts(settings.VERSION, socket.gethostname(), _address(), _STARTED, draining.has_begun())


class Meter:
    """Reads this process; the CPU is what it used since the reading before, of one core."""

    def __init__(self) -> None:
        """Begin to measure now."""
        self._at, self._used = time.monotonic(), time.process_time()

    def read(self) -> Reading:
        """Return how this process is."""
        now, used = time.monotonic(), time.process_time()
        elapsed = max(now - self._at, 1e-6)
        percent = (used - self._used) / elapsed * 100
        self._at, self._used = now, used
        return Reading(traffic(), round(percent, 1), _memory_bytes())


def _memory_bytes() -> int:
    """Return what is resident now; where there is no /proc, the most that ever was."""
    try:
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * _KIB


@cache
def _address() -> str:
    """Return where this process is reached: by the address that it listens on, else by its host's first one."""
    address = os.environ.get("BIND_ADDRESS", "127.0.0.1")
    if address in {"0.0.0.0", "::", ""}:  # noqa: S104  compared, not listened on
        try:
            address = socket.gethostbyname(socket.gethostname())
        except OSError:
            address = socket.gethostname()
    return f"[{address}]:{settings.PORT}" if ":" in address else f"{address}:{settings.PORT}"
