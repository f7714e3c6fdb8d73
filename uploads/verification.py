"""Reading stored files again: are the bytes still those that were verified when they came in?"""

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from nocturnal_project.identifiers import first_uuid7
from uploads import selectors, storage
from uploads.models import Upload


@dataclass(frozen=True, slots=True)
class Damage:
    """A ready file that cannot be given out as it came in."""

    upload: Upload
    said: str


def sample(number: int) -> Iterator[Upload]:
    """Return so many ready uploads, or all if there are no more.

    They are those made next after moments drawn evenly over the time in which files came, so that no step of it reads
    the collection; of an hour with many files each is as likely as of one with few, not each file.
    """
    first, last = selectors.stored_uploads().first(), selectors.stored_uploads().last()
    if first is None or last is None:
        return
    seconds = (last.created_at - first.created_at).total_seconds()
    chosen: set[uuid.UUID] = set()
    for _ in range(number * 3):  # moments may fall on the same file
        if len(chosen) == number:
            return
        moment = first.created_at + timedelta(seconds=random.uniform(0, seconds))  # noqa: S311  a sample, no secret
        upload = selectors.stored_uploads(after=first_uuid7(moment)).first() or first
        if upload.pk not in chosen:
            chosen.add(upload.pk)
            yield upload


def damage_of(upload: Upload) -> Damage | None:
    """Read the bytes and compare; None where all is well, or the file was deleted meanwhile.

    Raises:
        ServiceUnavailable: the storage failed.
    """
    found = storage.stored(upload.key)
    if found is None:
        there = Upload.objects.filter(pk=upload.pk).exists()
        return Damage(upload, "its bytes are not there") if there else None
    if found.size_bytes != upload.size_bytes:
        return Damage(upload, f"{found.size_bytes:,} bytes, not {upload.size_bytes:,}")
    if storage.digest_of(upload.key, found) != upload.sha256:
        return Damage(upload, "its bytes are others than those that came in")
    return None
