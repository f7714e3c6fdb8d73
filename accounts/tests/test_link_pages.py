import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts import links
from accounts.models import User
from conftest import PASSWORD
from nocturnal_project import clock

pytestmark = pytest.mark.django_db
RESET, VERIFY = "/account/reset-password", "/account/verify-email"
NEW = "seven lanterns at midnight"
BROWSER: Any = {"HTTP_ACCEPT": "text/html"}


def _form(page: Any) -> tuple[str, dict[str, str]]:
    """Return where the page's one form goes, and its hidden fields."""
    html = page.content.decode()
    (action,) = re.findall(r'<form method="post" action="([^"]+)"', html)
    return action, dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html))


def _path(link: str) -> str:
    assert link.startswith(settings.PUBLIC_URL)
    return link.removeprefix(settings.PUBLIC_URL)


def test_a_reset_link_opens_a_form_that_sets_the_password(client: Client, alice: User) -> None:
    page = client.get(_path(links.reset_link(alice, now=clock.now())), **BROWSER)
    action, hidden = _form(page)

    done = client.post(action, {**hidden, "new_password": NEW}, **BROWSER)

    assert (page.status_code, done.status_code) == (200, 200)
    assert "Your password is changed" in done.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(NEW)


def test_a_verification_link_opens_a_button_that_verifies(client: Client, alice: User) -> None:
    page = client.get(_path(links.verification_link(alice, now=clock.now())), **BROWSER)
    action, hidden = _form(page)

    done = client.post(action, hidden, **BROWSER)

    assert "Your e-mail is verified" in done.content.decode()
    alice.refresh_from_db()
    assert alice.email_verified


def test_opening_a_link_changes_nothing(client: Client, alice: User) -> None:
    for link in (links.reset_link(alice, now=clock.now()), links.verification_link(alice, now=clock.now())):
        for method in (client.get, client.head):
            assert method(_path(link), **BROWSER).status_code == 200

    alice.refresh_from_db()
    assert (alice.email_verified, alice.check_password(PASSWORD)) == (False, True)


def test_a_password_that_is_refused_is_explained_and_the_form_is_kept(client: Client, alice: User) -> None:
    token = links.reset_token(alice, now=clock.now())

    page = client.post(RESET, {"token": token, "new_password": "password1234"}, **BROWSER)

    assert page.status_code == 422
    assert "This password is too common." in page.content.decode()
    assert "password1234" not in page.content.decode()
    assert _form(page)[1] == {"token": token}


@pytest.mark.parametrize("password", ["", "x" * 1025])
def test_a_password_of_no_length_or_too_much_is_refused(client: Client, alice: User, password: str) -> None:
    token = links.reset_token(alice, now=clock.now())

    assert client.post(RESET, {"token": token, "new_password": password}).status_code == 422


@pytest.mark.parametrize("path", [RESET, VERIFY])
def test_a_link_that_does_not_fit_says_so_without_a_form(client: Client, path: str) -> None:
    page = client.post(path, {"token": "x", "new_password": NEW}, **BROWSER)

    assert page.status_code == 403
    assert "This link no longer works" in page.content.decode()
    assert "<form" not in page.content.decode()


@pytest.mark.parametrize("path", [RESET, VERIFY])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_page_gives_the_token_away_to_nobody(client: Client, path: str, method: str) -> None:
    page = getattr(client, method)(path, {"token": "x"}, **BROWSER)

    assert page["Referrer-Policy"] == "no-referrer"
    assert page["Cache-Control"] == "no-store"
    policy = page["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; ")
    assert "frame-ancestors 'none'" in policy
    assert not page.cookies
    assert not re.findall(r'(?:src|href)="(?!/static/)', page.content.decode())
    assert "<script" not in page.content.decode()


def test_a_token_that_is_markup_stays_text(client: Client) -> None:
    page = client.get(RESET, {"token": '"><script>alert(1)</script>'}, **BROWSER)

    assert "<script>" not in page.content.decode()


def test_opening_is_charged_under_api_and_sending_under_auth(client: Client) -> None:
    opened = client.get(RESET, **BROWSER)
    sent = [client.post(VERIFY, {"token": "x"}, **BROWSER) for _ in range(6)]

    assert opened["RateLimit"].startswith('"api";r=99')
    assert [answer.status_code for answer in sent] == [403] * 5 + [429]
    assert "Retry-After" in sent[-1]
    assert "admin" not in sent[-1].content.decode()


def test_a_form_of_another_size_or_another_method_is_refused(client: Client) -> None:
    large = client.post(RESET, {"token": "x" * 20_000})
    other = client.put(RESET, "x")

    assert (large.status_code, large.json()["code"], "RateLimit" in large) == (413, "body_too_large", True)
    assert (other.status_code, other.json()["code"]) == (405, "method_not_allowed")
