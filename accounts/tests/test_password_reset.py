import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import links, password_changes
from accounts.errors import LinkInvalid
from accounts.models import OutboxMail, Session, User
from accounts.tests.conftest import token_in
from conftest import PASSWORD
from nocturnal_project import clock
from ratelimits import limiter
from tests.servers.smtp import Received, SmtpServer

RESET, CONFIRM, LOGIN = "/api/v1/auth/password/reset", "/api/v1/auth/password/reset/confirm", "/api/v1/auth/login"
NEW = "seven lanterns at midnight"
Delivered = Callable[[], list[Received]]


def _ask(email: str = "alice@example.com", **more: Any) -> Any:
    limiter.local.clear()
    return APIClient().post(RESET, {"email": email, **more})


def _confirm(token: str, password: str = NEW) -> Any:
    return APIClient().post(CONFIRM, {"token": token, "new_password": password})


def _log_in(password: str) -> Any:
    return APIClient().post(LOGIN, {"email": "alice@example.com", "password": password})


@pytest.mark.django_db
class TestAsking:
    def test_known_unknown_and_deactivated_are_answered_alike(self, alice: User, make_user: Any) -> None:
        make_user("Bob", is_active=False)

        answers = [_ask(), _ask("nobody@example.com"), _ask("bob@example.com")]

        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.content for answer in answers}) == 1

    def test_known_and_unknown_send_the_same_commands_to_the_database(self, alice: User) -> None:
        def sent(email: str) -> list[str]:
            with CaptureQueriesContext(connection) as captured:
                _ask(email)
            return [query["sql"].partition("VALUES")[0].partition("insert_many")[0] for query in captured]

        known, unknown = sent("alice@example.com"), sent("nobody@example.com")

        assert known == unknown
        assert len(known) == 1

    def test_known_and_unknown_take_the_same_time(self, alice: User) -> None:
        took: dict[str, list[float]] = {"alice@example.com": [], "nobody@example.com": []}
        for _ in range(60):
            for email, times in took.items():
                started = time.perf_counter()
                _ask(email)
                times.append(time.perf_counter() - started)

        known, unknown = (statistics.median(times) for times in took.values())

        assert abs(known - unknown) < 0.005

    def test_a_mail_goes_to_the_account_and_to_nobody_else(
        self, alice: User, make_user: Any, delivered: Delivered
    ) -> None:
        make_user("Bob", is_active=False)
        for email in (" ALICE@Example.com", "nobody@example.com", "bob@example.com"):
            assert _ask(email).status_code == 202

        (mail,) = delivered()

        assert mail.recipients == ["alice@example.com"]
        assert not OutboxMail.objects.exists()

    def test_what_waits_to_be_sent_holds_no_link(self, alice: User) -> None:
        _ask()

        values = OutboxMail.objects.values().get()

        assert set(values) == {"id", "kind", "email", "created_at", "due_at", "attempts"}

    def test_the_link_begins_with_our_address_whatever_the_host_header_says(
        self, alice: User, delivered: Delivered, settings: Any
    ) -> None:
        settings.ALLOWED_HOSTS = ["*"]
        APIClient().post(
            RESET, {"email": alice.email}, HTTP_HOST="evil.example.com", HTTP_X_FORWARDED_HOST="evil.example.com"
        )

        (mail,) = delivered()

        assert f"\n{settings.PUBLIC_URL}/account/reset-password?token=" in mail.text.replace("\r", "")
        assert "evil" not in mail.raw.decode()

    def test_the_link_leads_to_the_page_that_the_deployment_names(
        self, alice: User, delivered: Delivered, settings: Any
    ) -> None:
        settings.PASSWORD_RESET_URL = "https://app.example.com/reset?token={token}"
        _ask()

        (mail,) = delivered()

        assert "https://app.example.com/reset?token=" in mail.text
        assert _confirm(token_in(mail)).status_code == 204

    def test_tries_count_against_the_account_whatever_the_address(self, alice: User) -> None:
        def ask(number: int) -> int:
            status: int = APIClient(REMOTE_ADDR=f"10.0.0.{number}").post(RESET, {"email": alice.email}).status_code
            return status

        assert [ask(number) for number in range(6)] == [202] * 5 + [429]

    def test_a_known_device_may_ask_while_a_flood_goes_on(self, alice: User) -> None:
        device = _log_in(PASSWORD).json()["device_token"]
        for number in range(6):
            APIClient(REMOTE_ADDR=f"10.0.0.{number}").post(RESET, {"email": alice.email})

        answer = APIClient().post(RESET, {"email": alice.email, "device_token": device})

        assert answer.status_code == 202

    @pytest.mark.parametrize(
        "email", ["", "no e-mail", "alice@example.com\nBcc: eve@example.com", "a" * 250 + "@example.com", None, 7]
    )
    def test_what_is_no_email_is_pointed_at(self, email: Any) -> None:
        answer = APIClient().post(RESET, {"email": email})

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "#/email"
        assert not OutboxMail.objects.exists()


