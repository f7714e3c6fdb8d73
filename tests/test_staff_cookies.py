"""By https the admin's cookies are for this host alone, and with Redis a session dies for every instance at logout."""

import http.client
import re
import subprocess
import sys
from collections.abc import Iterator
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest

from tests import services
from tests.live_server import LiveServer, live_server

SESSION, CSRF = "__Host-nocturnal-staff", "__Host-nocturnal-csrf"
PASSWORD = "seven lanterns at midnight"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The product behind a proxy that speaks https, with its sessions in a real Redis."""
    with services.start(redis=True) as started:
        variables = {
            "PUBLIC_URL": "https://admin.example.com",
            "ALLOWED_HOSTS": "admin.example.com,127.0.0.1",
            "TRUSTED_PROXIES": "1",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            **started.environment,
        }
        with live_server(data_dir=tmp_path_factory.mktemp("staff"), variables=variables) as server:
            _make_superuser(server)
            yield server


def _make_superuser(server: LiveServer) -> None:

    command = [sys.executable, "manage.py", "createsuperuser", "--email", "sam@example.com", "--noinput"]
    subprocess.run(command, env=server.environment, check=True, capture_output=True, timeout=60)


class Browser:
    """Sends cookies back as they came; Python's own jar would not send a Secure one by http."""

    def __init__(self, server: LiveServer, cookies: dict[str, str] | None = None) -> None:
        self._port = server.port
        self.cookies = dict(cookies or {})
        self.set: SimpleCookie = SimpleCookie()

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Return the status and the page, and remember its cookies."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {
            "Host": "admin.example.com",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "203.0.113.7",
            "Referer": "https://admin.example.com/admin/",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        connection.request(method, path, urlencode(form) if form else None, headers)
        answer = connection.getresponse()
        page = answer.read().decode()
        for line in answer.msg.get_all("Set-Cookie") or []:
            self.set.load(line)
        connection.close()
        self.cookies |= {name: morsel.value for name, morsel in self.set.items()}
        return answer.status, page

    def send(self, path: str, **form: str) -> int:
        """Send a form with the protection token of the login page or of the index."""
        _, page = self.ask("GET", "/admin/")
        if "csrfmiddlewaretoken" not in page:
            _, page = self.ask("GET", "/admin/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token, page
        return self.ask("POST", path, {"csrfmiddlewaretoken": token[1], **form})[0]


@pytest.fixture
def browser(server: LiveServer) -> Browser:
    browser = Browser(server)
    assert browser.send("/admin/login/?next=/admin/", username="sam@example.com", password=PASSWORD) == 302
    return browser


def test_the_cookies_are_for_this_host_alone(browser: Browser) -> None:
    assert set(browser.set) == {SESSION, CSRF}
    for name in (SESSION, CSRF):
        cookie = browser.set[name]
        assert (cookie["secure"], cookie["httponly"], cookie["path"], cookie["domain"]) == (True, True, "/", "")
        assert cookie["samesite"] == "Lax"


def test_a_copied_cookie_is_worth_nothing_after_logout(server: LiveServer, browser: Browser) -> None:
    thief = Browser(server, browser.cookies)
    before = thief.ask("GET", "/admin/")[0]
    left = browser.send("/admin/logout/")

    assert (before, left) == (200, 200)
    assert thief.ask("GET", "/admin/")[0] == 302
    assert browser.ask("GET", "/admin/")[0] == 302


def test_the_key_of_before_login_is_worth_nothing_after_it(server: LiveServer, browser: Browser) -> None:
    old = Browser(server, browser.cookies)
    browser.send("/admin/login/?next=/admin/", username="sam@example.com", password=PASSWORD)

    assert browser.cookies[SESSION] != old.cookies[SESSION]
    assert (browser.ask("GET", "/admin/")[0], old.ask("GET", "/admin/")[0]) == (200, 302)
