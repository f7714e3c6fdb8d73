"""The app that decides limits."""

from django.apps import AppConfig


class RateLimitsConfig(AppConfig):
    """Registers the checks of the limits' variables."""

    name = "ratelimits"
    verbose_name = "Rate limits"

    def ready(self) -> None:
        """Register the checks."""
        from ratelimits import checks  # noqa: F401  registering is its import's effect
