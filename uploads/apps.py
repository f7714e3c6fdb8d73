"""The app ``uploads``."""

import uuid
from typing import Any

from django.apps import AppConfig


class UploadsConfig(AppConfig):
    """Removes an account's files with the account."""

    name = "uploads"

    def ready(self) -> None:
        """Listen for accounts that close."""
        from accounts.signals import account_closing

        account_closing.connect(_remove_files, dispatch_uid="uploads.remove_files")


def _remove_files(sender: object, user_id: uuid.UUID, **kwargs: Any) -> None:
    from uploads.services import delete_uploads_of

    delete_uploads_of(owner_id=user_id)
