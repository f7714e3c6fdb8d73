"""What a signed URL gives out, and from when it counts: the same for S3 and for local files."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# Shorter lives are signed anew each time, so that what a client asks for is what it gets.
_SHORTEST_SHARED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes under a key, of an upload, and how a browser shall take them."""

    upload_id: str
    key: str
    content_type: str
    disposition: str
    cache_control: str = "private, no-cache"


def issued_at(made: datetime, *, seconds: int, now: datetime) -> datetime:
    """Return the time from which a URL of so many seconds counts, whole halves of its life after ``made``.

    So every instance gives the same URL for half its life, and nothing has to be remembered: browsers and CDNs find
    what they have. Between a half and the whole of its life is left.
    """
    if seconds < _SHORTEST_SHARED_SECONDS:
        return now
    half = timedelta(seconds=seconds) / 2
    return made + max(0, (now - made) // half) * half
