"""The admin's session is new at login, ends at logout, after an hour of silence, and after half a day in any case."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import staff_actions
from accounts.models import User
from accounts.tests.test_admin import LOGIN
from conftest import PASSWORD

pytestmark = pytest.mark.django_db
COOKIE = settings.SESSION_COOKIE_NAME


@pytest.fixture
def sam(make_user: Callable[..., User]) -> User:
    return make_user("Sam", is_staff=True, is_superuser=True)


@pytest.fixture
def browser(sam: User) -> Client:
    """Sam's, signed in by the form."""
    client = Client()
    client.post(f"{LOGIN}?next=/admin/", {"username": sam.email, "password": PASSWORD})
    return client


def _is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def test_the_session_gets_a_new_key_at_login(sam: User, browser: Client) -> None:
    before = browser.cookies[COOKIE].value
    browser.post(f"{LOGIN}?next=/admin/", {"username": sam.email, "password": PASSWORD})
    old = Client()
    old.cookies[COOKIE] = before

    assert browser.cookies[COOKIE].value != before
    assert (_is_in(browser), _is_in(old)) == (True, False)


def test_a_key_that_we_did_not_make_is_not_taken_over(sam: User) -> None:
    client = Client()
    client.cookies[COOKIE] = "chosenbyanattacker0000000000000"
    client.post(f"{LOGIN}?next=/admin/", {"username": sam.email, "password": PASSWORD})

    assert _is_in(client)
    assert client.cookies[COOKIE].value != "chosenbyanattacker0000000000000"


def test_a_cookie_is_worth_nothing_after_logout(browser: Client) -> None:
    thief = Client()
    thief.cookies[COOKIE] = browser.cookies[COOKIE].value
    before = _is_in(thief)
    browser.post("/admin/logout/")

    assert (before, _is_in(thief), _is_in(browser)) == (True, False, False)


def test_an_hour_without_a_page_ends_it_and_each_page_begins_a_new_hour(sam: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        busy, idle = Client(), Client()
        for client in (busy, idle):
            client.post(f"{LOGIN}?next=/admin/", {"username": sam.email, "password": PASSWORD})
        for _ in range(2):
            clock.shift(timedelta(minutes=40))
            last = _is_in(busy)

        assert (last, _is_in(idle)) == (True, False)


def test_pages_within_five_minutes_save_the_session_once(browser: Client) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=False):
        saved = ["Max-Age" in str(browser.get("/admin/").cookies.get(COOKIE, "")) for _ in range(3)]

    assert saved == [True, False, False]


def test_twelve_hours_end_it_however_busy_it_is(sam: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = Client()
        client.post(f"{LOGIN}?next=/admin/", {"username": sam.email, "password": PASSWORD})
        seen = []
        for _ in range(25):
            clock.shift(timedelta(minutes=30))
            seen.append(_is_in(client))
        again = client.post(f"{LOGIN}?next=/admin/", {"username": sam.email, "password": PASSWORD})

        assert seen == [True] * 24 + [False]
        assert (again.status_code, _is_in(client)) == (302, True)


@pytest.mark.parametrize("change", ["deactivated", "no staff any more"])
def test_whoever_is_no_staff_any_more_is_out_at_the_next_request(browser: Client, sam: User, change: str) -> None:
    before = _is_in(browser)
    if change == "deactivated":
        staff_actions.deactivate(user=sam, now=timezone.now())
    else:
        User.objects.filter(pk=sam.pk).update(is_staff=False)

    assert (before, _is_in(browser)) == (True, False)


def test_the_cookies_are_closed_to_scripts_and_other_sites(browser: Client) -> None:
    for name in (COOKIE, settings.CSRF_COOKIE_NAME):
        cookie = browser.cookies[name]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")


def test_no_page_of_the_api_sets_a_cookie(alice: User, sign_in: Callable[..., Client]) -> None:
    assert not sign_in(alice).get("/api/v1/me").cookies
