"""Staff look through files in Chromium, with S3: the gallery, holding a file back, quotas, the dark, and a phone."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.chromium import chromium
from tests.live_server import ROOT, LiveServer, live_server
from tests.services import start
from uploads.tests import pictures, samples

_SECONDS = 60
_PASSWORD = "correct horse battery staple"
_PICTURES = 11
_LOADED = """
    const pictures = [...document.querySelectorAll(".files-gallery img")];
    pictures.forEach((each) => { each.loading = "eager"; });
    return pictures.length > 0 && pictures.every((each) => each.complete && each.naturalWidth > 0);
"""


@dataclass(frozen=True)
class Setting:
    """The product, and the files of two people: ids by name, and their tokens."""

    server: LiveServer
    ids: dict[str, str]
    tokens: dict[str, str]

    def ask(self, name: str, path: str) -> Any:
        return self.server.ask(path, headers={"Authorization": f"Bearer {self.tokens[name]}"})


def _upload(server: LiveServer, token: str, name: str, content: bytes, category: str) -> str:
    parts = [
        b'--xyz\r\nContent-Disposition: form-data; name="category"\r\n\r\n' + category.encode(),
        b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="' + name.encode() + b'"\r\n\r\n' + content,
        b"--xyz--\r\n",
    ]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "multipart/form-data; boundary=xyz"}
    answer = server.ask("/api/v1/uploads", b"\r\n".join(parts), headers=headers)
    assert answer.status == 201, answer.body
    return str(answer.body["id"])


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    data = tmp_path_factory.mktemp("gallery") / "data"
    more = {"RATE_LIMIT_UPLOAD_NORMAL": "100", "UPLOAD_QUOTA_BYTES": "700000"}
    with start(s3=True) as services, live_server(data_dir=data, variables=services.environment | more) as server:
        environment = server.environment | {"DJANGO_SUPERUSER_PASSWORD": _PASSWORD}
        command = ["manage.py", "createsuperuser", "--email", "sam@example.com", "--noinput"]
        subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True, timeout=_SECONDS)
        ids, tokens = {}, {}
        for name in ("alice", "bob"):
            person = {"email": f"{name}@example.com", "password": _PASSWORD}
            tokens[name] = str(server.ask("/api/v1/auth/register", person).body["access_token"])
        for number in range(_PICTURES):
            owner, name = ("bob" if number % 3 == 1 else "alice"), f"night-{number + 1:02}.jpg"
            category = ("pictures", "avatars", "travel")[number % 3]
            ids[name] = _upload(server, tokens[owner], name, pictures.landscape(number), category)
        ids["minutes of the meeting.pdf"] = _upload(
            server, tokens["alice"], "minutes of the meeting.pdf", samples.PDF, "general"
        )
        ids["figures.csv"] = _upload(server, tokens["bob"], "figures.csv", samples.CSV, "general")
        ids["too-large.png"] = _upload(server, tokens["bob"], "too-large.png", pictures.bomb(9000), "general")
        yield Setting(server, ids, tokens)


def _sign_in(browser: Chrome, setting: Setting) -> None:
    browser.get(f"{setting.server.url}/admin/login/")
    browser.find_element(By.NAME, "username").send_keys("sam@example.com")
    browser.find_element(By.NAME, "password").send_keys(_PASSWORD)
    browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    WebDriverWait(browser, _SECONDS).until(lambda _: "/login/" not in browser.current_url)


def _open(browser: Chrome, setting: Setting, path: str) -> None:
    browser.get(f"{setting.server.url}/admin/uploads/{path}")


def _click(browser: Chrome, selector: str) -> None:
    """Click as a script does: what floats at the lower edge may lie over it on a small screen."""
    found = WebDriverWait(browser, _SECONDS).until(lambda _: browser.find_elements(By.CSS_SELECTOR, selector))
    browser.execute_script("arguments[0].click()", found[0])


def _complaints(browser: Chrome) -> list[str]:
    """Return what the browser refused or did not understand; 404 for a picture that there is none of is an answer."""
    return [str(line["message"]) for line in browser.get_log("browser") if "favicon" not in line["message"]]  # type: ignore[no-untyped-call]  # selenium's


def _is_too_wide(browser: Chrome) -> bool:
    script = "return document.documentElement.scrollWidth > document.documentElement.clientWidth"
    return bool(browser.execute_script(script))


def _keep_screenshot(browser: Chrome, name: str) -> None:
    """Where somebody asks for it: NOCTURNAL_SCREENSHOTS names a folder."""
    folder = os.environ.get("NOCTURNAL_SCREENSHOTS")
    if folder:
        browser.save_screenshot(str(Path(folder) / f"{name}.png"))


def _status_of(url: str) -> int:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_gallery_shows_every_picture_and_holds_one_back(setting: Setting) -> None:
    upload_id = setting.ids["night-09.jpg"]
    link = setting.ask("alice", f"/api/v1/uploads/{upload_id}/url").body["url"]
    assert _status_of(link) == 200

    with chromium(width=1280, height=900) as browser:
        _sign_in(browser, setting)
        _open(browser, setting, "upload/gallery/")
        WebDriverWait(browser, _SECONDS).until(lambda _: browser.execute_script(_LOADED))
        _click(browser, f'input[value="{upload_id}"]')
        Select(browser.find_element(By.NAME, "action")).select_by_value("quarantine")
        _click(browser, '#changelist-actions button[name="index"]')
        WebDriverWait(browser, _SECONDS).until(lambda _: "Hold back 1 upload?" in browser.page_source)
        _keep_screenshot(browser, "hold-back")
        _click(browser, 'form:has([name="confirmed"]) [type="submit"]')
        WebDriverWait(browser, _SECONDS).until(lambda _: "Files held back: 1" in browser.page_source)
        _open(browser, setting, "upload/gallery/")
        WebDriverWait(browser, _SECONDS).until(lambda _: browser.execute_script(_LOADED))
        held = browser.find_elements(By.CSS_SELECTOR, ".files-held img")
        _keep_screenshot(browser, "gallery")
        complaints = _complaints(browser)

    assert len(held) == 1
    assert not complaints
    assert _status_of(link) == 404  # the link from before, of S3's
    seen = setting.ask("alice", f"/api/v1/uploads/{upload_id}")
    refused = setting.ask("alice", f"/api/v1/uploads/{upload_id}/url")
    assert (seen.body["status"], refused.status, refused.body["code"]) == ("quarantined", 403, "upload_quarantined")


def test_staff_see_who_uses_what_and_set_a_quota(setting: Setting) -> None:
    with chromium(width=1280, height=900) as browser:
        _sign_in(browser, setting)
        _open(browser, setting, "storageusage/")
        bars = [each.text for each in browser.find_elements(By.CSS_SELECTOR, ".files-who")]
        _keep_screenshot(browser, "storage")
        _click(browser, 'a.files-who[title="alice@example.com"]')
        _click(browser, 'input[name="limit"][value="own"]')
        amount = browser.find_element(By.NAME, "amount")
        amount.clear()
        amount.send_keys("2")
        _click(browser, '[name="_save"]')
        WebDriverWait(browser, _SECONDS).until(lambda _: "(their own)" in browser.page_source)
        complaints = _complaints(browser)

    assert set(bars[:2]) == {"alice@example.com", "bob@example.com"}
    assert set(bars[2:]) == {"pictures", "travel", "avatars", "general"}
    assert setting.ask("alice", "/api/v1/uploads/usage").body["quota_bytes"] == 2 * 1024**3
    assert not complaints


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_fit_a_phone(setting: Setting, dark: bool) -> None:
    with chromium(width=390, height=844, dark=dark) as browser:
        _sign_in(browser, setting)
        wide = []
        for path in ("upload/gallery/", "upload/", f"upload/{setting.ids['night-01.jpg']}/change/", "storageusage/"):
            _open(browser, setting, path)
            if path == "upload/gallery/":
                WebDriverWait(browser, _SECONDS).until(lambda _: browser.execute_script(_LOADED))
                _keep_screenshot(browser, f"gallery-phone-{'dark' if dark else 'light'}")
            if path == "storageusage/":
                _keep_screenshot(browser, f"storage-phone-{'dark' if dark else 'light'}")
            if _is_too_wide(browser):
                wide.append(path)
        complaints = _complaints(browser)

    assert not wide
    assert not complaints
