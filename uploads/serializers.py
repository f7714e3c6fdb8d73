"""The shapes of upload requests and answers."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from nocturnal_project.api import PageRequest, StrictSerializer
from uploads.content_types import EXTENSIONS
from uploads.keys import RESERVED
from uploads.models import Upload

CATEGORY = r"^[a-z0-9][a-z0-9_-]{0,39}$"
_CATEGORY_HELP = "Lower-case letters, digits, - and _; at most 40."


class CategoryField(serializers.RegexField):
    """A category for a new file; the names that the storage needs for itself are taken."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(CATEGORY, required=False, help_text=_CATEGORY_HELP, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """Return the category.

        Raises:
            ValidationError: it is no name, or a reserved one.
        """
        if data in RESERVED:
            raise serializers.ValidationError(f"{data} is reserved; take another name.", code="reserved")
        return super().to_internal_value(data)


class UploadRequest(StrictSerializer):
    """A file to keep."""

    file = serializers.FileField(allow_empty_file=False, help_text="The bytes, with a name and a type.")
    category = CategoryField(default="general")
    strip_location = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Take out where a picture was taken before it is stored; JPEG, PNG and WebP. Not of direct uploads.",
    )


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


class PresignRequest(StrictSerializer):
    """A file that is to be sent straight to the storage: exactly so many bytes, with this hash."""

    filename = serializers.CharField(max_length=1000, help_text="With its extension.")
    content_type = serializers.ChoiceField(sorted(EXTENSIONS), help_text="What the bytes are.")
    size_bytes = serializers.IntegerField(min_value=1, max_value=settings.MAX_DIRECT_UPLOAD_BYTES)
    sha256 = serializers.RegexField("^[0-9a-f]{64}$", help_text="Of all bytes, in lower-case hexadecimal.")
    category = CategoryField(default="general")


class CompleteRequest(StrictSerializer):
    """Nothing: what was sent is looked for where it must be."""


class PartAnswer(serializers.Serializer[Any]):
    """One part. PUT its bytes to ``url`` as they are; it is null once the part is there."""

    number = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    stored = serializers.BooleanField()
    url = serializers.URLField(allow_null=True)


class PresignAnswer(serializers.Serializer[Any]):
    """How to send the file until ``expires_at``: by one form, or in parts."""

    upload = UploadAnswer()
    expires_at = serializers.DateTimeField()
    method = serializers.ChoiceField(("POST", "PUT"), help_text="POST the one form, or PUT each part.")
    url = serializers.URLField(allow_null=True, help_text="Of the form; null where there are parts.")
    parts = PartAnswer(many=True, help_text="Empty where there is a form.")

    def get_fields(self) -> dict[str, Any]:
        """Add the form's fields, under the name that S3's clients know, which here is no name for an attribute."""
        help_text = "Of the form, to be sent before a field `file` with the bytes."
        fields = serializers.DictField(
            child=serializers.CharField(), allow_null=True, source="form_fields", help_text=help_text
        )
        return {**super().get_fields(), "fields": fields}
