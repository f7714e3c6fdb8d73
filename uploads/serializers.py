"""The shapes of upload requests and answers."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from nocturnal_project.api import PageRequest, StrictSerializer
from uploads.models import Upload

CATEGORY = r"^[a-z0-9][a-z0-9_-]{0,39}$"
_CATEGORY_HELP = "Lower-case letters, digits, - and _; at most 40."


class UploadRequest(StrictSerializer):
    """A file to keep."""

    file = serializers.FileField(allow_empty_file=False, help_text="The bytes, with a name and a type.")
    category = serializers.RegexField(CATEGORY, required=False, default="general", help_text=_CATEGORY_HELP)


class ListRequest(PageRequest):
    """How to narrow the list."""

    category = serializers.RegexField(CATEGORY, required=False, help_text=_CATEGORY_HELP)
    status = serializers.ChoiceField(Upload.Status.choices, required=False)
    created_after = serializers.DateTimeField(required=False, help_text="ISO 8601; later than this.")


class SignedUrlRequest(serializers.Serializer[Any]):
    """How long the URL shall be good."""

    expires_in = serializers.IntegerField(
        min_value=1, max_value=settings.SIGNED_URL_SECONDS, default=settings.SIGNED_URL_SECONDS, help_text="Seconds."
    )


class UploadAnswer(serializers.ModelSerializer[Upload]):
    """An upload as its owner sees it."""

    class Meta:
        """Named fields only: a new column is private until it is listed here."""

        model = Upload
        fields = ("id", "category", "filename", "content_type", "size_bytes", "sha256", "status", "created_at")
        read_only_fields = fields


class SignedUrlAnswer(serializers.Serializer[Any]):
    """A URL that needs no token. Whoever has it can download the file until it ends."""

    url = serializers.URLField()
    expires_at = serializers.DateTimeField()


class UsageAnswer(serializers.Serializer[Any]):
    """What all files together need, those on their way included."""

    used_bytes = serializers.IntegerField()
    quota_bytes = serializers.IntegerField(allow_null=True, help_text="null is without a limit.")
