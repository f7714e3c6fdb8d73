"""What staff do to accounts. Each names who did it, and is recorded."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts import outbox, services, sessions
from accounts.events import NO_REQUEST, Kind, Origin, record
from accounts.models import OutboxMail, Session, User


def deactivate(*, user: User, actor: User | None = None, origin: Origin = NO_REQUEST, now: datetime) -> bool:
    """Let nobody into the account any more and end its sessions; False if it was deactivated already."""
    changed = User.objects.filter(pk=user.pk, is_active=True).update(is_active=False)
    if changed:
        record(Kind.ACCOUNT_DEACTIVATED, user_id=user.pk, actor_id=_id_of(actor), origin=origin, now=now)
    end_sessions_of(user=user, actor=actor, origin=origin, now=now)
    return bool(changed)


def reactivate(*, user: User, actor: User | None = None, origin: Origin = NO_REQUEST, now: datetime) -> bool:
    """Let the owner in again; False if the account was active."""
    changed = User.objects.filter(pk=user.pk, is_active=False).update(is_active=True)
    if changed:
        record(Kind.ACCOUNT_REACTIVATED, user_id=user.pk, actor_id=_id_of(actor), origin=origin, now=now)
    return bool(changed)


def require_password_reset(
    *, user: User, actor: User | None = None, origin: Origin = NO_REQUEST, now: datetime
) -> bool:
    """Take the password's power away until it was reset, end the sessions, and have a link for that mailed.

    False if it was demanded already.

    The flag goes up before the sessions end, and a sign-in looks at it after its session is stored: whichever
    comes first, no session made with the old password is left.
    """
    changed = User.objects.filter(pk=user.pk, password_reset_required=False).update(password_reset_required=True)
    if changed:
        outbox.post_mail(kind=OutboxMail.Kind.RESET, email=user.email, now=now)
        record(Kind.PASSWORD_RESET_REQUIRED, user_id=user.pk, actor_id=_id_of(actor), origin=origin, now=now)
    end_sessions_of(user=user, actor=actor, origin=origin, now=now)
    return bool(changed)


def end_sessions_of(*, user: User, actor: User | None = None, origin: Origin = NO_REQUEST, now: datetime) -> int:
    """Sign a user out everywhere and return how many sessions that ended."""
    reason = Session.EndReason.BY_STAFF
    return sessions.end_sessions_of(user_id=user.pk, reason=reason, actor_id=_id_of(actor), origin=origin, now=now)


def change_account(
    *, user: User, changes: Mapping[str, Any], actor: User, origin: Origin = NO_REQUEST, now: datetime
) -> None:
    """Write the changed fields of an account, and only these: its password may be changing meanwhile."""
    fields = {name: value for name, value in changes.items() if name != "groups"}  # which are no column
    if "email" in fields:
        fields["email_verified_at"] = None  # nobody has shown yet that they read the new one
    services.update_profile(user=user, changes=fields)
    if changes:
        facts = {"fields": ", ".join(sorted(changes))}
        record(Kind.STAFF_CHANGED_USER, user_id=user.pk, actor_id=actor.pk, origin=origin, now=now, facts=facts)


def _id_of(actor: User | None) -> uuid.UUID | None:
    return actor.pk if actor else None
