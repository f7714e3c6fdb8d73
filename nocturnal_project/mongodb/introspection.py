"""What is in the database."""

from typing import Any

from django_mongodb_backend import introspection

from nocturnal_project.mongodb.errors import translated


class DatabaseIntrospection(introspection.DatabaseIntrospection):
    """The parent's, with errors translated: ``migrate`` and readiness ask here first."""

    def table_names(self, cursor: Any = None, include_views: bool = False) -> list[str]:
        """Return the names of the collections."""
        with translated():
            return list(super().table_names(cursor, include_views))

    def get_constraints(self, cursor: Any, table_name: str) -> dict[str, Any]:
        """Return the indexes of a collection."""
        with translated():
            return dict(super().get_constraints(cursor, table_name))
