"""Writing sessions: start, rotate, end.

Every step is one conditional update of one row, because MongoDB has no row locks through our backend.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.db.models import QuerySet
from prometheus_client import Counter

from accounts import snapshots, tokens
from accounts.errors import InvalidToken, RefreshTokenReused, SessionRevoked
from accounts.events import NO_REQUEST, Kind, Origin, record
from accounts.models import Session, User
from accounts.selectors import prunable_sessions
from nocturnal_project.errors import NotFound

_log = structlog.stdlib.get_logger("nocturnal.accounts")
_REUSED = Counter("nocturnal_auth_refresh_reuse_total", "Sessions ended because a spent refresh token came back.")
_LONGEST_USER_AGENT = 200
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Device:
    """Where a sign-in comes from; ``id`` is None on a device not seen before."""

    id: uuid.UUID | None
    user_agent: str


def start_session(*, user: User, device: Device, now: datetime) -> Session:
    """Store a new session for a device and drop its earlier one, so that the table grows by devices only."""
    session = Session(
        user_id=user.pk,
        device_id=device.id or uuid.uuid4(),
        user_agent=device.user_agent[:_LONGEST_USER_AGENT],
        created_at=now,
        rotated_at=now,
        expires_at=now + settings.REFRESH_TOKEN_LIFETIME,
    )
    if device.id:
        earlier = Session.objects.filter(user_id=user.pk, device_id=device.id)
        snapshots.end(list(earlier.values_list("pk", flat=True)))
        earlier.delete()
    session.save(force_insert=True)
    return session


def rotate_refresh_token(*, token: str, origin: Origin = NO_REQUEST, now: datetime) -> tuple[User, Session]:
    """Trade a refresh token for its successor: the session comes back with the successor's counter.

    One conditional update picks the winner of a race. Callers that lose inside the grace period
    are given the winner's token, not a second one.

    Raises:
        InvalidToken: we did not sign the token, or its session is gone.
        SessionRevoked: the session was ended or ran out.
        RefreshTokenReused: the token was spent before the grace period; its session is ended now.
    """
    claims = tokens.read_refresh_token(token)
    live = Session.objects.filter(pk=claims.session_id, ended_at=None, expires_at__gt=now)
    won = live.filter(counter=claims.counter).update(
        counter=claims.counter + 1, rotated_at=now, expires_at=now + settings.REFRESH_TOKEN_LIFETIME
    )
    session = Session.objects.filter(pk=claims.session_id).first()
    user = User.objects.filter(pk=session.user_id).first() if session else None
    if session is None or user is None:
        raise InvalidToken("The refresh token is not valid.")
    if session.ended_at is not None or session.expires_at <= now or not user.is_active:
        raise SessionRevoked
    successor = session.counter == claims.counter + 1
    if won or (successor and now - session.rotated_at <= settings.REFRESH_GRACE):
        snapshots.keep(session, user)
        return user, session
    _end(live, reason=Session.EndReason.REUSE, now=now)
    record(Kind.REFRESH_TOKEN_REUSED, user_id=user.pk, session_id=session.pk, origin=origin, now=now)
    _REUSED.inc()
    _log.warning("refresh token reused", user=str(session.user_id), session=str(session.pk))
    raise RefreshTokenReused


def end_sessions(*, token: str, scope: str, origin: Origin = NO_REQUEST, now: datetime) -> None:
    """Sign out the device that a refresh token names, the user's others, or all.

    An earlier token of the session serves too, and a session that is over already is no error.

    Raises:
        InvalidToken: we did not sign the token.
    """
    claims = tokens.read_refresh_token(token)
    session = Session.objects.filter(pk=claims.session_id).first()
    if session is None:
        return
    chosen = Session.objects.filter(user_id=session.user_id, ended_at=None)
    if scope == "local":
        chosen = chosen.filter(pk=session.pk)
    elif scope == "others":
        chosen = chosen.exclude(pk=session.pk)
    ended = _end(chosen, reason=Session.EndReason.SIGNED_OUT, now=now)
    if ended:
        facts: dict[str, str | int] = {"reason": Session.EndReason.SIGNED_OUT.value, "scope": scope, "sessions": ended}
        own = session.pk if scope != "others" else None
        record(Kind.SESSION_ENDED, user_id=session.user_id, session_id=own, origin=origin, now=now, facts=facts)


def end_sessions_of(
    *,
    user_id: uuid.UUID,
    reason: Session.EndReason,
    except_session: uuid.UUID | None = None,
    actor_id: uuid.UUID | None = None,
    origin: Origin = NO_REQUEST,
    now: datetime,
) -> int:
    """End every session of a user, but for one if it is named, and return how many there were."""
    chosen = Session.objects.filter(user_id=user_id, ended_at=None)
    ended = _end(chosen.exclude(pk=except_session) if except_session else chosen, reason=reason, now=now)
    if ended:
        facts: dict[str, str | int] = {"reason": reason.value, "sessions": ended}
        record(Kind.SESSION_ENDED, user_id=user_id, actor_id=actor_id, origin=origin, now=now, facts=facts)
    return ended


def end_own_session(*, user_id: uuid.UUID, session_id: uuid.UUID, origin: Origin = NO_REQUEST, now: datetime) -> None:
    """Sign one of a user's devices out, also the one that asks.

    Raises:
        NotFound: it is over, was never there, or is someone else's.
    """
    chosen = Session.objects.filter(pk=session_id, user_id=user_id, ended_at=None, expires_at__gt=now)
    reason = Session.EndReason.SIGNED_OUT
    if not _end(chosen, reason=reason, now=now):
        raise NotFound
    facts = {"reason": reason.value}
    record(Kind.SESSION_ENDED, user_id=user_id, session_id=session_id, origin=origin, now=now, facts=facts)


def prune_sessions(*, now: datetime, at_most: int) -> int:
    """Remove rows of sessions that ran out KEEP_EXPIRED_SESSIONS ago, and return how many, ``at_most`` at once.

    Not by when they were ended: until it runs out, a token of an ended session is to be told from a stranger's.
    """
    rows = prunable_sessions(now=now)
    keys = list(rows.order_by("expires_at").values_list("pk", flat=True)[:at_most])
    Session.objects.filter(pk__in=keys).delete()
    return len(keys)


def end_session(
    *,
    session_id: uuid.UUID,
    user_id: uuid.UUID,
    reason: Session.EndReason,
    actor_id: uuid.UUID | None = None,
    origin: Origin = NO_REQUEST,
    now: datetime,
) -> int:
    """End one session of a user; 0 if it was over already, or is somebody else's."""
    ended = _end(Session.objects.filter(pk=session_id, user_id=user_id, ended_at=None), reason=reason, now=now)
    if ended:
        record(
            Kind.SESSION_ENDED,
            user_id=user_id,
            actor_id=actor_id,
            session_id=session_id,
            origin=origin,
            now=now,
            facts={"reason": reason.value},
        )
    return ended


def _end(chosen: QuerySet[Session], *, reason: Session.EndReason, now: datetime) -> int:
    """End sessions, those too that are started meanwhile, and return how many.

    Their snapshots first: between the two steps a request asks the database, which is slower and right.
    """
    count = 0
    while ids := list(chosen.filter(ended_at=None).values_list("pk", flat=True)[:_BATCH]):
        snapshots.end(ids)
        count += Session.objects.filter(pk__in=ids, ended_at=None).update(ended_at=now, end_reason=reason)
    return count
