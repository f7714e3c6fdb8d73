import asyncio
import email.utils
import io
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from typing import Any

import pytest
import structlog
import time_machine
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone

from accounts import mail, mail_backends, outbox
from accounts.delivery import MailServerAway, deliver_due
from accounts.models import OutboxMail, User
from nocturnal_project import clock
from tests.servers.smtp import Received, SilentServer, SmtpServer

CHANGED = OutboxMail.Kind.PASSWORD_CHANGED
Delivered = Callable[[], list[Received]]


def _post(to: str = "alice@example.com", kind: OutboxMail.Kind = CHANGED) -> None:
    outbox.post_mail(kind=kind, email=to, now=clock.now())


@pytest.fixture
def moved() -> Iterator[Any]:
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as traveller:
        yield traveller


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.mark.django_db
class TestTheMail:
    @pytest.mark.parametrize("kind", OutboxMail.Kind)
    def test_it_has_a_text_and_a_page_with_the_same_link_and_nothing_from_elsewhere(
        self, alice: User, delivered: Delivered, kind: OutboxMail.Kind, settings: Any
    ) -> None:
        _post(kind=kind)

        (received,) = delivered()
        message = received.message

        assert message.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
        links = {word for word in received.text.split() if word.startswith("http")}
        assert len(links) == (0 if kind is CHANGED else 1)
        assert {part for part in received.html.split('"') if part.startswith("http")} == links
        assert all(link.startswith(settings.PUBLIC_URL) for link in links)
        assert "<img" not in received.html
        assert "alice@example.com" in received.text

    def test_its_headers_say_what_it_is_and_ask_for_no_answer(
        self, alice: User, delivered: Delivered, settings: Any
    ) -> None:
        settings.DEFAULT_FROM_EMAIL = "N\u00f6cturnal <no-reply@b\u00fccher.example>"
        _post()
        key = OutboxMail.objects.get().pk

        (received,) = delivered()
        message = received.message

        assert message["Auto-Submitted"] == "auto-generated"
        assert message["X-Auto-Response-Suppress"] == "All"
        assert message["Message-ID"] == f"<{key.hex}@xn--bcher-kva.example>"
        sent_at = email.utils.parsedate_to_datetime(message["Date"]).replace(tzinfo=UTC)
        assert abs((sent_at - timezone.now()).total_seconds()) < 60
        assert message["From"].addresses[0].display_name == "N\u00f6cturnal"
        assert received.sender == "no-reply@xn--bcher-kva.example"

    def test_a_domain_in_another_script_is_written_as_the_server_knows_it(
        self, make_user: Any, delivered: Delivered
    ) -> None:
        User.objects.create_user("alice@b\u00fccher.example", "x")
        _post("Alice@B\u00fccher.example")

        (received,) = delivered()

        assert received.recipients == ["alice@xn--bcher-kva.example"]

    def test_no_line_break_in_an_address_becomes_a_header(
        self, delivered: Delivered, mail_server: SmtpServer, moved: Any
    ) -> None:
        User.objects.create_user("alice@example.com\nBcc: eve@example.com", "x")
        _post("alice@example.com\nBcc: eve@example.com")

        assert delivered() == []
        assert mail_server.asked == 0


