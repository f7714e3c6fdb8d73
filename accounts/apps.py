"""The app ``accounts``."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Notes when staff sign in to the admin."""

    name = "accounts"

    def ready(self) -> None:
        """Listen for sign-ins."""
        from django.contrib.auth.signals import user_logged_in

        from accounts.staff_authentication import note_sign_in

        user_logged_in.connect(note_sign_in, dispatch_uid="accounts.note_sign_in")
