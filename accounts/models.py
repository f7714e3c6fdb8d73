"""Users, sessions, and the mails that are still to be sent."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models

from nocturnal_project.clock import now
from nocturnal_project.identifiers import uuid7
from nocturnal_project.indexes import ExpiryIndex

# How long the row of a session outlives it. No refresh token of it is good any more, so nothing is lost with it.
KEEP_EXPIRED_SESSIONS = timedelta(days=7)


def normalized_email(email: str) -> str:
    """Return the one spelling under which an address is kept and looked up.

    The local part is lowered too: RFC 5321 lets it be case-sensitive, no provider of note does so,
    and two accounts that differ in case are a trap for their owners.
    """
    return email.strip().lower()


class UserManager(BaseUserManager["User"]):
    """Makes users; Django's commands call it by these names."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a user; without a password, one who cannot sign in by password."""
        user = self.model(email=normalized_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db, force_insert=True)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a user who may do everything in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this e-mail, however it is spelt."""
        return self.get(email=normalized_email(username or ""))


class User(AbstractBaseUser, PermissionsMixin):
    """A person with an account. They sign in with their e-mail."""

    # The column is _id so that MongoDB keys the document by it.
    id = models.UUIDField(primary_key=True, db_column="_id", default=uuid7, editable=False)
    email = models.EmailField("e-mail", unique=True, error_messages={"unique": "This e-mail has an account already."})
    name = models.CharField(max_length=150, blank=True)
    is_staff = models.BooleanField("staff", default=False, help_text="May sign in to this admin.")
    is_active = models.BooleanField("active", default=True, help_text="Untick instead of deleting an account.")
    created_at = models.DateTimeField(default=now, editable=False)
    # The Idempotency-Key that registered the account, hashed: a repeated registration is answered, not refused.
    registration_key = models.CharField(max_length=64, blank=True, default="", editable=False)
    email_verified_at = models.DateTimeField("e-mail verified", null=True, blank=True, editable=False)
    # Each mail that anyone can ask for moves its time on; accounts/letters.py says how far ahead it may lie.
    reset_mails_until = models.DateTimeField(null=True, blank=True, editable=False)
    verification_mails_until = models.DateTimeField(null=True, blank=True, editable=False)

    # Grows with every change of what a snapshot keeps, so that an older one cannot take a newer one's place.
    version = models.PositiveIntegerField(default=0, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        """Newest first, by primary key: UUIDv7 sorts by time. The indexes are staff's: two filters and a search."""

        ordering = ("-id",)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["is_active", "-id"], name="user_active_newest"),
            models.Index(fields=["is_staff", "-id"], name="user_staff_newest"),
            models.Index(fields=["name"], name="user_name"),
        ]

    def __str__(self) -> str:
        """Return the e-mail."""
        return self.email

    @property
    def email_verified(self) -> bool:
        """Whether someone who reads the mailbox has said so."""
        return self.email_verified_at is not None


class Session(models.Model):
    """One device signed in. Its refresh token is a signed (id, counter), so no token is stored."""

    class EndReason(models.TextChoices):
        """Why a session is over."""

        SIGNED_OUT = "signed_out", "Signed out"
        REUSE = "reuse", "A spent refresh token came back"
        PASSWORD_CHANGED = "password_changed", "Password changed"
        BY_STAFF = "by_staff", "Ended by staff"

    id = models.UUIDField(primary_key=True, db_column="_id", default=uuid7, editable=False)
    # No index of its own: two of those below begin with it.
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions", db_index=False)
    device_id = models.UUIDField(editable=False)
    user_agent = models.CharField(max_length=200, blank=True)
    counter = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    rotated_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField(editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    end_reason = models.CharField(max_length=20, blank=True, choices=EndReason.choices, editable=False)

    class Meta:
        """Newest first; a user's sessions are found by index, one device's or all, and staff filter by the reason."""

        ordering = ("-id",)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "device_id"], name="session_user_device"),
            models.Index(fields=["user", "-id"], name="session_user_newest"),
            models.Index(fields=["user", "ended_at", "-id"], name="session_user_live"),
            models.Index(fields=["end_reason", "-id"], name="session_reason_newest"),
            ExpiryIndex(
                fields=["expires_at"],
                name="session_expiry",
                expire_after_seconds=int(KEEP_EXPIRED_SESSIONS.total_seconds()),
            ),
        ]

    def __str__(self) -> str:
        """Return what staff see in a list."""
        return f"{self.user_agent or 'unknown device'} since {self.created_at:%Y-%m-%d}"


class StaleSnapshot(models.Model):
    """A session whose snapshot in Redis must not be used: noted while Redis was away, and gone soon after."""

    id = models.UUIDField(primary_key=True, db_column="_id", default=uuid7, editable=False)
    session_id = models.UUIDField(editable=False)

    class Meta:
        """Read whole, oldest first; almost always empty."""

        ordering = ("id",)

    def __str__(self) -> str:
        """Return the session's id."""
        return str(self.session_id)


class SigningKey(models.Model):
    """A key that access tokens are signed with. Rows are only added: the next generation succeeds all before it.

    Before the first row, the keys that are derived from JWT_SECRET serve (``accounts.ring``).
    """

    id = models.UUIDField(primary_key=True, db_column="_id", default=uuid7, editable=False)
    # Unique, so that of two rotations at the same moment one wins.
    generation = models.PositiveIntegerField(unique=True, editable=False)
    kid = models.CharField("key id", max_length=32, unique=True, editable=False)
    algorithm = models.CharField(max_length=8, editable=False)
    # The seed, encrypted under JWT_SECRET and bound to the facts.
    sealed = models.CharField(max_length=120, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    signs_from = models.DateTimeField(editable=False)
    # A leaked key: everything before this one is refused as soon as this row is seen.
    revokes_older = models.BooleanField(default=False, editable=False)

    class Meta:
        """Newest first."""

        ordering = ("-id",)

    def __str__(self) -> str:
        """Return its name."""
        return self.kid

    @property
    def facts(self) -> str:
        """What the seal binds: none of it can be altered in the database. Times in whole seconds."""
        when = int(self.signs_from.timestamp())
        return f"{self.kid} {self.algorithm} {self.generation} {when} {self.revokes_older}"


class OutboxMail(models.Model):
    """One mail that is still to be sent. It holds no link: that is made when the mail is sent, and never stored."""

    class Kind(models.TextChoices):
        """What the mail says."""

        VERIFICATION = "verification", "Verify your e-mail"
        RESET = "reset", "Reset your password"
        PASSWORD_CHANGED = "password_changed", "Your password was changed"

    id = models.UUIDField(primary_key=True, db_column="_id", default=uuid7, editable=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    # As it was typed by whoever asked; it may have no account.
    email = models.EmailField()
    created_at = models.DateTimeField(default=now, editable=False)
    # When to try next. Whoever moves it on from what they read has the mail to themselves until then.
    due_at = models.DateTimeField(default=now)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        """What is due is found by index, the longest waiting first."""

        verbose_name = "mail to be sent"
        verbose_name_plural = "mails to be sent"
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["due_at"], name="outboxmail_due")]

    def __str__(self) -> str:
        """Return what it says, not to whom."""
        return self.get_kind_display()
