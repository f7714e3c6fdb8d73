"""Rows that go by themselves when their time has come, where the database can do that."""

from typing import Any

from django.db.models import Index


class TimeToLiveIndex(Index):
    """An index on one time: MongoDB removes a row within a minute of it; elsewhere a command has to, by this index."""

    def get_pymongo_index_model(self, *args: Any, **kwargs: Any) -> Any:
        """Return MongoDB's index, with the removal at the time that stands in the row."""
        index = super().get_pymongo_index_model(*args, **kwargs)  # type: ignore[misc]  # the backend adds it to Index
        index.document["expireAfterSeconds"] = 0
        return index
