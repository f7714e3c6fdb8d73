"""Refuses another version of the parent than the one that this engine was written for."""

from importlib.metadata import version
from typing import Any

from django.core.checks import CheckMessage, Error, register

from nocturnal_project.mongodb import PARENT_VERSION

_PARENT = "django-mongodb-backend"


@register()
def parent_is_the_one_we_know(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Fail on any other version: this engine overrides what its parent does not promise to keep."""
    found = version(_PARENT)
    if found == PARENT_VERSION:
        return []
    return [
        Error(
            f"{_PARENT} is {found}, and our engine was written for {PARENT_VERSION}: install that one.",
            hint=(
                "To move on: compare compiler.py, query.py, schema.py, base.py and transaction.py of both versions, "
                "run nocturnal_project/mongodb/tests against a real server (parity with the parent, explained plans, "
                "faults), then set PARENT_VERSION."
            ),
            id="nocturnal.mongodb.E001",
        )
    ]
