from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from accounts.models import Session, User
from conftest import PASSWORD

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"


def _log_in(client: Client, email: str, password: str) -> Any:
    return client.post(f"{LOGIN}?next=/admin/", {"username": email, "password": password})


class TestLogin:
    def test_staff_get_in_by_email_in_any_case_and_out_again(self, make_user: Callable[..., User]) -> None:
        make_user("Sam", is_staff=True, is_superuser=True)
        client = Client()

        assert _log_in(client, "SAM@example.com", PASSWORD).status_code == 302
        assert client.get("/admin/").status_code == 200
        client.post("/admin/logout/")
        assert client.get("/admin/").status_code == 302

    def test_others_are_told_nothing_about_the_account(self, alice: User) -> None:
        right = _log_in(Client(), alice.email, PASSWORD).content.decode()
        wrong = _log_in(Client(), alice.email, "wrong password here").content.decode()

        assert "Please enter the correct" in right
        assert "Please enter the correct" in wrong

    def test_the_sixth_wrong_try_is_refused_with_a_page_for_people(self, make_user: Callable[..., User]) -> None:
        make_user("Sam", is_staff=True)
        client = Client(HTTP_ACCEPT="text/html")

        tries = [_log_in(client, "sam@example.com", "wrong password here") for _ in range(5)]
        refused = _log_in(client, "sam@example.com", PASSWORD)

        assert {answer.status_code for answer in tries} == {200}
        assert tries[0]["RateLimit-Policy"] == '"auth";q=5;w=900'
        assert refused.status_code == 429
        assert refused["Content-Type"].startswith("text/html")
        assert int(refused["Retry-After"]) > 0

    def test_a_good_login_gives_its_try_back(self, make_user: Callable[..., User]) -> None:
        make_user("Sam", is_staff=True)

        assert [_log_in(Client(), "sam@example.com", PASSWORD).status_code for _ in range(8)] == [302] * 8

    def test_a_form_without_its_token_is_refused(self, make_user: Callable[..., User]) -> None:
        client = Client(enforce_csrf_checks=True, HTTP_ACCEPT="text/html")

        answer = _log_in(client, "sam@example.com", PASSWORD)

        assert answer.status_code == 403
        assert "Reload the page" in answer.content.decode()

    def test_strangers_are_charged_for_knocking(self) -> None:
        client = Client()

        answers = [client.get("/admin/accounts/user/").status_code for _ in range(101)]

        assert (answers[0], answers[99], answers[100]) == (302, 302, 429)


@pytest.mark.parametrize(
    "path", ["", *(f"{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry)]
)
def test_every_list_and_form_opens(staff: Client, upload_as: Callable[..., object], alice: User, path: str) -> None:
    upload_as(alice)

    assert staff.get(f"/admin/{path}").status_code == 200
    assert staff.get(f"/admin/{path}?q=alice@example.com").status_code == 200
    unmade = {"session", "securityevent", "signingkey", "upload", "storageusage", "limitevent", "limitoverride"}
    if path and not unmade & set(path.split("/")):
        assert staff.get(f"/admin/{path}add/").status_code == 200


def test_no_page_shows_a_password_hash_or_a_secret(staff: Client, alice: User) -> None:
    pages = [staff.get(f"/admin/accounts/user/{part}").content.decode() for part in ("", f"{alice.pk}/change/")]

    for page in pages:
        assert "argon2" not in page
        assert alice.password not in page
        assert 'name="password"' not in page
        assert "registration_key" not in page


def test_staff_make_a_user_who_can_sign_in(staff: Client) -> None:
    answer = staff.post(
        "/admin/accounts/user/add/", {"email": "Carol@Example.com", "name": "Carol", "password": PASSWORD}
    )

    assert answer.status_code == 302
    assert User.objects.get(email="carol@example.com").check_password(PASSWORD)


def test_staff_are_held_to_the_rules_of_registration(staff: Client, alice: User) -> None:
    weak = staff.post("/admin/accounts/user/add/", {"email": "carol@example.com", "password": "short"})
    taken = staff.post("/admin/accounts/user/add/", {"email": "ALICE@example.com", "password": PASSWORD})

    assert (weak.status_code, taken.status_code) == (200, 200)
    assert not User.objects.filter(email="carol@example.com").exists()


def test_deactivating_ends_the_users_sessions_but_spares_yourself(
    staff: Client, alice: User, sign_in: Callable[[User], Any]
) -> None:
    client = sign_in(alice)
    chosen = [str(user.pk) for user in User.objects.all()]

    form = {"action": "deactivate", "_selected_action": chosen, "confirmed": "yes"}
    answer = staff.post("/admin/accounts/user/", form, follow=True)

    assert "Accounts deactivated: 1." in answer.content.decode()
    assert "sam@example.com was left alone: it is your own account." in answer.content.decode()
    assert client.get("/api/v1/me").status_code == 401
    assert User.objects.get(email="sam@example.com").is_active
    assert Session.objects.get().end_reason == Session.EndReason.BY_STAFF


def test_sessions_can_be_ended_one_by_one(staff: Client, alice: User, sign_in: Callable[[User], Any]) -> None:
    first, second = sign_in(alice), sign_in(alice)
    newest = Session.objects.first()
    assert newest is not None

    form = {"action": "end", "_selected_action": [str(newest.pk)], "confirmed": "yes"}
    staff.post("/admin/accounts/session/", form)

    assert (first.get("/api/v1/me").status_code, second.get("/api/v1/me").status_code) == (200, 401)


def test_staff_without_permission_see_and_do_nothing(make_user: Callable[..., User], alice: User) -> None:
    client = Client()
    client.force_login(make_user("Sam", is_staff=True))

    answers = [client.get(path) for path in ("/admin/accounts/user/", "/admin/accounts/session/")]

    assert {answer.status_code for answer in answers} == {403}
