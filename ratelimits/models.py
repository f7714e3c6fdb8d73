"""What is kept of the limits beyond their windows: what happened to whom, and the numbers that staff chose."""

from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models

from nocturnal_project.clock import now
from nocturnal_project.identifiers import uuid7


class LimitEvent(models.Model):
    """A step up the ladder, or what staff did about one. Rows are written once and never changed."""

    class Kind(models.TextChoices):
        """What happened."""

        STRICT = "strict", "Held to the strict limit"
        BLOCKED = "blocked", "Blocked"
        WIDENED = "widened", "Network counted as one"
        HELD_STRICTLY = "held_strictly", "Held strictly by staff"
        HELD_BLOCKED = "held_blocked", "Blocked by staff"
        LIFTED = "lifted", "Let go by staff"
        RESET = "reset", "Counts forgotten by staff"
        CHANGED = "changed", "Limits changed by staff"

    id = models.UUIDField(primary_key=True, db_column="_id", default=uuid7, editable=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    policy = models.CharField(max_length=20, blank=True)
    # As the limiter names it: ip:203.0.113.7, or user: and an id.
    subject = models.CharField(max_length=100, blank=True)
    seconds = models.PositiveIntegerField(default=0)
    times = models.PositiveIntegerField(default=0)
    # Who of the staff did it, by e-mail at the time; empty: nobody, or the command line.
    actor = models.CharField(max_length=254, blank=True)
    facts = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        """Newest first; staff search by subject and filter by kind."""

        ordering = ("-id",)
        verbose_name = "limit event"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["subject", "-id"], name="limit_event_subject_newest"),
            models.Index(fields=["kind", "-id"], name="limit_event_kind_newest"),
        ]

    def __str__(self) -> str:
        """Return what staff see in a list."""
        return f"{self.get_kind_display()}: {self.subject or self.policy}"


def _number(what: str) -> "models.PositiveIntegerField[int | None, int | None]":
    return models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text=f"{what} Empty: as the variables say."
    )


class LimitOverride(models.Model):
    """The numbers of a policy that staff have changed; what is empty is as the variables say."""

    policy = models.CharField(primary_key=True, db_column="_id", max_length=20, editable=False)
    window = _number("Seconds.")
    normal = _number("Requests in a window.")
    strict = _number("Requests in a window, for who is held strictly.")
    strict_after = _number("Refusals within an hour that lead to the strict limit.")
    block_after = _number("Refusals within an hour that lead to a block.")
    shadow = models.BooleanField(
        null=True, blank=True, help_text="Count and report, but refuse nobody. Unknown: as the variables say."
    )
    updated_at = models.DateTimeField(default=now, editable=False)
    updated_by = models.CharField(max_length=254, blank=True, editable=False)

    class Meta:
        """There are only as many as policies."""

        ordering = ("policy",)
        verbose_name = "limit"

    def __str__(self) -> str:
        """Return the policy's name."""
        return self.policy
