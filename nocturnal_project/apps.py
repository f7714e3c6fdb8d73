"""The project's own app, and the admin with our site in it."""

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest


class NocturnalConfig(AppConfig):
    """Registers the system checks of the project as a whole."""

    name = "nocturnal_project"

    def ready(self) -> None:
        """Register the checks."""
        from nocturnal_project import checks  # noqa: F401  registering is its import's effect


class NocturnalAdminConfig(AdminConfig):
    """Django's admin on our site, whose login is rate limited."""

    default_site = "accounts.admin_site.NocturnalAdminSite"


def environment_badge(request: HttpRequest) -> list[str]:
    """Return the label and colour that every admin page shows, so that nobody mistakes one deployment for another."""
    return [settings.NOCTURNAL_ENV.title(), "danger" if settings.PRODUCTION else "info"]
