"""The names under which the storage keeps bytes: made here, never by a client.

A file is ``category/YYYY-MM-DD/uuid.ext``. What is no file of its own lies under a reserved first part, which no
category may have: what is on its way straight to the storage, and what is made from files.
"""

import re
import secrets
from datetime import datetime

from nocturnal_project.identifiers import uuid7
from uploads.content_types import EXTENSIONS

STAGING = "staging/"
THUMBNAILS = "thumbnails/"
_THUMBNAIL_EXTENSION = ".webp"
QUARANTINE = "quarantine/"
RESERVED = frozenset({"staging", "thumbnails", "quarantine"})
_FILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}/\d{4}-\d{2}-\d{2}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[a-z]+")


def new_key(category: str, content_type: str, *, now: datetime) -> str:
    """Return a key that no other file has."""
    return f"{category}/{now:%Y-%m-%d}/{uuid7()}{EXTENSIONS[content_type][0]}"


def new_staging_key(*, now: datetime) -> str:
    """Return a key for bytes on their way, which nobody guesses."""
    return f"{STAGING}{now:%Y-%m-%d}/{uuid7()}-{secrets.token_hex(8)}"


def thumbnail_key(key: str) -> str:
    """Return the key of a file's small picture, made from the file's own."""
    return f"{THUMBNAILS}{key}{_THUMBNAIL_EXTENSION}"


def pictured(thumbnail: str) -> str:
    """Return the key of the file that a small picture is of, if it is one."""
    return thumbnail.removeprefix(THUMBNAILS).removesuffix(_THUMBNAIL_EXTENSION)


def quarantined(key: str) -> str:
    """Return where a file's bytes lie while staff hold it back, so that no link from before leads to them."""
    return key if key.startswith(QUARANTINE) else QUARANTINE + key


def released(key: str) -> str:
    """Return where they lie otherwise."""
    return key.removeprefix(QUARANTINE)


def is_file_key(key: str) -> bool:
    """Tell whether the key is one that a file of ours may have."""
    key = released(key)
    return bool(_FILE.fullmatch(key)) and key.partition("/")[0] not in RESERVED
