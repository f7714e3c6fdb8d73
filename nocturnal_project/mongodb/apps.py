"""Django's own apps with keys that MongoDB can make."""

from django.contrib.auth.apps import AuthConfig
from django.contrib.contenttypes.apps import ContentTypesConfig

from nocturnal_project.apps import NocturnalAdminConfig
from nocturnal_project.mongodb.config import DEFAULT_AUTO_FIELD


class WithObjectIds:
    """Gives an app's models ObjectIds: MongoDB has no sequences, and these apps ask for integers."""

    default_auto_field = DEFAULT_AUTO_FIELD


class MongoAdminConfig(WithObjectIds, NocturnalAdminConfig):
    """The admin."""


class MongoAuthConfig(WithObjectIds, AuthConfig):
    """Groups and permissions."""


class MongoContentTypesConfig(WithObjectIds, ContentTypesConfig):
    """Content types; of the three the one that starts first, so it brings the engine's check."""

    def ready(self) -> None:
        """Register the check of the parent's version."""
        from nocturnal_project.mongodb import checks  # noqa: F401  registering is its import's effect

        super().ready()
