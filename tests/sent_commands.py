"""What the product's client sends to MongoDB, as it goes over the wire.

``conftest.py`` puts the one recorder on the client of the default database before it is made. Other clients,
such as those with which tests break or explain things, are not the product's and are not heard.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

Listener = Callable[[dict[str, Any]], None]


class SentCommands(CommandListener):
    """Tells whoever listens of each command, in the thread that sends it and before it is sent."""

    def __init__(self) -> None:
        """Start with nobody listening."""
        self._listeners: list[Listener] = []

    @contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Tell a listener for as long as the block lasts."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def listen(self, listener: Listener) -> None:
        """Tell a listener from now on."""
        self._listeners.append(listener)

    def started(self, event: CommandStartedEvent) -> None:
        """Tell all."""
        for listener in tuple(self._listeners):
            listener(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Tell nobody."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Tell nobody."""


SENT = SentCommands()
