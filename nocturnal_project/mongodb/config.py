"""The settings that MongoDB needs, from one URI."""

import re
from typing import Any
from urllib.parse import unquote_plus

from django.core.exceptions import ImproperlyConfigured
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

DEFAULT_DATABASE = "nocturnal"
DEFAULT_AUTO_FIELD = "django_mongodb_backend.fields.ObjectIdAutoField"
# In INSTALLED_APPS these stand in for Django's own, whose keys are integers: MongoDB has no sequences.
APP_CONFIGS = {
    "nocturnal_project.apps.NocturnalAdminConfig": "nocturnal_project.mongodb.apps.MongoAdminConfig",
    "django.contrib.auth": "nocturnal_project.mongodb.apps.MongoAuthConfig",
    "django.contrib.contenttypes": "nocturnal_project.mongodb.apps.MongoContentTypesConfig",
}
MIGRATION_MODULES = {app: f"nocturnal_project.mongo_migrations.{app}" for app in ("admin", "auth", "contenttypes")}
# fmt: off
OPTIONS: dict[str, Any] = {
    "appname": "nocturnal",
    "maxPoolSize": 10,
    "minPoolSize": 2,
    "maxIdleTimeMS": 30_000,
    "w": "majority",                     # a record acknowledged survives the loss of the primary
    "connectTimeoutMS": 2_000,
    "serverSelectionTimeoutMS": 5_000,
    # Bounds an operation with all its retries, where socketTimeoutMS bounds each try. The driver then
    # looks at no other limit: for one operation use `with pymongo.timeout(seconds)`.
    "timeoutMS": 5_000,
}
# fmt: on
_EXAMPLE = "mongodb://user:password@host:27017/nocturnal?replicaSet=rs0"


def database_settings(uri: str) -> dict[str, Any]:
    """Return ``DATABASES["default"]`` for a URI; options given in the URI win over ours.

    The user and password are kept apart from the address, so that nothing that shows HOST shows them.

    Raises:
        ImproperlyConfigured: the URI is wrong. The message never has any part of it.
    """
    parts = _parsed(uri)
    given = {name.lower() for name in parts["options"]}
    return {
        "ENGINE": "nocturnal_project.mongodb",
        "NAME": parts["database"] or DEFAULT_DATABASE,
        "HOST": _without_credentials(uri),
        "USER": parts["username"] or "",
        "PASSWORD": parts["password"] or "",
        "OPTIONS": {name: value for name, value in OPTIONS.items() if name.lower() not in given},
    }


def _parsed(uri: str) -> dict[str, Any]:
    if not uri.startswith(("mongodb://", "mongodb+srv://")):
        raise ImproperlyConfigured(f"MONGODB_URI must begin with mongodb:// or mongodb+srv://, as in {_EXAMPLE}")
    # A look-up in the DNS belongs to connecting, which may be tried again; here it would stop the start.
    plain = re.sub(r"(?<=[?&])srv\w+=[^&]*&?", "", uri.replace("mongodb+srv://", "mongodb://", 1))
    try:
        return dict(parse_uri(plain, normalize=False))
    except (PyMongoError, ValueError):
        # The driver's message can quote what it took for a port and was half a password.
        raise ImproperlyConfigured(
            f"MONGODB_URI cannot be read: write it as in {_EXAMPLE}, with @ : / ? # % in the user "
            "and password percent-encoded (urllib.parse.quote_plus) and only options that MongoDB knows."
        ) from None


def _without_credentials(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    return f"{scheme}://{rest[authority.rfind('@') + 1 :]}"


def shown(uri: str) -> str:
    """Return the URI as it may be logged: its address and database, no user, password or options."""
    return unquote_plus(_without_credentials(uri).partition("?")[0])