@pytest.mark.django_db
class TestFailures:
    @pytest.mark.parametrize(("step", "reply"), [("rcpt", "450 greylisted"), ("data", "451 later"), ("data", "554 no")])
    def test_what_the_server_refuses_is_tried_again_later(
        self, alice: User, mail_server: SmtpServer, delivered: Delivered, moved: Any, step: str, reply: str
    ) -> None:
        mail_server.refusals[step] = reply
        _post()
        assert delivered() == []
        mail_server.refusals.clear()

        at_once = delivered()
        moved.shift(timedelta(seconds=30))
        later = delivered()

        assert (len(at_once), len(later)) == (0, 1)
        assert not OutboxMail.objects.exists()

    def test_after_five_refusals_it_is_dropped_with_a_line_that_names_nobody(
        self, alice: User, mail_server: SmtpServer, moved: Any, logged: list[Any]
    ) -> None:
        mail_server.refusals["rcpt"] = "550 no such user alice@example.com"
        _post()

        for _ in range(6):
            deliver_due()
            moved.shift(timedelta(hours=1))

        assert mail_server.asked == 5
        assert not OutboxMail.objects.exists()
        (dropped,) = [line for line in logged if line["log_level"] == "error"]
        assert (dropped["event"], dropped["reason"], dropped["attempts"]) == (
            "mail dropped: the last try failed", "SMTPRecipientsRefused 550", 5,
        )  # fmt: skip
        assert "alice" not in str(logged)

    def test_one_refused_mail_holds_up_no_other(
        self, alice: User, bob: User, mail_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def refuse_alice(*arguments: Any) -> str:
            arguments[2].rcpt_tos.append(arguments[3])
            return "550 no" if arguments[3].startswith("alice") else "250 OK"

        monkeypatch.setattr(mail_server, "handle_RCPT", refuse_alice)
        for name in ("alice", "bob", "alice", "bob"):
            _post(f"{name}@example.com")

        assert deliver_due() == 2
        assert {row.email for row in OutboxMail.objects.all()} == {"alice@example.com"}

    @pytest.mark.parametrize("step", ["rcpt", "data"])
    def test_a_server_that_hangs_over_a_mail_costs_it_a_try_and_the_worker_some_seconds(
        self, alice: User, mail_server: SmtpServer, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        monkeypatch.setattr(mail_backends, "STEP_SECONDS", 0.2)
        mail_server.hangs_at = step
        _post()
        started = time.monotonic()

        deliver_due()

        assert time.monotonic() - started < 3
        assert OutboxMail.objects.get().attempts == 1

    def test_a_mail_that_the_server_hangs_over_holds_up_no_other(
        self, alice: User, bob: User, mail_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def hang_over_alice(*arguments: Any) -> str:
            if arguments[3].startswith("alice"):
                await asyncio.sleep(3600)
            arguments[2].rcpt_tos.append(arguments[3])
            return "250 OK"

        monkeypatch.setattr(mail_server, "handle_RCPT", hang_over_alice)
        monkeypatch.setattr(mail_backends, "STEP_SECONDS", 0.2)
        _post("alice@example.com")
        _post("bob@example.com")

        assert deliver_due() == 1
        assert [received.recipients for received in mail_server.received] == [["bob@example.com"]]

    def test_a_server_that_never_greets_is_away(self, alice: User, mail_server: SmtpServer, settings: Any) -> None:
        settings.EMAIL_TIMEOUT = 0.2
        _post()

        with SilentServer() as silent:
            settings.EMAIL_PORT = silent.port
            with pytest.raises(MailServerAway):
                deliver_due()

        assert OutboxMail.objects.get().attempts == 0

    def test_while_the_server_is_down_nothing_is_lost_and_no_try_is_spent(
        self, alice: User, delivered: Delivered, mail_server: SmtpServer, moved: Any
    ) -> None:
        _post()
        mail_server.stop()
        try:
            for _ in range(20):
                with pytest.raises(MailServerAway):
                    deliver_due()
                moved.shift(timedelta(minutes=10))
        finally:
            mail_server.start()

        assert OutboxMail.objects.get().attempts == 0
        assert len(delivered()) == 1

    def test_a_wrong_password_for_the_server_costs_no_mail_a_try(
        self, alice: User, mail_server: SmtpServer, settings: Any
    ) -> None:
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "nocturnal", "wrong"
        _post()

        with pytest.raises(MailServerAway):
            deliver_due()

        assert OutboxMail.objects.get().attempts == 0

    def test_a_kind_that_only_a_newer_version_knows_is_left_to_it(
        self, alice: User, delivered: Delivered, moved: Any
    ) -> None:
        OutboxMail(kind="from_tomorrow", email=alice.email, created_at=clock.now(), due_at=clock.now()).save()
        _post()

        assert len(delivered()) == 1
        assert OutboxMail.objects.get().kind == "from_tomorrow"

    @pytest.mark.parametrize(
        ("kind", "life"),
        [("reset", timedelta(hours=1)), ("verification", timedelta(days=3)), (CHANGED, timedelta(days=3))],
    )
    def test_a_mail_that_waited_past_its_use_is_dropped(
        self, alice: User, delivered: Delivered, moved: Any, logged: list[Any], kind: str, life: timedelta
    ) -> None:
        _post(kind=OutboxMail.Kind(kind))
        moved.shift(life)

        assert delivered() == []
        assert not OutboxMail.objects.exists()
        assert [line["event"] for line in logged] == ["mail dropped: it waited for too long"]

    def test_a_worker_that_died_after_claiming_leaves_the_mail_to_others(
        self, alice: User, delivered: Delivered, moved: Any
    ) -> None:
        _post()
        (mail_row,) = outbox.due_mails(now=clock.now())
        outbox.claim(mail_row, now=clock.now())

        assert delivered() == []
        moved.shift(outbox.CLAIM)
        assert len(delivered()) == 1

    def test_a_mail_that_comes_twice_has_one_message_id(
        self, alice: User, delivered: Delivered, moved: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The worker dies after sending and before removing."""
        _post()
        with monkeypatch.context() as dying:
            dying.setattr("accounts.outbox.remove", lambda _mail: None)
            first = delivered()
        moved.shift(outbox.CLAIM)

        second = delivered()

        assert first[0].message["Message-ID"] == second[0].message["Message-ID"]


@pytest.mark.django_db
class TestOtherWays:
    def test_a_developer_reads_the_mail_in_the_log(self, alice: User, settings: Any, logged: list[Any]) -> None:
        settings.EMAIL_BACKEND = "accounts.mail_backends.ReadableLog"
        _post(kind=OutboxMail.Kind.RESET)

        assert deliver_due() == 1
        text = logged[0]["event"]
        assert text.startswith("mail\n\nTo: alice@example.com\nSubject: Reset your Nocturnal password\n\n")
        assert f"\n{settings.PUBLIC_URL}/account/reset-password?token=" in text

    def test_a_production_without_a_server_says_so_and_writes_no_link(
        self, alice: User, settings: Any, logged: list[Any]
    ) -> None:
        settings.EMAIL_BACKEND = "accounts.mail_backends.Nowhere"
        _post(kind=OutboxMail.Kind.RESET)

        deliver_due()

        assert logged[0] == {"event": "mail discarded: set EMAIL_URL", "count": 1, "log_level": "warning"}
        assert "token" not in str(logged)

    def test_the_command_sends_everything_that_is_due(self, alice: User, mail_server: SmtpServer) -> None:
        for _ in range(45):
            _post()
        out = io.StringIO()

        call_command("deliver_mail", stdout=out)

        assert out.getvalue() == "Sent 45 mail(s); 0 left.\n"
        assert len(mail_server.received) == 45

    @pytest.mark.parametrize("fault", ["refuses", "away"])
    def test_the_command_says_when_some_is_left(
        self, alice: User, mail_server: SmtpServer, settings: Any, fault: str
    ) -> None:
        _post()
        mail_server.refusals["data"] = "451 later"
        settings.EMAIL_PORT = settings.EMAIL_PORT if fault == "refuses" else 1
        out, err = io.StringIO(), io.StringIO()

        with pytest.raises(SystemExit) as ended:
            call_command("deliver_mail", stdout=out, stderr=err)

        assert ended.value.code == 2
        assert "1 left" in out.getvalue()
        assert ("The mail server is away" in err.getvalue()) is (fault == "away")


class TestTheWorker:
    @pytest.fixture
    def rounds(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[threading.Thread]]:
        """The threads that delivered, once for each round; nothing is really sent."""
        seen: list[threading.Thread] = []

        def deliver(**_how: Any) -> int:
            seen.append(threading.current_thread())
            if len(seen) == 1:
                raise RuntimeError("a bug")
            return 0

        monkeypatch.setattr(mail, "deliver_due", deliver)
        monkeypatch.setattr(mail, "_POLL_SECONDS", 0.01)
        yield seen
        mail.stop()

    @staticmethod
    def _until(check: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not check():
            assert time.monotonic() < deadline
            threading.Event().wait(0.005)

    def test_it_survives_a_failure_runs_once_and_ends_when_told(
        self, rounds: list[threading.Thread], settings: Any
    ) -> None:
        settings.MAIL_WORKER = True

        mail.start()
        mail.start()
        self._until(lambda: len(rounds) > 3)
        (worker,) = set(rounds)
        mail.stop()

        assert not worker.is_alive()
        mail.start()
        self._until(lambda: len(set(rounds)) == 2)

    def test_a_database_that_is_away_is_one_line_and_not_the_end(
        self, monkeypatch: pytest.MonkeyPatch, settings: Any, logged: list[Any]
    ) -> None:
        rounds: list[int] = []

        def deliver(**_how: Any) -> int:
            rounds.append(1)
            raise OperationalError("no primary")

        monkeypatch.setattr(mail, "deliver_due", deliver)
        monkeypatch.setattr(mail, "_POLL_SECONDS", 0.01)
        settings.MAIL_WORKER = True

        mail.start()
        self._until(lambda: len(rounds) > 2)
        mail.stop()

        assert {line["event"] for line in logged} == {"mail worker waits for the database"}
        assert {line["log_level"] for line in logged} == {"warning"}

    def test_it_does_not_run_where_mail_worker_says_no(self, rounds: list[threading.Thread], settings: Any) -> None:
        settings.MAIL_WORKER = False

        mail.start()

        assert [thread for thread in threading.enumerate() if thread.name == "mail" and thread.is_alive()] == []
