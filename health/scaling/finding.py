"""What was found of one promise, in a sentence."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, Self


class Outcome(StrEnum):
    """Whether the promise is kept; not shown is no proof, and counts as none."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_SHOWN = "not shown"


class Finding(NamedTuple):
    """One promise, whether it is kept, and why that is believed."""

    promise: str
    outcome: Outcome
    sentence: str

    @classmethod
    def passed(cls, promise: str, sentence: str) -> Self:
        """Return a promise that is kept."""
        return cls(promise, Outcome.PASSED, sentence)

    @classmethod
    def failed(cls, promise: str, sentence: str) -> Self:
        """Return a promise that is broken."""
        return cls(promise, Outcome.FAILED, sentence)

    @classmethod
    def not_shown(cls, promise: str, sentence: str) -> Self:
        """Return a promise of which nothing can be said."""
        return cls(promise, Outcome.NOT_SHOWN, sentence)


def named(names: Iterable[str]) -> str:
    """Return names in a sentence."""
    *others, last = names or ("?",)
    return f"{', '.join(others)} and {last}" if others else last
