"""Makes rows for these tests."""

from typing import Any

from django.db import connection
from django.db.models import Model
from django.utils import timezone

from accounts.models import Session, User
from nocturnal_project.identifiers import uuid7
from nocturnal_project.transaction import atomic
from uploads.models import Upload


def collection_of(model: type[Model]) -> Any:
    """Return what a model is stored in."""
    wrapper: Any = connection
    return wrapper.get_collection(model._meta.db_table)


def new_user(email: str, **fields: Any) -> User:
    """Return an unsaved user."""
    return User(email=email, password="!", **fields)


def make_user(email: str, using: str = "default", **fields: Any) -> User:
    """Store a user."""
    user = new_user(email, **fields)
    user.save(using=using, force_insert=True)
    return user


def new_upload(owner: User, number: int, **fields: Any) -> Upload:
    """Return an unsaved upload."""
    values: dict[str, Any] = {
        "category": "general",
        "filename": f"file-{number:05}.txt",
        "content_type": "text/plain",
        "size_bytes": number,
        "sha256": "0" * 64,
        "key": f"general/{number}",
        "status": "ready",
        "request_key": str(uuid7()),
    }
    return Upload(owner=owner, **values | fields)


def make_session(user: User, **fields: Any) -> Session:
    """Store a session."""
    values: dict[str, Any] = {"device_id": uuid7(), "expires_at": timezone.now()}
    return Session.objects.create(user=user, **values | fields)


def write(using: str = "default") -> User:
    """Store somebody in a block."""
    with atomic(using):
        user = make_user(f"{uuid7()}@example.com", using=using)
        User.objects.using(using).filter(pk=user.pk).update(name="Somebody")
    return user
