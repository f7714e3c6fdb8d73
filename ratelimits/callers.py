"""Who calls, as far as a limit has to know: the app that knows accounts says the rest."""

from abc import ABC, abstractmethod
from typing import Any


class Caller(ABC):
    """Whom an access token names: ``is_authenticated`` only once the session behind the token was looked at."""

    pk: Any
    snapshot_name: str
    is_authenticated: bool

    @abstractmethod
    def confirm(self, snapshot: bytes) -> None:
        """Take the session's live snapshot, which came with the decision."""

    @abstractmethod
    def look_up(self) -> None:
        """Read the session itself, where there is no live snapshot of it."""

    @abstractmethod
    def identify(self) -> None:
        """Take the snapshot where there is one, else read the session, for a request that is not charged."""
