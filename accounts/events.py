"""Recording security events: one insert each, on the rare paths, and never a reason to fail what happened."""

import hashlib
import hmac
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.db import Error
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import SecurityEvent, normalized_email
from accounts.models.security_event import LONGEST_USER_AGENT
from accounts.refusals import Refusals, Tally
from nocturnal_project.client_ip import UNKNOWN, client_ip

Kind = SecurityEvent.Kind
_log = structlog.stdlib.get_logger("nocturnal.events")
_LONGEST_FACT = 200
PRUNED_AT_ONCE = 500

# fmt: off
# What an event may say beyond its columns. Nothing that a client wrote, but for a group's name, which staff chose.
FACTS = {
    "reason":   "why: a word of ours",
    "scope":    "local, others or global, of a sign-out",
    "sessions": "how many sessions ended",
    "times":    "how many more refusals were not recorded one by one",
    "fields":   "which fields of an account staff changed, without their values",
    "group":    "the name of a group of staff",
    "upload":   "the id of a file",
    "key":      "the id of a signing key",
    "quota":    "what a user may store from now on, in words",
}
# fmt: on
_refusals = Refusals()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from; the empty one is a command's."""

    address: str = ""
    user_agent: str = ""
    request_id: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "Origin":
        """Return the origin of a request, its words cut to what is kept."""
        address = client_ip(request)
        return cls(
            address="" if address == UNKNOWN else address,
            user_agent=request.META.get("HTTP_USER_AGENT", "")[:LONGEST_USER_AGENT],
            request_id=getattr(request, "request_id", ""),
        )


NO_REQUEST = Origin()


def record(
    kind: SecurityEvent.Kind,
    *,
    now: datetime,
    origin: Origin = NO_REQUEST,
    user_id: uuid.UUID | None = None,
    actor_id: uuid.UUID | None = None,
    session_id: uuid.UUID | None = None,
    email: str = "",
    facts: Mapping[str, str | int] | None = None,
) -> None:
    """Store an event. An e-mail is kept as its digest. A database that fails is logged; the caller goes on.

    Raises:
        ValueError: a fact that FACTS does not allow.
    """
    facts = facts or {}
    if not facts.keys() <= FACTS.keys():
        raise ValueError(f"Events may not say {sorted(facts.keys() - FACTS.keys())}; see FACTS.")
    event = SecurityEvent(
        kind=kind,
        user_id=user_id,
        actor_id=actor_id,
        session_id=session_id,
        email_digest=email_digest(email) if email else "",
        address=origin.address,
        user_agent=origin.user_agent,
        request_id=origin.request_id,
        facts={name: fact[:_LONGEST_FACT] if isinstance(fact, str) else fact for name, fact in facts.items()},
        at=now,
        expires_at=now + settings.SECURITY_EVENT_LIFETIME,
    )
    _store([event])


def record_try(
    kind: SecurityEvent.Kind,
    *,
    email: str,
    user_id: uuid.UUID | None = None,
    reason: str = "",
    origin: Origin,
    now: datetime,
) -> None:
    """Store what anyone can try without end: a refused sign-in, a link asked for. At most so many a minute have a row.

    The work is the same whether the e-mail has an account or not. A flood costs this process a bounded number of
    rows, however many addresses and accounts it comes from and names.
    """
    digest = email_digest(email)
    admitted, tallies = _refusals.note(kind, digest, user_id, now)
    if tallies:
        _store(_summary(tally, now) for tally in tallies)
    if admitted:
        record(kind, now=now, origin=origin, user_id=user_id, email=email, facts={"reason": reason} if reason else {})


def email_digest(email: str) -> str:
    """Return the hash under which an e-mail is found: keyed, so that the table is no address book to guess at."""
    key = f"accounts.security_event.email{settings.SECRET_KEY}".encode()
    return hmac.new(key, normalized_email(email).encode(errors="replace"), hashlib.sha256).hexdigest()[:32]


def _summary(tally: Tally, now: datetime) -> SecurityEvent:
    return SecurityEvent(
        kind=tally.kind,
        user_id=tally.user_id,
        email_digest=tally.digest,
        facts={"times": tally.times},
        at=now,
        expires_at=now + settings.SECURITY_EVENT_LIFETIME,
    )


def _store(rows: Iterable[SecurityEvent]) -> None:
    rows = list(rows)
    try:
        if len(rows) == 1:
            rows[0].save(force_insert=True)
        else:
            SecurityEvent.objects.bulk_create(rows)
    except Error as error:
        _log.error("security event lost", kinds=[row.kind for row in rows], error=type(error).__name__)


def expired(now: datetime) -> QuerySet[SecurityEvent]:
    """Return the events whose time is over."""
    return SecurityEvent.objects.filter(expires_at__lte=now)


def prune(*, now: datetime) -> Iterator[int]:
    """Remove the events whose time is over, a batch at a time, and yield how many each removed."""
    # Whole rows: for a lone key MongoDB would sort every one that is expired, for each batch.
    while keys := [event.pk for event in expired(now).order_by("expires_at")[:PRUNED_AT_ONCE]]:
        yield SecurityEvent.objects.filter(pk__in=keys).delete()[0]
