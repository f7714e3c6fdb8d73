"""Rotating the signing key: one insert, so that it is whole on every database."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

import structlog
from django.conf import settings
from django.db import IntegrityError

from accounts import key_material
from accounts.models import SigningKey
from accounts.ring import PUBLISHED_AHEAD, Ring, State, assemble
from nocturnal_project.transaction import refusable_write

_log = structlog.stdlib.get_logger("nocturnal.accounts")
# Until then a token of a retired key is answered "expired", so that its client refreshes instead of giving up.
_KEPT_AFTER_RETIREMENT = timedelta(days=30)


class Outcome(Enum):
    """What became of a rotation."""

    ROTATED = "rotated"
    PENDING = "pending"  # an earlier one has not taken effect yet, so nothing was done
    OVERTAKEN = "overtaken"  # another one took place at the same moment, so nothing was done


@dataclass(frozen=True, slots=True)
class Rotation:
    """What became of a rotation, and the ring after it."""

    outcome: Outcome
    ring: Ring


def ring_in_database() -> Ring:
    """Return the ring as the database has it now."""
    return assemble(SigningKey.objects.order_by("-generation"))


def rotate_signing_key(*, at_once: bool, revoke_older: bool, now: datetime) -> Rotation:
    """Add a key that will sign, and let the keys before it run out.

    It signs two minutes from now, when every instance and every holder of our JWKS knows it; ``at_once`` is for
    a key that has leaked. ``revoke_older`` refuses everything before it as soon as an instance sees it. Of two
    rotations at the same moment one is stored, because a generation is unique.

    Raises:
        ValueError: older keys are to be revoked before the new one signs, so that nothing could sign.
    """
    if revoke_older and not at_once:
        raise ValueError("Revoking the old keys takes a new one that signs at once.")
    # One reading for both: the number must follow what was looked at, or a rotation in between would go unnoticed.
    rows = list(SigningKey.objects.order_by("-generation"))
    ring = assemble(rows)
    if not at_once and _pending(ring, now):
        return Rotation(Outcome.PENDING, ring)
    generation = rows[0].generation + 1 if rows else 1
    row = _new_row(generation, at_once=at_once, revoke_older=revoke_older, now=now)
    try:
        with refusable_write():
            row.save(force_insert=True)
    except IntegrityError:
        ring = ring_in_database()
        return Rotation(Outcome.OVERTAKEN if at_once else Outcome.PENDING, ring)
    _delete_long_retired(ring, now)
    _log.info(
        "signing key rotated",
        kid=row.kid,
        algorithm=row.algorithm,
        signs_from=row.signs_from.isoformat(),
        revoked_older=revoke_older,
    )
    return Rotation(Outcome.ROTATED, ring_in_database())


def _pending(ring: Ring, now: datetime) -> bool:
    return any(ring.state_of(key, now.timestamp()) is State.PUBLISHED for key in ring.keys)


def _new_row(generation: int, *, at_once: bool, revoke_older: bool, now: datetime) -> SigningKey:
    signs_from = now if at_once else now + PUBLISHED_AHEAD
    row = SigningKey(
        generation=generation,
        kid=key_material.new_kid(),
        algorithm=settings.JWT_ALGORITHM,
        created_at=now,
        signs_from=signs_from.replace(microsecond=0),  # tokens count in seconds too
        revokes_older=revoke_older,
    )
    row.sealed = key_material.new_sealed_seed(row.facts)
    return row


def _delete_long_retired(ring: Ring, now: datetime) -> None:
    """Forget keys that no client can still have a token of.

    Safe for a row that revoked others: whatever it revoked is older than itself, and has retired as well.
    """
    limit = (now - _KEPT_AFTER_RETIREMENT).timestamp()
    old = [key.kid for key in ring.keys if key.generation and key.superseded_at < limit]
    if old:
        SigningKey.objects.filter(kid__in=old).delete()
