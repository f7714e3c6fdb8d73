"""Uploaded files: the rows, and what each owner has stored. The bytes are in the storage, under ``key``."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from nocturnal_project.clock import now
from nocturnal_project.identifiers import uuid7


class Upload(models.Model):
    """One file of one owner. ``ready`` means: the bytes are stored and were verified.

    ``quarantined`` means the same, and that staff hold them back: its ``key`` is then below ``quarantine/``.
    """

    class Status(models.TextChoices):
        """Where the file is on its way."""

        PENDING = "pending", "Pending"
        READY = "ready", "Ready"
        REJECTED = "rejected", "Rejected"
        QUARANTINED = "quarantined", "Quarantined"

    # Whose bytes are verified and stored under their key.
    STORED: ClassVar[tuple[str, ...]] = (Status.READY, Status.QUARANTINED)

    # The column is _id so that MongoDB keys the document by it. UUIDv7: newest first is by this alone.
    id = models.UUIDField(primary_key=True, db_column="_id", default=uuid7, editable=False)
    # No index of its own: those below begin with it.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads", db_index=False
    )
    category = models.CharField(max_length=40)
    filename = models.CharField(max_length=255)
    content_type = models.CharField("type", max_length=100)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField("SHA-256", max_length=64)
    key = models.CharField(max_length=200, unique=True, editable=False)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING)
    # What makes a repeated POST find the first one's row: the owner's Idempotency-Key, hashed, or else this row's id.
    request_key = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField("uploaded", default=now, editable=False)
    # Of a file that its owner sends straight to the storage: where it waits, by which name the storage knows its parts,
    # and until when one request has it in hand. All empty for one that came through an instance.
    staging_key = models.CharField(max_length=200, blank=True, default="", editable=False)
    multipart_id = models.CharField(max_length=300, blank=True, default="", editable=False)
    claimed_until = models.DateTimeField(null=True, blank=True, editable=False)
    # Of an image: whether its small picture is stored, or why there is none and never will be.
    has_thumbnail = models.BooleanField(default=False, editable=False)
    no_thumbnail = models.CharField(max_length=20, blank=True, default="", editable=False)

    class Meta:
        """A page of somebody's newest files, of a category or status or not, is one walk along an index.

        Status stands last in the category's, where it filters without a row being read and saves a fourth.
        Those after it are staff's. Each costs an upload one more write, so what is not here is not offered.
        """

        ordering = ("-id",)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner", "-id"], name="upload_owner_newest"),
            models.Index(fields=["owner", "status", "-id"], name="upload_owner_status"),
            models.Index(fields=["owner", "category", "-id", "status"], name="upload_owner_category"),
            models.Index(fields=["status", "-id"], name="upload_status_newest"),
            models.Index(fields=["content_type", "-id"], name="upload_type_newest"),
            models.Index(fields=["filename"], name="upload_filename"),
            models.Index(fields=["sha256"], name="upload_sha256"),
        ]

    def __str__(self) -> str:
        """Return the name its owner gave it."""
        return self.filename


class CategoryUsage(models.Model):
    """What all files of one category need together, for staff's chart; as exact as ``StorageUsage``."""

    category = models.CharField(max_length=40, primary_key=True, db_column="_id", editable=False)
    used_bytes = models.BigIntegerField("used", default=0, editable=False)
    files = models.BigIntegerField(default=0, editable=False)
    changed_at = models.DateTimeField("changed", default=now, editable=False)

    class Meta:
        """The largest first: owners name categories as they like, and nobody reads them all."""

        ordering = ("-used_bytes",)
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["-used_bytes"], name="category_usage_largest")]

    def __str__(self) -> str:
        """Return the category."""
        return self.category


class StorageUsage(models.Model):
    """What one user has stored: the counter that holds all instances to one quota.

    It may say too much for a while, after a crash between it and a row, and never too little.
    """

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="storage_usage",
        primary_key=True,
        db_column="_id",
        editable=False,
    )
    used_bytes = models.BigIntegerField("used", default=0, editable=False)
    # Null: UPLOAD_QUOTA_BYTES.
    quota_bytes = models.PositiveBigIntegerField(
        "quota", null=True, blank=True, help_text="In bytes; 0 is without a limit, empty is everybody's quota."
    )
    changed_at = models.DateTimeField("changed", default=now, editable=False)

    class Meta:
        """Staff read the largest first, and of equal ones the newest, so that pages are the same each time."""

        verbose_name_plural = "storage usage"
        ordering = ("-used_bytes", "-pk")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-used_bytes", "-owner"], name="storage_usage_by_size")
        ]

    def __str__(self) -> str:
        """Return what it is."""
        return "storage usage"
