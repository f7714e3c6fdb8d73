"""The ring of keys as it stands in the database: which key signs, which are accepted, which no longer.

A key's state follows from times alone, so nothing has to be switched at a moment, and every instance says the
same of a key whenever it read it. Generation 0 are the keys derived from JWT_SECRET, one for each algorithm;
each row is a later generation and succeeds everything before it, whatever the algorithm.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

from django.conf import settings

from accounts.key_material import ALGORITHMS, KeyBackend, SealBroken, backend_of, derived_backend, unseal
from accounts.models import SigningKey

# Longer than JWKS are cached (a minute) and instances go without reading the ring (half of one), together.
PUBLISHED_AHEAD = timedelta(minutes=2)
# On top of the lifetime of its last token: clocks differ, and an instance may sign with it a little too long.
_MARGIN = timedelta(minutes=1)


class State(StrEnum):
    """What a key is good for."""

    PUBLISHED = "published"  # accepted, so that every instance knows it before it signs
    SIGNING = "signing"
    ACCEPTED = "accepted"  # its tokens have not all expired yet
    RETIRED = "retired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Key:
    """One key. Times are seconds since 1970, since each use of a token compares them."""

    backend: KeyBackend
    generation: int
    signs_from: float
    superseded_at: float
    revoked: bool

    @property
    def kid(self) -> str:
        """Its name in the header of tokens."""
        return self.backend.kid

    @property
    def algorithm(self) -> str:
        """The one algorithm that it accepts; what a token's header says is compared, never followed."""
        return str(self.backend.algorithm)

    @property
    def accepted_until(self) -> float:
        """When its last token has expired; the beginning of time for a revoked one."""
        if self.revoked:
            return -math.inf
        return self.superseded_at + (settings.ACCESS_TOKEN_LIFETIME + _MARGIN).total_seconds()


@dataclass(frozen=True)
class Ring:
    """The keys, newest first, and the names of rows that JWT_SECRET does not open. Never changed, only replaced."""

    keys: tuple[Key, ...]
    unreadable: tuple[str, ...]

    @cached_property
    def by_header(self) -> Mapping[str, Key]:
        """Every key by the first segment of its tokens."""
        return {key.backend.header: key for key in self.keys}

    def signing_key(self, at: float) -> Key:
        """Return the key to sign with: of JWT_ALGORITHM where there is one, since the last rotation may be of another.

        The newest, even before its time, when everything older is revoked: a clock may be a little late.
        """
        usable = [key for key in self.keys if not key.revoked]
        active = [key for key in usable if key.signs_from <= at < key.superseded_at]
        wanted = [key for key in active if key.algorithm == settings.JWT_ALGORITHM]
        return (wanted or active or usable)[0]

    def state_of(self, key: Key, at: float) -> State:
        """Return what the key is good for."""
        if key.revoked:
            return State.REVOKED
        if at >= key.accepted_until:
            return State.RETIRED
        if key is self.signing_key(at):
            return State.SIGNING
        # One that was overtaken before it signed never will.
        return State.PUBLISHED if at < key.signs_from < key.superseded_at else State.ACCEPTED


def assemble(rows: Iterable[SigningKey]) -> Ring:
    """Make the ring of the rows, newest first.

    Rows that this JWT_SECRET does not open count for nothing: whoever can write to the database but has no
    secret can neither add a key nor revoke one.
    """
    keys: list[Key] = []
    unreadable: list[str] = []
    superseded_at, revoked = math.inf, False
    for row in rows:
        try:
            seed = unseal(row.sealed, row.facts)
        except SealBroken:
            unreadable.append(row.kid)
            continue
        backend = backend_of(seed=seed, kid=row.kid, algorithm=row.algorithm)
        signs_from = row.signs_from.timestamp()
        keys.append(Key(backend, row.generation, signs_from, superseded_at, revoked))
        superseded_at, revoked = min(superseded_at, signs_from), revoked or row.revokes_older
    derived = (Key(derived_backend(name), 0, -math.inf, superseded_at, revoked) for name in ALGORITHMS)
    return Ring((*keys, *derived), tuple(unreadable))
