"""This process's copy of the ring of signing keys. Looking a key up costs no query.

A thread calls ``refresh`` every few seconds; where none does, a ring that is old is read again by a request. A key
that is not known is looked for in the database at once, but at most once a second: made-up names cost no queries.
"""

import base64
import json
import math
import re
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import Error as DatabaseFault

from accounts.key_material import ALGORITHMS, header_segment
from accounts.models import SigningKey
from accounts.ring import Ring, assemble
from nocturnal_project import clock
from nocturnal_project.errors import ServiceUnavailable

_log = structlog.stdlib.get_logger("nocturnal.accounts")
_OLD_SECONDS = 30.0
_UNKNOWN_KEY_SECONDS = 1.0
# After a failure requests leave the database alone for so long, because each try may wait as long for it.
_PAUSE_SECONDS = 5.0
# How long a request waits while another one reads. Without any ring there is nothing to go on with.
_WAIT_SECONDS, _FIRST_WAIT_SECONDS = 0.5, 5.0
# More than ten years of rotations once a month; those that retired long ago are deleted anyhow.
_MOST_KEYS = 150
_LONGEST_HEADER = 200
_KID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class Keyring:
    """A ring that is kept up to date. While the database is away, what was last seen stays in force."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet."""
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._ring: Ring | None = None
        self._made_of: Any = None
        self._signing_kid = ""
        self._failing = False
        # On the monotonic clock: before these, no request reads.
        self._due_at = self._unknown_key_due_at = -math.inf

    def refresh(self, now: datetime) -> None:
        """Read the ring; a failure is logged, once, and changes nothing."""
        with self._lock:
            self._read(now)

    def ring(self) -> Ring:
        """Return the ring.

        Raises:
            ServiceUnavailable: it was never read, so nobody knows which keys were revoked.
        """
        if self._monotonic() >= self._due_at:
            self._read_if(lambda: self._due_at, wait_seconds=0 if self._ring else _FIRST_WAIT_SECONDS)
        if self._ring is None:
            raise ServiceUnavailable("The signing keys could not be read yet. Try again shortly.")
        return self._ring

    def ring_for(self, header: str) -> Ring | None:
        """Return the ring, read again if the header names a key that may have been made since.

        None for a header that no key writes: rubbish is refused whether or not the ring was ever read.

        Raises:
            ServiceUnavailable: it was never read.
        """
        if (self._ring is None or header not in self._ring.by_header) and not _names_a_key(header):
            return None
        ring = self.ring()
        if header not in ring.by_header and self._monotonic() >= self._unknown_key_due_at:
            self._read_if(lambda: self._unknown_key_due_at, wait_seconds=_WAIT_SECONDS, unknown_key=True)
        return self.ring()

    def _read_if(self, due_at: Callable[[], float], *, wait_seconds: float, unknown_key: bool = False) -> None:
        """Read, unless another thread does so meanwhile."""
        if not self._lock.acquire(timeout=wait_seconds):
            return
        try:
            if self._monotonic() < due_at():
                return
            self._read(clock.now())
            if unknown_key:
                pause = _PAUSE_SECONDS if self._failing else _UNKNOWN_KEY_SECONDS
                self._unknown_key_due_at = self._monotonic() + pause
        finally:
            self._lock.release()

    def _read(self, now: datetime) -> None:
        try:
            rows = list(SigningKey.objects.order_by("-generation")[:_MOST_KEYS])
        except DatabaseFault as error:
            if not self._failing:
                _log.warning("signing keys cannot be read", error=type(error).__name__, kept=self._ring is not None)
            self._failing = True
            # One that was never read is tried by each request: without it none can be answered.
            self._due_at = self._monotonic() + _PAUSE_SECONDS if self._ring else -math.inf
            return
        self._failing = False
        self._due_at = self._monotonic() + _OLD_SECONDS
        self._take(rows, now)

    def _take(self, rows: list[SigningKey], now: datetime) -> None:
        made_of = (settings.JWT_SECRET, [(row.facts, row.sealed) for row in rows])
        if made_of != self._made_of:
            self._ring, self._made_of = assemble(rows), made_of
            if self._ring.unreadable:
                _log.warning("signing keys of another JWT_SECRET are ignored", kids=self._ring.unreadable)
        if self._ring and (key := self._ring.signing_key(now.timestamp())).kid != self._signing_kid:
            self._signing_kid = key.kid
            _log.info("signing key in use", kid=key.kid, algorithm=key.algorithm)


def _names_a_key(header: str) -> bool:
    """Tell whether we could have made this header with a key that is not known here."""
    if len(header) > _LONGEST_HEADER:
        return False
    try:
        named = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
        kid, algorithm = named["kid"], named["alg"]
        return bool(_KID.fullmatch(kid)) and algorithm in ALGORITHMS and header == header_segment(kid, algorithm)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


_ours = Keyring()


def refresh(now: datetime) -> None:
    """Read this process's ring again."""
    _ours.refresh(now)


def ring() -> Ring:
    """Return this process's ring."""
    return _ours.ring()


def ring_for(header: str) -> Ring | None:
    """Return this process's ring, read again if the header names a new key; None if no key could have written it."""
    return _ours.ring_for(header)
