"""Fixtures of accounts' tests."""

from typing import Any

import pytest

from accounts.models import User
from accounts.sessions import Device, start_session
from accounts.tests.forge import Forge
from nocturnal_project import clock


@pytest.fixture(params=["HS256", "EdDSA"])
def forge(request: pytest.FixtureRequest, settings: Any, db: None) -> Forge:
    settings.JWT_ALGORITHM = request.param
    carol = User.objects.create_user("carol@example.com")  # without a password: hashing one takes longer than a test
    session = start_session(user=carol, device=Device(id=None, user_agent="Firefox"), now=clock.now())
    return Forge(user_id=carol.pk, session_id=session.pk)
