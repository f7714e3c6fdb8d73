"""Fixtures of accounts: a real mail server and what arrives there, and a forge of tokens."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from accounts.delivery import deliver_due
from accounts.models import User
from accounts.sessions import Device, start_session
from accounts.tests.forge import Forge
from nocturnal_project import clock
from tests.servers.smtp import Received, SmtpServer


@pytest.fixture(scope="session")
def _mail_server() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def mail_server(_mail_server: SmtpServer, settings: Any) -> SmtpServer:
    """A mail server that has received nothing, which the product is set up to use."""
    _mail_server.behave()
    settings.EMAIL_BACKEND = "accounts.mail_backends.BoundedSMTP"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", _mail_server.port
    return _mail_server


@pytest.fixture
def delivered(mail_server: SmtpServer) -> Callable[[], list[Received]]:
    """Deliver what is due, and return what the server received since the last time."""

    def deliver() -> list[Received]:
        mail_server.received.clear()
        deliver_due()
        return list(mail_server.received)

    return deliver


def token_in(mail: Received) -> str:
    """Return the token of the one link in a mail."""
    (link,) = set(re.findall(r"https?://\S+", mail.text))
    (token,) = parse_qs(urlsplit(str(link)).query)["token"]
    return token


@pytest.fixture(params=["HS256", "EdDSA"])
def forge(request: pytest.FixtureRequest, settings: Any, db: None) -> Forge:
    settings.JWT_ALGORITHM = request.param
    carol = User.objects.create_user("carol@example.com")  # without a password: hashing one takes longer than a test
    session = start_session(user=carol, device=Device(id=None, user_agent="Firefox"), now=clock.now())
    return Forge(user_id=carol.pk, session_id=session.pk)
