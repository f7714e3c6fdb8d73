"""Security events: what happened to an account, for its owner and for staff."""

from typing import ClassVar

from django.db import models

from nocturnal_project.clock import now
from nocturnal_project.identifiers import uuid7
from nocturnal_project.indexes import ExpiryIndex

LONGEST_USER_AGENT = 200


class SecurityEvent(models.Model):
    """One thing that happened. It names accounts by id, outlives them, and never holds a token, password or e-mail.

    The address is kept whole: owners recognise their own by it, and staff need it against abuse. It goes with the
    event, after SECURITY_EVENT_DAYS.
    """

    class Kind(models.TextChoices):
        """What happened, in words that the account's owner understands."""

        REGISTERED = "registered", "Account registered"
        SIGNED_IN = "signed_in", "Signed in"
        SIGN_IN_REFUSED = "sign_in_refused", "Sign-in refused"
        SESSION_ENDED = "session_ended", "Session ended"
        REFRESH_TOKEN_REUSED = "refresh_token_reused", "A spent refresh token came back; its session was ended"
        PASSWORD_CHANGED = "password_changed", "Password changed"
        PASSWORD_RESET_REQUESTED = "password_reset_requested", "Password reset requested"
        PASSWORD_RESET_REQUIRED = "password_reset_required", "Password reset required by staff"
        PASSWORD_RESET = "password_reset", "Password reset"
        EMAIL_VERIFIED = "email_verified", "E-mail verified"
        ACCOUNT_DEACTIVATED = "account_deactivated", "Account deactivated"
        ACCOUNT_REACTIVATED = "account_reactivated", "Account reactivated"
        ACCOUNT_CLOSED = "account_closed", "Account closed"
        SIGNING_KEY_ROTATED = "signing_key_rotated", "Signing key rotated"
        STAFF_SIGNED_IN = "staff_signed_in", "Signed in to the admin"
        STAFF_SIGNED_OUT = "staff_signed_out", "Signed out of the admin"
        STAFF_SIGN_IN_REFUSED = "staff_sign_in_refused", "Sign-in to the admin refused"
        STAFF_ADDED_USER = "staff_added_user", "Account made by staff"
        STAFF_CHANGED_USER = "staff_changed_user", "Account changed by staff"
        STAFF_CHANGED_GROUP = "staff_changed_group", "Group of staff changed"
        STAFF_DELETED_UPLOAD = "staff_deleted_upload", "File deleted by staff"
        STAFF_QUARANTINED_UPLOAD = "staff_quarantined_upload", "File held back by staff"
        STAFF_RELEASED_UPLOAD = "staff_released_upload", "File released by staff"
        STAFF_CHANGED_QUOTA = "staff_changed_quota", "Quota of storage changed by staff"

    id = models.UUIDField(primary_key=True, db_column="_id", default=uuid7, editable=False)
    kind = models.CharField(max_length=32, choices=Kind.choices, editable=False)
    # No foreign keys: an event stays when its account, session or staff member goes.
    user_id = models.UUIDField("account's id", null=True, editable=False)
    actor_id = models.UUIDField("staff member's id", null=True, editable=False)
    session_id = models.UUIDField("session's id", null=True, editable=False)
    # A keyed hash of the e-mail that a refused sign-in named: found by who types the e-mail, read by nobody.
    email_digest = models.CharField(max_length=32, blank=True, editable=False)
    address = models.CharField(max_length=45, blank=True, editable=False)
    user_agent = models.CharField(max_length=LONGEST_USER_AGENT, blank=True, editable=False)
    request_id = models.CharField("request's id", max_length=128, blank=True, editable=False)
    # Only what events.FACTS allows.
    facts = models.JSONField(default=dict, blank=True, editable=False)
    at = models.DateTimeField("time", default=now, editable=False)
    expires_at = models.DateTimeField(editable=False)

    class Meta:
        """Newest first. An account's own list is one walk along an index, and so is each search of staff."""

        ordering = ("-id",)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user_id", "-id"], name="event_user_newest"),
            models.Index(fields=["kind", "-id"], name="event_kind_newest"),
            models.Index(fields=["email_digest", "-id"], name="event_email_newest"),
            models.Index(fields=["address", "-id"], name="event_address_newest"),
            models.Index(fields=["session_id", "-id"], name="event_session_newest"),
            ExpiryIndex(fields=["expires_at"], name="event_expiry", expire_after_seconds=0),
        ]

    def __str__(self) -> str:
        """Return what happened and when."""
        return f"{self.get_kind_display()}, {self.at:%Y-%m-%d %H:%M}"

    @property
    def description(self) -> str:
        """Return what happened with what is known of it, for people."""
        return ": ".join(filter(None, (self.get_kind_display(), self.details)))

    @property
    def details(self) -> str:
        """Return the facts that are worth a word; their names are those of ``events.FACTS``."""
        facts = self.facts
        details = [str(facts["reason"]).replace("_", " ")] if "reason" in facts else []
        if facts.get("sessions", 1) > 1:
            details.append(f"{facts['sessions']} sessions")
        if "times" in facts:
            details.append(f"{facts['times']} more times")
        details += [str(facts[name]) for name in ("fields", "group", "upload", "key", "quota") if name in facts]
        return ", ".join(details)
