"""Fixtures of every test: nothing is shared between tests, and people have names."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.files.storage import storages
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import events, keyring
from accounts.models import User
from accounts.refusals import Refusals
from health import readiness
from ratelimits import limiter
from uploads import services
from uploads.models import Upload

pytest_plugins = ["tests.real_redis"]
_ENGINE_TESTS = "nocturnal_project/mongodb/tests"


def pytest_configure(config: pytest.Config) -> None:
    """On MongoDB hear everything that is sent, and check that DocumentDB knows it."""
    if connection.vendor == "mongodb":
        from tests.documentdb import EverythingSent
        from tests.sent_commands import SENT

        everything = EverythingSent()
        SENT.listen(everything.hear)
        connection.settings_dict["OPTIONS"]["event_listeners"] = [SENT]
        config.pluginmanager.register(everything)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On MongoDB run what touches data, on SQLite everything but the tests of MongoDB's engine.

    Between them, `make test` runs every test, and every test that touches data on both.
    """
    on_mongodb = connection.vendor == "mongodb"
    chosen = [
        item
        for item in items
        if ((_touches_data(item) or _ENGINE_TESTS in item.path.as_posix()) if on_mongodb else _runs_anywhere(item))
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def _touches_data(item: pytest.Item) -> bool:
    return bool(
        {"db", "transactional_db"} & set(getattr(item, "fixturenames", ())) or item.get_closest_marker("django_db")
    )


def _runs_anywhere(item: pytest.Item) -> bool:
    return _ENGINE_TESTS not in item.path.as_posix() or item.path.name == "test_atomic.py"


PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def fresh_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has asked anything yet."""
    monkeypatch.setattr(events, "_refusals", Refusals())
    for cache in caches.all(initialized_only=True):
        cache.clear()
    limiter.local.clear()


@pytest.fixture(autouse=True)
def fresh_readiness() -> None:
    """Nobody has looked at the database, the cache and the files of this test yet."""
    readiness.forget()


@pytest.fixture(autouse=True)
def fresh_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing keys of another test are gone with its rows."""
    monkeypatch.setattr(keyring, "_ours", keyring.Keyring())


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> Path:
    """The folder of stored files, empty."""
    storage: Any = storages["default"]
    storage._location = str(tmp_path / "files")
    for cached in ("base_location", "location"):
        storage.__dict__.pop(cached, None)
    return tmp_path / "files"


@pytest.fixture
def missing_migration(db: None) -> Iterator[None]:
    """The database has not had the newest migration of uploads. Put back by hand: on MongoDB no rollback does it."""
    (newest,) = MigrationLoader(connection).graph.leaf_nodes("uploads")
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied(*newest)
    yield
    recorder.record_applied(*newest)


@pytest.fixture
def api() -> APIClient:
    """A client that is not signed in."""
    return APIClient()


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    """Store a user by first name."""

    def make(name: str, **fields: Any) -> User:
        return User.objects.create_user(f"{name.lower()}@example.com", PASSWORD, name=name, **fields)

    return make


@pytest.fixture
def alice(make_user: Callable[..., User]) -> User:
    return make_user("Alice")


@pytest.fixture
def bob(make_user: Callable[..., User]) -> User:
    return make_user("Bob")


@pytest.fixture
def sign_in() -> Callable[[User], APIClient]:
    """Sign a user in through the API and return their client."""

    def signed_in(user: User) -> APIClient:
        client = APIClient()
        answer = client.post("/api/v1/auth/login", {"email": user.email, "password": PASSWORD})
        assert answer.status_code == 200, answer.content
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access_token']}")
        return client

    return signed_in


@pytest.fixture
def staff(make_user: Callable[..., User]) -> Client:
    """A browser signed in to the admin as Sam, who may do everything."""
    client = Client()
    client.force_login(make_user("Sam", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def upload_as() -> Callable[..., Upload]:
    """Store a small text file for a user."""

    def store(user: User, content: bytes = b"hello\n", name: str = "hello.txt", category: str = "general") -> Upload:
        incoming = services.Incoming(io.BytesIO(content), len(content), name, declared_type="")
        upload, _ = services.store_upload(owner_id=user.pk, incoming=incoming, category=category, now=timezone.now())
        return upload

    return store
