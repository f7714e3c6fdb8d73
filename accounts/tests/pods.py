"""Instances that share one database: each has a ring and a memory of verified tokens of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from accounts import keyring, tokens
from accounts.keyring import Keyring
from accounts.ring import assemble
from accounts.verified_tokens import VerifiedTokens


class Pod:
    """One instance. What is done inside ``with pod.serving():`` is done by it."""

    def __init__(self, monotonic: Callable[[], float] | None = None) -> None:
        self.keyring = Keyring(monotonic) if monotonic else Keyring()
        self._verified = VerifiedTokens()

    @contextmanager
    def serving(self) -> Iterator[Keyring]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keyring, "_ours", self.keyring)
            patch.setattr(tokens, "_verified", self._verified)
            yield self.keyring


class Stopwatch:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def pod_without_database() -> Pod:
    """An instance with the keys that need no row, which asks the database for nothing."""
    stopwatch = Stopwatch()
    pod = Pod(stopwatch)
    pod.keyring._ring = assemble([])
    pod.keyring._due_at = pod.keyring._unknown_key_due_at = float("inf")
    return pod
