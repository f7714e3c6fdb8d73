"""Tokens whose signature was found good, so that a token that comes again costs a look-up.

Safe because a signature is a function of the token. What can change is compared on every use: the time, and the
ring, because with a new ring nothing that was verified under the old one counts.
"""

import threading

from accounts.claims import AccessClaims
from accounts.ring import Ring

# About 900 bytes each.
_MOST = 10_000


class VerifiedTokens:
    """Claims by token, good until a moment. Only good tokens get in, so nobody can fill it with rubbish."""

    def __init__(self, most: int = _MOST) -> None:
        """Keep so many; of more, the oldest go."""
        self._most = most
        self._lock = threading.Lock()
        self._kept: tuple[Ring | None, dict[str, tuple[AccessClaims, float]]] = (None, {})

    def get(self, token: str, ring: Ring) -> tuple[AccessClaims, float] | None:
        """Return the claims and until when they are good, as seconds since 1970. Takes no lock."""
        kept_for, entries = self._kept
        return entries.get(token) if kept_for is ring else None

    def put(self, token: str, ring: Ring, claims: AccessClaims, good_until: float) -> None:
        """Remember a token that was verified under this ring."""
        with self._lock:
            kept_for, entries = self._kept
            if kept_for is not ring:
                entries = {}
                self._kept = (ring, entries)
            while len(entries) >= self._most:
                del entries[next(iter(entries))]
            entries[token] = (claims, good_until)

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept[1])
