"""Identifiers: UUIDv7 (RFC 9562), which sort by the time they were made and tell nothing else."""

import uuid

import uuid_utils.compat


def uuid7() -> uuid.UUID:
    """Return a new identifier, above every earlier one of this process."""
    return uuid_utils.compat.uuid7()
