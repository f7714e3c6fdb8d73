"""Mails from a served process to a real mail server, over its faults and the process's own."""

import json
import os
import re
import signal
import statistics
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.live_server import LiveServer, live_server, live_servers
from tests.servers.smtp import Received, SilentServer, SmtpServer
from tests.services import start

PASSWORD, NEW = "correct horse battery staple", "seven lanterns at midnight"
_LIMITS = {"RATE_LIMIT_AUTH_NORMAL": "1000", "RATE_LIMIT_AUTH_BLOCK_AFTER": "1000"}
_VARIABLES = {
    **_LIMITS,
    "LOG_FORMAT": "json",
    "PUBLIC_URL": "https://api.example.com",
    "EMAIL_FROM": "no-reply@example.com",
}


@pytest.fixture(scope="module")
def mailbox() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture(scope="module")
def server(mailbox: SmtpServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    variables = {**_VARIABLES, "EMAIL_URL": mailbox.url}
    with live_server(data_dir=tmp_path_factory.mktemp("mail"), variables=variables) as running:
        yield running


def _post(server: LiveServer, path: str, body: Any) -> int:
    return server.ask(f"/api/v1/auth/{path}", body).status


def _links(mail: Received) -> list[str]:
    return re.findall(r"https?://\S+", mail.text)


def _lines(server: LiveServer) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log_path.read_text().splitlines() if line.startswith("{")]


def test_a_person_registers_verifies_forgets_and_comes_back(server: LiveServer, mailbox: SmtpServer) -> None:
    mailbox.behave()
    assert _post(server, "register", {"email": "alice@example.com", "password": PASSWORD}) == 201
    (verification,) = mailbox.wait_for(1, within_s=10)
    (link,) = _links(verification)
    assert link.startswith("https://api.example.com/account/verify-email?token=")
    assert _post(server, "email/verify", {"token": link.partition("token=")[2]}) == 204

    assert _post(server, "password/reset", {"email": "alice@example.com"}) == 202
    (_, reset) = mailbox.wait_for(2, within_s=10)
    (link,) = _links(reset)
    token = link.partition("token=")[2]
    form = urlencode({"token": token, "new_password": NEW}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with pytest.raises(json.JSONDecodeError):  # a page, for a person
        server.ask("/account/reset-password", form, headers=headers)

    (*_, notice) = mailbox.wait_for(3, within_s=10)
    assert notice.message["Subject"] == "Your Nocturnal password was changed"
    assert _post(server, "login", {"email": "alice@example.com", "password": NEW}) == 200
    log = server.log_path.read_text()
    assert token not in log
    assert "alice@example.com" not in log


def test_mails_are_sent_when_the_server_is_back_and_requests_never_wait_for_it(
    server: LiveServer, mailbox: SmtpServer
) -> None:
    mailbox.behave()

    def ask(count: int) -> float:
        answers = [
            server.ask("/api/v1/auth/password/reset", {"email": f"{number}@example.com"}) for number in range(count)
        ]
        assert {answer.status for answer in answers} == {202}
        return statistics.median(answer.seconds for answer in answers)

    assert _post(server, "register", {"email": "bob@example.com", "password": PASSWORD}) == 201
    mailbox.wait_for(1, within_s=10)
    healthy = ask(40)
    mailbox.stop()
    try:
        assert _post(server, "password/reset", {"email": "bob@example.com"}) == 202
        down = ask(40)
    finally:
        mailbox.start()
    (_, reset) = mailbox.wait_for(2, within_s=60)

    assert reset.recipients == ["bob@example.com"]
    assert down < healthy + 0.02


def test_a_hanging_mail_server_delays_no_request_and_no_shutdown_for_long(tmp_path: Path) -> None:
    with SilentServer() as silent:
        variables = {**_VARIABLES, "EMAIL_URL": f"smtp://127.0.0.1:{silent.port}"}
        server = LiveServer(data_dir=tmp_path, variables=variables)
        server.start()
        try:
            seconds = [
                server.ask("/api/v1/auth/password/reset", {"email": "bob@example.com"}).seconds for _ in range(20)
            ]
        finally:
            code = server.stop()

    assert statistics.median(seconds) < 0.1
    assert code == 0


def test_a_process_that_is_killed_leaves_its_mails_to_the_next(tmp_path: Path, mailbox: SmtpServer) -> None:
    mailbox.behave()
    mailbox.stop()
    variables = {**_VARIABLES, "EMAIL_URL": mailbox.url}
    server = LiveServer(data_dir=tmp_path, variables=variables)
    server.start()
    try:
        assert _post(server, "register", {"email": "carol@example.com", "password": PASSWORD}) == 201
        os.killpg(server.pid, signal.SIGKILL)
    finally:
        server.stop()
        mailbox.start()
    server.start(migrate=False)
    try:
        (mail,) = mailbox.wait_for(1, within_s=30)
    finally:
        server.stop()

    assert mail.recipients == ["carol@example.com"]
    assert [line for line in _lines(server) if line["event"] == "mail sent"]


def test_three_instances_send_each_mail_once(tmp_path: Path, mailbox: SmtpServer) -> None:
    mailbox.behave()
    emails = [f"person{number}@example.com" for number in range(30)]
    with start(mongo=1) as services:
        variables = {**_LIMITS, **services.environment, "EMAIL_URL": mailbox.url, "LOG_FORMAT": "json"}
        with live_servers(tmp_path, dict.fromkeys("abc", variables), migrate="a") as servers:
            with ThreadPoolExecutor(6) as pool:
                statuses = set(
                    pool.map(
                        lambda n: _post(servers[n % 3], "register", {"email": emails[n], "password": PASSWORD}),
                        range(len(emails)),
                    )
                )
            mailbox.wait_for(len(emails), within_s=30)
            extra = mailbox.wait_for(len(emails) + 1, within_s=3)  # three more looks of each worker
            senders = {
                server.pid for server in servers if [line for line in _lines(server) if line["event"] == "mail sent"]
            }

    assert statuses == {201}
    assert sorted(mail.recipients[0] for mail in extra) == sorted(emails)
    assert len(senders) == 3


def test_what_is_said_of_the_mail_server_at_the_start_is_checked(tmp_path: Path) -> None:
    server = LiveServer(data_dir=tmp_path, variables={"EMAIL_URL": "http://mail.example.com"})

    with pytest.raises(AssertionError, match="Set EMAIL_URL to smtp://"):
        server.start(migrate=False)