@pytest.mark.django_db
class TestConfirming:
    def test_the_link_sets_a_new_password_once(self, alice: User, delivered: Delivered) -> None:
        _ask()
        token = token_in(delivered()[0])

        first, second = _confirm(token), _confirm(token, "another eight lanterns")

        assert (first.status_code, first.content) == (204, b"")
        assert (second.status_code, second.json()["code"]) == (403, "link_invalid")
        assert (_log_in(PASSWORD).status_code, _log_in(NEW).status_code) == (401, 200)

    def test_it_ends_every_session_verifies_the_email_and_tells_the_owner(
        self, alice: User, sign_in: Callable[[User], APIClient], delivered: Delivered
    ) -> None:
        clients = [sign_in(alice), sign_in(alice)]
        _confirm(links.reset_token(alice, now=clock.now()))

        answers = [client.get("/api/v1/me") for client in clients]
        (mail,) = delivered()

        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "session_ended")}
        assert {session.end_reason for session in Session.objects.all()} == {"password_changed"}
        assert mail.message["Subject"] == "Your Nocturnal password was changed"
        alice.refresh_from_db()
        assert alice.email_verified

    def test_a_link_is_good_for_an_hour_from_when_it_was_sent(self, alice: User) -> None:
        with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as moved:
            token = links.reset_token(alice, now=clock.now())
            moved.shift(timedelta(minutes=60))
            late = _confirm(token)
            moved.shift(timedelta(seconds=-1))
            in_time = _confirm(token)

        assert (late.status_code, in_time.status_code) == (403, 204)

    def test_a_weak_password_leaves_the_link_good(self, alice: User) -> None:
        token = links.reset_token(alice, now=clock.now())

        weak, strong = _confirm(token, "password1234"), _confirm(token)

        assert (weak.status_code, weak.json()["errors"][0]["pointer"]) == (422, "#/new_password")
        assert strong.status_code == 204

    def test_a_link_fits_no_more_once_the_password_or_the_email_is_another(self, alice: User, bob: User) -> None:
        now = clock.now()
        tokens = {user: links.reset_token(user, now=now) for user in (alice, bob)}
        alice.set_password("changed in the meantime")
        alice.save()
        User.objects.filter(pk=bob.pk).update(email="robert@example.com")

        assert [_confirm(token).status_code for token in tokens.values()] == [403, 403]

    def test_a_deactivated_account_stays_shut(self, alice: User) -> None:
        token = links.reset_token(alice, now=clock.now())
        User.objects.filter(pk=alice.pk).update(is_active=False)

        assert _confirm(token).status_code == 403
        alice.refresh_from_db()
        assert (alice.is_active, alice.check_password(PASSWORD)) == (False, True)

    def test_a_token_for_something_else_or_somebody_else_is_refused(self, alice: User, bob: User) -> None:
        now = clock.now()
        hers, his = links.reset_token(alice, now=now), links.reset_token(bob, now=now)
        mixed = hers[:32] + his[32:]

        for token in (links.verification_token(alice, now=now), mixed, hers[:-1], "x", "a.b.c:d", "\u00e9", "x" * 512):
            limiter.local.clear()
            assert _confirm(token).status_code == 403, token

    def test_tries_count_against_the_address_and_a_good_one_is_given_back(self, alice: User) -> None:
        bad = [_confirm("x").status_code for _ in range(4)]
        good = _confirm(links.reset_token(alice, now=clock.now()))
        rest = [_confirm("x").status_code for _ in range(2)]

        assert (bad, good.status_code, rest) == ([403] * 4, 204, [403, 429])
        assert good["RateLimit"].startswith('"auth";r=1;')


@pytest.mark.django_db(transaction=True)
def test_of_fifty_confirms_with_one_link_one_is_carried_out(alice: User) -> None:
    token = links.reset_token(alice, now=clock.now())
    start = threading.Barrier(50)
    outcomes: list[str] = []

    def race(number: int) -> None:
        start.wait(timeout=30)
        try:
            password_changes.reset_password(token=token, new_password=f"{number} lanterns at night", now=clock.now())
            outcomes.append(f"{number}")
        except LinkInvalid:
            outcomes.append("refused")
        except Exception as error:  # noqa: BLE001  every outcome is counted
            outcomes.append(repr(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=race, args=[number]) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    (winner,) = set(outcomes) - {"refused"}
    assert Counter(outcomes) == {"refused": 49, winner: 1}
    assert _log_in(f"{winner} lanterns at night").status_code == 200


@pytest.mark.django_db
class TestMailBombs:
    def test_three_mails_at_once_and_then_one_in_twenty_minutes(self, alice: User, delivered: Delivered) -> None:
        sent = []
        with time_machine.travel(timezone.now(), tick=False) as moved:
            for minutes in (0, 0, 0, 0, 19, 1, 0, 20):
                moved.shift(timedelta(minutes=minutes))
                assert _ask().status_code == 202
                sent.append(len(delivered()))

        assert sent == [1, 1, 1, 0, 0, 1, 0, 1]

    def test_a_flood_of_one_kind_withholds_no_mail_of_another(self, alice: User, delivered: Delivered) -> None:
        for _ in range(5):
            _ask()
        delivered()

        OutboxMail(kind="verification", email=alice.email).save()
        OutboxMail(kind="password_changed", email=alice.email).save()

        assert len(delivered()) == 2

    def test_a_second_try_to_send_is_not_counted_again(
        self, alice: User, delivered: Delivered, mail_server: SmtpServer
    ) -> None:
        with time_machine.travel(timezone.now(), tick=False) as moved:
            for _ in range(3):
                _ask()
            mail_server.refusals["data"] = "451 later"
            assert delivered() == []
            mail_server.refusals.clear()
            moved.shift(timedelta(seconds=30))

            assert len(delivered()) == 3
