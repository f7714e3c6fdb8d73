from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from accounts import sessions
from accounts.models import OutboxMail, Session, User
from conftest import PASSWORD
from nocturnal_project import clock
from tests.servers.smtp import Received

pytestmark = pytest.mark.django_db
CHANGE, LOGIN, ME = "/api/v1/auth/password/change", "/api/v1/auth/login", "/api/v1/me"
NEW = "seven lanterns at midnight"
SignIn = Callable[[User], APIClient]


def _change(client: APIClient, current: str = PASSWORD, new: str = NEW) -> Any:
    return client.post(CHANGE, {"current_password": current, "new_password": new})


def _log_in(password: str) -> int:
    status: int = APIClient().post(LOGIN, {"email": "alice@example.com", "password": password}).status_code
    return status


def test_a_change_signs_out_every_other_device_and_keeps_this_one(alice: User, bob: User, sign_in: SignIn) -> None:
    here, there, bobs = sign_in(alice), sign_in(alice), sign_in(bob)

    answer = _change(here)

    assert (answer.status_code, answer.content) == (204, b"")
    assert [client.get(ME).status_code for client in (here, there, bobs)] == [200, 401, 200]
    assert Session.objects.get(end_reason="password_changed").user_id == alice.pk
    assert (_log_in(PASSWORD), _log_in(NEW)) == (401, 200)


def test_the_owner_is_told_by_mail(alice: User, sign_in: SignIn, delivered: Callable[[], list[Received]]) -> None:
    _change(sign_in(alice))

    (mail,) = delivered()

    assert mail.recipients == ["alice@example.com"]
    assert mail.message["Subject"] == "Your Nocturnal password was changed"
    assert "http" not in mail.text
    assert NEW not in mail.raw.decode()


def test_a_wrong_current_password_is_pointed_at_and_leaves_the_token_good(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)

    answer = _change(client, current="is it this one?")

    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_password")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/current_password"]
    assert client.get(ME).status_code == 200
    assert _log_in(PASSWORD) == 200
    assert not OutboxMail.objects.exists()


def test_a_weak_new_password_is_pointed_at_and_changes_nothing(alice: User, sign_in: SignIn) -> None:
    answer = _change(sign_in(alice), new="password1234")

    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {"#/new_password"}
    assert _log_in(PASSWORD) == 200


def test_wrong_tries_count_against_the_session_and_a_good_one_is_given_back(alice: User, sign_in: SignIn) -> None:
    here, there = sign_in(alice), sign_in(alice)

    wrong = [_change(here, current="is it this one?").status_code for _ in range(4)]
    good = _change(here)
    last = [_change(here, current="is it this one?").status_code for _ in range(2)]

    assert (wrong, good.status_code, last) == ([422] * 4, 204, [422, 429])
    assert there.get(ME).status_code == 401


def test_a_flood_on_the_account_and_from_the_address_keeps_nobody_from_changing(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    while _log_in("is it this one?") != 429:
        pass

    assert _change(client).status_code == 204


def test_who_is_not_signed_in_is_refused_and_charged_by_address() -> None:
    answers = [_change(APIClient()) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/current_password"),
        ({"current_password": PASSWORD}, "#/new_password"),
        ({"current_password": PASSWORD, "new_password": "x" * 1025}, "#/new_password"),
        ({"current_password": PASSWORD, "new_password": NEW, "user": "bob"}, "#/user"),
    ],
)
def test_what_is_wrong_with_the_input_is_pointed_at(alice: User, sign_in: SignIn, body: object, pointer: str) -> None:
    answer = sign_in(alice).post(CHANGE, body)

    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


def test_of_two_changes_from_one_password_the_later_is_refused(
    alice: User, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another change is written while the new password is being hashed."""
    client = sign_in(alice)

    def meanwhile(password: str) -> str:
        User.objects.filter(pk=alice.pk).update(password=make_password("the quicker one won"))
        return make_password(password)

    monkeypatch.setattr("accounts.passwords.make_password", meanwhile)

    assert _change(client).json()["code"] == "wrong_password"
    assert _log_in("the quicker one won") == 200


def test_a_sign_in_that_a_change_overtakes_is_refused(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is changed after it was checked and before the session is stored, so nothing ended it."""
    real = sessions.start_session

    def overtaken(**facts: Any) -> Session:
        User.objects.filter(pk=alice.pk).update(password=make_password(NEW))
        sessions.end_sessions_of(user_id=alice.pk, reason=Session.EndReason.PASSWORD_CHANGED, now=clock.now())
        return real(**facts)

    monkeypatch.setattr(sessions, "start_session", overtaken)

    assert _log_in(PASSWORD) == 401
    assert Session.objects.get().end_reason == "password_changed"


def test_a_sign_in_that_meets_a_renewal_of_the_hash_is_let_in(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another sign-in with the same password only renewed the hash meanwhile."""
    real = sessions.start_session

    def renewed(**facts: Any) -> Session:
        User.objects.filter(pk=alice.pk).update(password=make_password(PASSWORD))
        return real(**facts)

    monkeypatch.setattr(sessions, "start_session", renewed)

    assert _log_in(PASSWORD) == 200


ADMIN = "/admin/password_change/"


def _staff_change(browser: Client, old: str) -> Any:
    return browser.post(ADMIN, {"old_password": old, "new_password1": NEW, "new_password2": NEW})


@pytest.fixture
def sam(make_user: Callable[..., User]) -> User:
    return make_user("Sam", is_staff=True, is_superuser=True)


def test_staff_who_change_theirs_in_the_admin_are_signed_out_of_the_api_and_told(sam: User, sign_in: SignIn) -> None:
    client, here, there = sign_in(sam), Client(), Client()
    for browser in (here, there):
        browser.force_login(sam)

    answer = _staff_change(here, PASSWORD)

    assert answer.status_code == 302
    assert client.get(ME).status_code == 401
    assert [browser.get("/admin/").status_code for browser in (here, there)] == [200, 302]
    assert OutboxMail.objects.get().kind == "password_changed"


def test_guesses_at_the_old_password_in_the_admin_are_limited(sam: User) -> None:
    browser = Client()
    browser.force_login(sam)

    statuses = [_staff_change(browser, "is it this one?").status_code for _ in range(6)]

    assert statuses == [200] * 5 + [429]
    assert not OutboxMail.objects.exists()


def test_an_operators_command_ends_the_sessions_too(
    alice: User, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(alice)
    monkeypatch.setattr("getpass.getpass", lambda **_prompt: NEW)

    call_command("changepassword", alice.email, stdout=StringIO())

    assert client.get(ME).status_code == 401
    assert _log_in(NEW) == 200
