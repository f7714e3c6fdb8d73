"""Copying every file from one storage to another, each verified; what is there already is not copied again."""

from enum import StrEnum

from uploads import storage
from uploads.models import Upload


class Outcome(StrEnum):
    """What came of one file."""

    COPIED = "copied"
    THERE = "there already"
    MISSING = "not in the source"
    DAMAGED = "damaged in the source"


def move(upload: Upload, *, source: storage.Storage, target: storage.Storage, dry_run: bool = False) -> Outcome:
    """Copy one ready file under the same key, unless the target has exactly its bytes; the source keeps them.

    Raises:
        ServiceUnavailable: one of the two failed; nothing half-copied counts as there the next time.
        StorageFull: the target has no room.
    """
    with storage.answering_for("move"):
        there = target.stored(upload.key)
        if there and there.size_bytes == upload.size_bytes:
            sha256 = there.sha256 or _digest(target, upload.key)
            if sha256 == upload.sha256:
                return Outcome.THERE
        found = source.stored(upload.key)
        if found is None:
            return Outcome.MISSING
        if _digest(source, upload.key) != upload.sha256:
            return Outcome.DAMAGED
        if dry_run:
            return Outcome.COPIED
        if there:
            target.delete(upload.key)  # of an earlier try that ended in between
        with source.read_stored(upload.key, found) as file:
            if not target.store(upload.key, file, sha256=upload.sha256):
                target.delete(upload.key)
                return Outcome.DAMAGED
    return Outcome.COPIED


def _digest(side: storage.Storage, key: str) -> str:
    found = side.stored(key)
    if found is None:
        return ""
    with side.read_stored(key, found) as file:
        return storage.digest(file)[0]
