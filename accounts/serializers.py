"""The shapes of account requests and answers."""

from typing import Any

from rest_framework import serializers

from accounts.models import SecurityEvent, User
from nocturnal_project.api import StrictSerializer

_LONGEST_PASSWORD = 1024


class _Credentials(StrictSerializer):
    email = serializers.EmailField(max_length=254, help_text="The account's e-mail; case does not matter.")
    password = serializers.CharField(
        max_length=_LONGEST_PASSWORD, trim_whitespace=False, write_only=True, help_text="At least 12 characters."
    )


class RegisterRequest(_Credentials):
    """A new account."""

    name = serializers.CharField(max_length=150, required=False, default="", allow_blank=True)


class LoginRequest(_Credentials):
    """A sign-in."""

    device_token = serializers.CharField(
        max_length=4096,
        required=False,
        default="",
        allow_blank=True,
        help_text="From an earlier token answer: a device known to the account has a limit of its own.",
    )


class RefreshRequest(StrictSerializer):
    """The refresh token of a session."""

    refresh_token = serializers.CharField(max_length=4096)


class ProfileRequest(StrictSerializer):
    """What a user may change of their profile."""

    name = serializers.CharField(max_length=150, required=False, allow_blank=True)


class UserAnswer(serializers.ModelSerializer[User]):
    """A user as they see themselves."""

    class Meta:
        """Named fields only: a new column is private until it is listed here."""

        model = User
        fields = ("id", "email", "name", "created_at")
        read_only_fields = fields


class SecurityEventAnswer(serializers.ModelSerializer[SecurityEvent]):
    """Something that happened to the caller's account. What staff did comes without their address."""

    address = serializers.SerializerMethodField(help_text="Where it came from; empty for what staff or we did.")
    user_agent = serializers.SerializerMethodField(help_text="What the client called itself; empty as above.")
    current = serializers.SerializerMethodField(help_text="Whether it is about the session that asks.")

    class Meta:
        """Named fields only: a new column is private until it is listed here."""

        model = SecurityEvent
        fields = ("id", "kind", "description", "at", "address", "user_agent", "session_id", "current")
        read_only_fields = fields

    def get_address(self, event: SecurityEvent) -> str:
        """Return the address of the owner, or of who tried to be."""
        return "" if _is_by_staff(event) else event.address

    def get_user_agent(self, event: SecurityEvent) -> str:
        """Return the client's name for itself, likewise."""
        return "" if _is_by_staff(event) else event.user_agent

    def get_current(self, event: SecurityEvent) -> bool:
        """Tell whether the session is the one that asks."""
        return event.session_id is not None and event.session_id == self.context.get("session_id")


def _is_by_staff(event: SecurityEvent) -> bool:
    return event.actor_id is not None and event.actor_id != event.user_id


class TokenAnswer(serializers.Serializer[Any]):
    """What signing in gives. Keep the refresh token and the device token secret; both survive restarts."""

    access_token = serializers.CharField(help_text="Send it as Authorization: Bearer …")
    token_type = serializers.CharField(default="Bearer")
    expires_in = serializers.IntegerField(help_text="Seconds until the access token expires.")
    expires_at = serializers.DateTimeField()
    refresh_token = serializers.CharField(help_text="Good for one refresh, within 30 days.")
    device_token = serializers.CharField(help_text="Send it at the next sign-in from this device.")
    user = UserAnswer()
