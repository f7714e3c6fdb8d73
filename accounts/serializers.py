"""The shapes of account requests and answers."""

from typing import Any

from rest_framework import serializers

from accounts.devices import device_name
from accounts.models import Session, User
from nocturnal_project.api import StrictSerializer

LONGEST_PASSWORD = 1024
_LONGEST_LINK_TOKEN = 512


class _PasswordField(serializers.CharField):
    """A password as it was typed, bounded because hashing costs."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=LONGEST_PASSWORD, trim_whitespace=False, write_only=True, **kwargs)


class _EmailRequest(StrictSerializer):
    email = serializers.EmailField(max_length=254, help_text="The account's e-mail; case does not matter.")


class _KnownDeviceRequest(StrictSerializer):
    device_token = serializers.CharField(
        max_length=4096,
        required=False,
        default="",
        allow_blank=True,
        help_text="From an earlier token answer: a device known to the account has a limit of its own.",
    )


class _Credentials(_EmailRequest):
    password = _PasswordField(help_text="At least 12 characters; several words are best.")


class RegisterRequest(_Credentials):
    """A new account."""

    name = serializers.CharField(max_length=150, required=False, default="", allow_blank=True)


class LoginRequest(_Credentials, _KnownDeviceRequest):
    """A sign-in."""


class PasswordChangeRequest(StrictSerializer):
    """A new password from who knows the present one."""

    current_password = _PasswordField()
    new_password = _PasswordField(help_text="At least 12 characters; several words are best.")


class PasswordResetRequest(_EmailRequest, _KnownDeviceRequest):
    """Whose password is forgotten."""


class PasswordResetConfirmRequest(StrictSerializer):
    """A new password from who has the link."""

    token = serializers.CharField(max_length=_LONGEST_LINK_TOKEN, help_text="From the link in the mail.")
    new_password = _PasswordField(help_text="At least 12 characters; several words are best.")


class EmailVerifyRequest(_KnownDeviceRequest):
    """The token of a verification link, or the e-mail that a new link is to be sent to."""

    token = serializers.CharField(
        max_length=_LONGEST_LINK_TOKEN, required=False, help_text="From the link in the mail."
    )
    email = serializers.EmailField(max_length=254, required=False, help_text="Instead of a token: ask for a mail.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Demand one of the two."""
        if ("token" in attrs) == ("email" in attrs):
            raise serializers.ValidationError("Send either a token or an e-mail.", code="one_of_two")
        return attrs


class RefreshRequest(StrictSerializer):
    """The refresh token of a session."""

    refresh_token = serializers.CharField(max_length=4096)


class ProfileRequest(StrictSerializer):
    """What a user may change of their profile."""

    name = serializers.CharField(max_length=150, required=False, allow_blank=True)


class UserAnswer(serializers.ModelSerializer[User]):
    """A user as they see themselves."""

    email_verified = serializers.BooleanField(read_only=True)

    class Meta:
        """Named fields only: a new column is private until it is listed here."""

        model = User
        fields = ("id", "email", "email_verified", "name", "created_at")
        read_only_fields = fields


class TokenAnswer(serializers.Serializer[Any]):
    """What signing in gives. Keep the refresh token and the device token secret; both survive restarts."""

    access_token = serializers.CharField(help_text="Send it as Authorization: Bearer …")
    token_type = serializers.CharField(default="Bearer")
    expires_in = serializers.IntegerField(help_text="Seconds until the access token expires.")
    expires_at = serializers.DateTimeField()
    refresh_token = serializers.CharField(help_text="Good for one refresh, within 30 days.")
    device_token = serializers.CharField(help_text="Send it at the next sign-in from this device.")
    user = UserAnswer()


class MailAnswer(serializers.Serializer[Any]):
    """The same whether the e-mail has an account or not."""

    detail = serializers.CharField()


class SessionAnswer(serializers.ModelSerializer[Session]):
    """A device where the user is signed in."""

    device = serializers.SerializerMethodField(help_text="What the browser says it is, in short.")
    last_used_at = serializers.DateTimeField(source="rotated_at", help_text="The sign-in or the latest refresh.")
    expires_at = serializers.DateTimeField(help_text="When it ends unless it is used.")
    current = serializers.SerializerMethodField(help_text="Whether it is the one that asks.")

    class Meta:
        """Named fields only: no counter, no device's id."""

        model = Session
        fields = ("id", "device", "user_agent", "created_at", "last_used_at", "expires_at", "current")
        read_only_fields = fields

    def get_device(self, session: Session) -> str:
        """Return a short name."""
        return device_name(session.user_agent)

    def get_current(self, session: Session) -> bool:
        """Compare with the session of the access token."""
        return bool(session.pk == self.context["session_id"])
