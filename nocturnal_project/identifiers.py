"""Identifiers: UUIDv7 (RFC 9562), which sort by the time they were made and tell nothing else."""

import uuid
from datetime import datetime

import uuid_utils.compat


def uuid7() -> uuid.UUID:
    """Return a new identifier, above every earlier one of this process."""
    return uuid_utils.compat.uuid7()


def first_uuid7(moment: datetime, *, earlier_ms: int = 0) -> uuid.UUID:
    """Return the smallest identifier that could be made at a moment: a range of keys is a range of time."""
    milliseconds = max(0, int(moment.timestamp() * 1000) - earlier_ms)
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62)
