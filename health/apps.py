"""The app ``health``."""

from django.apps import AppConfig


class HealthConfig(AppConfig):
    """Names the app."""

    name = "health"
