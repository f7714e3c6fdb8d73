"""What is stored of a key: sealed, bound to its row, and worth nothing without the secret."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.key_rotation import ring_in_database, rotate_signing_key
from accounts.models import SigningKey

pytestmark = pytest.mark.django_db


def _rotate() -> None:
    rotate_signing_key(at_once=True, revoke_older=False, now=timezone.now())


def test_a_row_that_was_altered_or_sealed_by_another_secret_counts_for_nothing(settings: Any) -> None:
    _rotate()
    row = SigningKey.objects.get()
    changes: list[dict[str, Any]] = [
        {"revokes_older": True}, {"signs_from": timezone.now() + timedelta(days=1)}, {"algorithm": "EdDSA"},
        {"generation": 9}, {"kid": "0123456789abcdef"}, {"sealed": row.sealed[:-4]}, {"sealed": ""},
    ]  # fmt: skip

    for change in changes:
        SigningKey.objects.filter(pk=row.pk).update(**change)
        ring = ring_in_database()
        assert (len(ring.keys), len(ring.unreadable)) == (2, 1), change
        assert ring.signing_key(timezone.now().timestamp()).generation == 0
        row.save()

    settings.JWT_SECRET = "another secret that is long enough to be one of ours"
    assert (len(ring_in_database().keys), ring_in_database().unreadable) == (2, (row.kid,))


@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_a_stored_key_shows_nothing_of_what_it_is_made_of(settings: Any, algorithm: str) -> None:
    settings.JWT_ALGORITHM = algorithm
    _rotate()
    key = ring_in_database().keys[0]

    stored = str(list(SigningKey.objects.values()))

    secret: Any = key.backend.signing_key
    raw = secret if isinstance(secret, str) else secret.private_bytes_raw().hex()
    assert raw not in stored
    assert len(raw) == 64
    assert raw not in repr(key)


def test_names_of_keys_are_never_the_same() -> None:
    for _ in range(20):
        _rotate()

    ring = ring_in_database()

    assert len(ring.by_header) == len(ring.keys) == 22
    assert all(uuid.UUID(int=int(key.kid, 16)) for key in ring.keys)
