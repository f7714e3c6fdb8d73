"""Uploads in the admin: files as a list and a gallery, what storage is used, and quotas."""

from uploads.admin import files, usage  # noqa: F401  registering is their import's effect
from uploads.user_panel import storage_panel, upload_panel

__all__ = ["storage_panel", "upload_panel"]
