from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import links
from accounts.models import OutboxMail, User
from accounts.tests.conftest import token_in
from conftest import PASSWORD
from nocturnal_project import clock
from ratelimits import limiter
from tests.servers.smtp import Received

pytestmark = pytest.mark.django_db
VERIFY, REGISTER, ME = "/api/v1/auth/email/verify", "/api/v1/auth/register", "/api/v1/me"
ALICE = {"email": "alice@example.com", "password": PASSWORD, "name": "Alice"}
Delivered = Callable[[], list[Received]]


def _verify(**body: Any) -> Any:
    return APIClient().post(VERIFY, body)


def test_registering_sends_a_link_that_verifies(api: APIClient, delivered: Delivered) -> None:
    made = api.post(REGISTER, ALICE).json()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {made['access_token']}")
    (mail,) = delivered()

    answer = _verify(token=token_in(mail))

    assert made["user"]["email_verified"] is False
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(ME).json()["email_verified"] is True


def test_verifying_twice_is_answered_the_same_and_keeps_the_first_time(alice: User) -> None:
    token = links.verification_token(alice, now=clock.now())
    first = _verify(token=token).status_code
    verified_at = User.objects.get().email_verified_at

    second = _verify(token=token).status_code

    assert (first, second) == (204, 204)
    assert User.objects.get().email_verified_at == verified_at


def test_a_repeated_registration_and_a_taken_email_send_no_second_mail(api: APIClient, delivered: Delivered) -> None:
    for password in (PASSWORD, PASSWORD, "another good passphrase"):
        api.post(REGISTER, {**ALICE, "password": password}, headers={"Idempotency-Key": "one"})

    assert len(delivered()) == 1


def test_what_a_stranger_calls_himself_is_in_no_mail(api: APIClient, delivered: Delivered) -> None:
    api.post(REGISTER, {**ALICE, "name": "You won! evil.example"})

    (mail,) = delivered()

    assert "evil" not in mail.raw.decode() + mail.text + mail.html


def test_a_mail_can_be_asked_for_again_and_every_email_is_answered_alike(
    alice: User, make_user: Any, delivered: Delivered
) -> None:
    make_user("Bob", is_active=False)
    make_user("Carol", email_verified_at=clock.now())

    answers = [_verify(email=f"{name}@example.com") for name in ("alice", "bob", "carol", "nobody")]

    assert {(answer.status_code, answer.content) for answer in answers} == {(202, answers[0].content)}
    assert [mail.recipients for mail in delivered()] == [["alice@example.com"]]


def test_a_link_is_good_for_three_days(alice: User) -> None:
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as moved:
        token = links.verification_token(alice, now=clock.now())
        moved.shift(timedelta(days=3))
        late = _verify(token=token)
        moved.shift(timedelta(seconds=-1))
        in_time = _verify(token=token)

    assert (late.status_code, late.json()["code"], in_time.status_code) == (403, "link_invalid", 204)


def test_a_link_to_another_email_or_a_deactivated_account_is_refused(alice: User, bob: User) -> None:
    tokens = [links.verification_token(user, now=clock.now()) for user in (alice, bob)]
    User.objects.filter(pk=alice.pk).update(email="alice.liddell@example.com")
    User.objects.filter(pk=bob.pk).update(is_active=False)

    assert [_verify(token=token).status_code for token in tokens] == [403, 403]
    assert not User.objects.exclude(email_verified_at=None).exists()


def test_a_reset_link_verifies_nothing_by_itself(alice: User) -> None:
    assert _verify(token=links.reset_token(alice, now=clock.now())).status_code == 403


@pytest.mark.parametrize("body", [{}, {"token": "x", "email": "alice@example.com"}, {"token": ""}, {"email": "alice"}])
def test_one_of_token_and_email_is_asked_for(body: dict[str, str]) -> None:
    answer = _verify(**body)

    assert answer.status_code == 422
    assert not OutboxMail.objects.exists()


def test_tries_count_against_the_address_and_the_account_named(alice: User) -> None:
    from_everywhere = [
        APIClient(REMOTE_ADDR=f"10.0.0.{number}").post(VERIFY, {"email": alice.email}).status_code
        for number in range(6)
    ]
    limiter.local.clear()
    from_one = [_verify(token="x").status_code for _ in range(6)]

    assert from_everywhere == [202] * 5 + [429]
    assert from_one == [403] * 5 + [429]


def test_an_email_that_staff_change_is_not_verified_yet(staff: Client, make_user: Any) -> None:
    alice = make_user("Alice", email_verified_at=clock.now())
    form = {"name": "Alice", "is_active": "on"}

    staff.post(reverse("admin:accounts_user_change", args=[alice.pk]), {**form, "email": alice.email})
    kept = User.objects.get(pk=alice.pk).email_verified
    staff.post(reverse("admin:accounts_user_change", args=[alice.pk]), {**form, "email": "liddell@example.com"})

    assert (kept, User.objects.get(pk=alice.pk).email_verified) == (True, False)
