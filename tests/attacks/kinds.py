"""What an attack is: a file that somebody sends, by whichever way, or a request as it goes over the wire."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as its sender describes it; made when it is needed, because some are large."""

    content: Callable[[], bytes]
    name: str
    declared: str


@dataclass(frozen=True, slots=True)
class Raw:
    """A request to upload, in pieces; between two of them its sender waits. ``ends`` closes the sender's half."""

    fields: bytes
    pieces: tuple[bytes, ...]
    pause_seconds: float = 0
    ends: bool = False
