"""Snapshots of sessions in Redis: what a signed-in request needs to know, read together with its rate limit.

The database is what counts. A snapshot saves reading it, for as long as an access token lives, and is out of use
before a session ends: first it is marked, which no reader can undo, then the row is written. So ending a session holds
on every instance at its next request. While Redis is away nobody reads snapshots; sessions that end meanwhile are
noted in the database, and marked before Redis is used again.

An instance that has not lost Redis, while the one that ended the session had, looks for such notes every two seconds:
for so long, and no longer, it may still let the session in. A Redis that was started again, or took over from another,
may have lost a mark that was confirmed: snapshots that were kept before are not believed there.

Only services write users and sessions, because ``queryset.update()`` tells nobody.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import structlog
from django.conf import settings

from accounts.models import Session, StaleSnapshot, User
from nocturnal_project.background import every
from nocturnal_project.redis import RedisAway, Script, link

_log = structlog.stdlib.get_logger("nocturnal.accounts")
_FOLDER = Path(__file__).parent / "lua"
_PUT = Script(_FOLDER / "put_snapshot.lua")
_MARK = Script(_FOLDER / "mark_snapshots.lua")
# Marks outlive every snapshot that could have been read before them.
_KEPT_MS = int(settings.ACCESS_TOKEN_LIFETIME.total_seconds() * 1000)
_MARKED_MS = _KEPT_MS + 60_000
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known of a live session: the profile as the API answers it, and when it runs out (Unix time).

    ``trusted`` is False for one that another Redis has handed down, or the same one before it was started again: that
    may have lost the mark of a session that ended since.
    """

    profile: dict[str, Any]
    expires: float
    trusted: bool = True


def name_of(session_id: uuid.UUID) -> str:
    """Return the key of a session's snapshot."""
    return f"session:{session_id}"


def snapshot_of(session: Session, user: User) -> Snapshot:
    """Return what a snapshot keeps of a session and its user."""
    return Snapshot(profile_of(user), session.expires_at.timestamp())


def profile_of(user: User) -> dict[str, Any]:
    """Return a user as they see themselves; a new column is private until it is listed here."""
    return {
        "id": str(user.pk),
        "email": user.email,
        "email_verified": user.email_verified,
        "name": user.name,
        "created_at": user.created_at.isoformat().replace("+00:00", "Z"),
    }


def live(session_id: uuid.UUID) -> bytes | None:
    """Return the text of a session's live snapshot, or None."""
    try:
        text: bytes | None = link.call("GET", name_of(session_id))
    except RedisAway:
        return None
    return text if text and text.startswith(b"L") else None


def read(text: bytes) -> Snapshot:
    """Return a live snapshot from its text in Redis."""
    kept = orjson.loads(text[text.index(b"\n") + 1 :])
    return Snapshot(kept["profile"], kept["expires"], kept.get("server") == link.server)


def keep(session: Session, user: User) -> None:
    """Keep a snapshot of a live session; what is newer stays."""
    kept = {"expires": session.expires_at.timestamp(), "server": link.server, "profile": profile_of(user)}
    text = orjson.dumps(kept)
    try:
        link.run(_PUT, [name_of(session.pk)], (user.version, text, _KEPT_MS))
    except RedisAway:
        return  # nobody reads snapshots now


def end(session_ids: Sequence[uuid.UUID]) -> None:
    """Take the snapshots of sessions out of use. To be called before their rows say that they ended."""
    _mark_or_note(session_ids, "E")


def outdate(user_id: uuid.UUID) -> None:
    """Let no snapshot of a user be read that is older than the row. To be called after the row was written.

    Whoever writes what a snapshot keeps adds one to ``version`` in the same update.
    """
    if not link.configured:
        return
    version = User.objects.filter(pk=user_id).values_list("version", flat=True).first()
    chosen = list(Session.objects.filter(user_id=user_id, ended_at=None).values_list("pk", flat=True))
    if version is not None:
        _mark_or_note(chosen, f"M{version}")


def _mark_or_note(session_ids: Sequence[uuid.UUID], mark: str) -> None:
    """Mark snapshots in Redis; while it is away, in the database, where those who come back to Redis look first.

    A note that was written just after they looked would be too late: so it is written only while they cannot, and
    when Redis has come back meanwhile, it is asked again.
    """
    if not link.configured or not session_ids:
        return
    while True:
        try:
            _mark(session_ids, mark)
        except RedisAway:
            if not link.while_away(lambda: _note(session_ids)):
                continue
        return


@every(seconds=2)
def mark_noted() -> None:
    """Mark the snapshots that were noted while Redis was away, by whichever instance.

    Raises:
        RedisAway: it is away still; what was noted stays.
        DatabaseError: nobody knows what was noted.
    """
    if not link.configured:
        return
    while noted := list(StaleSnapshot.objects.all()[:_BATCH]):
        _mark([row.session_id for row in noted], "E")
        StaleSnapshot.objects.filter(pk__in=[row.pk for row in noted]).delete()


def _note(session_ids: Sequence[uuid.UUID]) -> None:
    StaleSnapshot.objects.bulk_create([StaleSnapshot(session_id=session_id) for session_id in session_ids])


def _mark(session_ids: Sequence[uuid.UUID], mark: str) -> None:
    for start in range(0, len(session_ids), _BATCH):
        keys = [name_of(session_id) for session_id in session_ids[start : start + _BATCH]]
        link.run(_MARK, keys, (mark, _MARKED_MS))


link.on_return(mark_noted)
