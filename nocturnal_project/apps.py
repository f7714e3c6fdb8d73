"""The project's own app, and the admin with our site in it."""

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries
from django.http import HttpRequest


class NocturnalConfig(AppConfig):
    """Registers the system checks of the project as a whole."""

    name = "nocturnal_project"

    def ready(self) -> None:
        """Register the checks, and take off each request what does nothing here."""
        from nocturnal_project import checks  # noqa: F401  registering is its import's effect

        # Caches have nothing to close: Redis' connections are pooled. Queries are recorded only to be shown by DEBUG.
        # Connections too old are closed when a request ends, so that none is there when the next one starts.
        request_finished.disconnect(close_caches)
        request_started.disconnect(close_old_connections)
        if not settings.DEBUG:
            request_started.disconnect(reset_queries)


class NocturnalAdminConfig(AdminConfig):
    """Django's admin on our site, whose login is rate limited."""

    default_site = "accounts.admin_site.NocturnalAdminSite"


def environment_badge(request: HttpRequest) -> list[str]:
    """Return the label and colour that every admin page shows, so that nobody mistakes one deployment for another."""
    return [settings.NOCTURNAL_ENV.title(), "danger" if settings.PRODUCTION else "info"]
