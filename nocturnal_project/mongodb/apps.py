"""Django's own apps with keys that MongoDB can make."""

from typing import Any

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

    def ready(self) -> None:
        """Let the backend read a user's groups first, and then their permissions.

        Django does both in one query with a subquery, for which the parent sends ``$facet``, ``$getField``
        and ``$expr``: DocumentDB has not all of them, and without them staff who are no superusers see nothing.
        """
        from django.contrib.auth.backends import ModelBackend
        from django.contrib.auth.models import Permission

        def group_permissions(backend: Any, user: Any) -> Any:
            return Permission.objects.filter(group__in=list(user.groups.values_list("pk", flat=True)))

        super().ready()
        # The one place where it is asked; the stubs do not know it.
        ModelBackend._get_group_permissions = group_permissions  # type: ignore[attr-defined]  # noqa: SLF001  as said above


class MongoContentTypesConfig(WithObjectIds, ContentTypesConfig):
    """Content types; of the three the one that starts first, so it brings the engine's check."""

    def ready(self) -> None:
        """Register the check of the parent's version."""
        from nocturnal_project.mongodb import checks  # noqa: F401  registering is its import's effect

        super().ready()
