"""Indexes that some databases can do more with."""

from typing import Any

from django.db import models


class ExpiryIndex(models.Index):
    """An index on a time. MongoDB itself removes a row some seconds after that time; elsewhere a command has to."""

    def __init__(self, *expressions: Any, expire_after_seconds: int, **kwargs: Any) -> None:
        super().__init__(*expressions, **kwargs)
        self.expire_after_seconds = expire_after_seconds

    def deconstruct(self) -> Any:
        """Return what a migration needs to make it again."""
        path, expressions, kwargs = super().deconstruct()
        return path, expressions, {**kwargs, "expire_after_seconds": self.expire_after_seconds}

    def get_pymongo_index_model(self, *args: Any, **kwargs: Any) -> Any:
        """Return the plain index with the time to live; only MongoDB's schema editor asks."""
        index = super().get_pymongo_index_model(*args, **kwargs)  # type: ignore[misc]  # the engine adds it to Index
        index.document["expireAfterSeconds"] = self.expire_after_seconds
        return index
