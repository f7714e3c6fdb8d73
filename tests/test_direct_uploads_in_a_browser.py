"""The page in docs/direct-uploads sends real files from Chromium, from an origin that is neither ours nor S3's."""

import hashlib
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.chromium import chromium
from tests.live_server import ROOT, LiveServer, live_server
from tests.services import S3Server, start

_PAGES = ROOT / "docs" / "direct-uploads"
_FORM_BYTES = 40_000_000  # so much that the bar can be seen to move
_SECONDS = 60
_WATCH = """
    const bar = document.querySelector("progress");
    window.seen = [];
    new MutationObserver(() => seen.push(bar.value)).observe(bar, {attributes: true});
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def _pages() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(_PAGES)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True)
class Setting:
    """A page's origin, the product, its bucket, and somebody's token."""

    origin: str
    server: LiveServer
    s3: S3Server
    token: str


def _manage(server: LiveServer, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT, env=server.environment, capture_output=True, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    data = tmp_path_factory.mktemp("browser") / "data"
    with _pages() as origin, start(s3=True) as services:
        variables = {"CORS_ALLOWED_ORIGINS": origin, "DIRECT_FORM_BYTES": str(_FORM_BYTES)}
        with live_server(data_dir=data, variables=services.environment | variables) as server:
            person = {"email": f"{uuid.uuid4()}@example.com", "password": "correct horse battery staple"}
            token = server.ask("/api/v1/auth/register", person).body["access_token"]
            yield Setting(origin, server, services.s3, token)


def test_the_bucket_is_told_once_what_pages_need(setting: Setting) -> None:
    previewed = _manage(setting.server, "configure_bucket", "--origin", setting.origin, "--dry-run")
    told = _manage(setting.server, "configure_bucket", "--origin", setting.origin)
    again = _manage(setting.server, "configure_bucket", "--origin", setting.origin)
    wrong = _manage(setting.server, "configure_bucket", "--origin", "app.example.com/page")

    assert "pages that may send: would be changed" in previewed.stdout
    assert "pages that may send: changed" in told.stdout
    assert "pages that may send: as it was" in again.stdout
    assert "nothing public: not known to this store" in told.stdout  # SeaweedFS has no such thing
    assert (previewed.returncode, told.returncode, again.returncode) == (2, 2, 2)
    assert (wrong.returncode, "is no origin" in wrong.stderr) == (1, True)


@pytest.mark.parametrize("size_bytes", [39_000_000, 41_000_000], ids=["by a form", "in parts"])
def test_a_file_goes_from_the_browser_to_the_storage(setting: Setting, tmp_path: Path, size_bytes: int) -> None:
    file = tmp_path / "moon.txt"
    file.write_bytes(b"moonlight on water\n" * (size_bytes // 19))
    _manage(setting.server, "configure_bucket", "--origin", setting.origin)

    with chromium(width=640, height=520) as browser:
        browser.get(setting.origin)
        said = _send(browser, setting, file)
        seen = browser.execute_script("return window.seen")
        hosts = _hosts(browser)
        _keep_screenshot(browser)

    assert said == f"moon.txt is ready: SHA-256 {hashlib.sha256(file.read_bytes()).hexdigest()}"
    assert seen == sorted(seen)
    assert (seen[-1], len(seen) >= 2) == (1, True)
    assert urlsplit(setting.s3.endpoint).netloc in hosts  # and what went to the product was JSON alone
    listed = setting.server.ask("/api/v1/uploads", headers={"Authorization": f"Bearer {setting.token}"}).body
    assert listed["results"][0]["size_bytes"] == file.stat().st_size


def _send(browser: Chrome, setting: Setting, file: Path) -> str:
    browser.execute_script(_WATCH)
    for name, value in (("api", f"{setting.server.url}/api/v1"), ("token", setting.token)):
        box = browser.find_element(By.NAME, name)
        box.clear()
        box.send_keys(value)
    browser.find_element(By.NAME, "file").send_keys(str(file))
    browser.find_element(By.TAG_NAME, "button").click()
    output = browser.find_element(By.TAG_NAME, "output")
    WebDriverWait(browser, _SECONDS).until(lambda _: output.text)
    return str(output.text)


def _hosts(browser: Chrome) -> set[str]:
    names = browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    return {urlsplit(name).netloc for name in names}


def _keep_screenshot(browser: Chrome) -> None:
    """Where somebody asks for it: NOCTURNAL_SCREENSHOTS names a folder."""
    folder = os.environ.get("NOCTURNAL_SCREENSHOTS")
    if folder:
        browser.save_screenshot(str(Path(folder) / "direct-upload.png"))
