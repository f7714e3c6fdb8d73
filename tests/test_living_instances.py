"""Real instances that serve, drain and are killed, as `manage.py list_instances` and the cluster page show them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.chromium import chromium
from tests.live_server import ROOT, LiveServer, live_servers
from tests.pods import wait_until_all_is_well
from tests.services import RedisServer

_NAMES = ("pod-1", "pod-2", "pod-3")
_GONE_AFTER_SECONDS = 15
_STAFF = ("sam@example.com", "seven lanterns at midnight")
_PAGE_SECONDS = 40
_LIST = [sys.executable, "manage.py", "list_instances"]


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture(scope="module")
def pods(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LiveServer]]:
    common = {"DATA_DIR": str(tmp_path_factory.mktemp("shared")), "REDIS_URL": redis_server.url}
    common |= {"INSTANCES_EXPECTED": "10", "RATE_LIMIT_API_NORMAL": "100000"}
    instances = {name: {**common, "INSTANCE_ID": name} for name in _NAMES}
    instances["pod-2"]["DRAIN_SECONDS"] = "6"
    with live_servers(tmp_path_factory.mktemp("pods"), instances, migrate=["pod-1"]) as running:
        manage(running[0], "createsuperuser", "--noinput", "--email", _STAFF[0])
        wait_until_all_is_well(running)
        yield running


def manage(pod: LiveServer, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as an operator does, with the configuration that the instances have."""
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT, env={**pod.environment, "DJANGO_SUPERUSER_PASSWORD": _STAFF[1]},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def listed(pod: LiveServer, *options: str) -> subprocess.CompletedProcess[str]:
    return manage(pod, "list_instances", *options)


def ids(pod: LiveServer) -> list[str]:
    return [each["id"] for each in json.loads(listed(pod, "--json").stdout)["instances"]]


def row_of(pod: LiveServer, name: str) -> dict[str, Any]:
    return next(each for each in json.loads(listed(pod, "--json").stdout)["instances"] if each["id"] == name)


@contextmanager
def on_the_page(pod: LiveServer) -> Iterator[Chrome]:
    """Sign in and open it."""
    with chromium(width=1440) as browser:
        browser.get(f"{pod.url}/admin/login/?next=/admin/cluster/")
        for name, value in zip(("username", "password"), _STAFF, strict=True):
            browser.find_element(By.NAME, name).send_keys(value)
        browser.find_element(By.CSS_SELECTOR, "[type=submit]").click()
        wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "[data-live]"))
        yield browser


def wait(browser: Chrome, check: Callable[[], Any]) -> None:
    """Elements may be replaced while they are looked at."""
    WebDriverWait(browser, _PAGE_SECONDS, ignored_exceptions=[StaleElementReferenceException]).until(lambda _: check())


def rows(browser: Chrome) -> list[Any]:
    return browser.find_elements(By.CSS_SELECTOR, "tr[data-instance]")


def text(browser: Chrome, selector: str) -> str:
    return " ".join(each.text for each in browser.find_elements(By.CSS_SELECTOR, selector))


def served(browser: Chrome, instance: str) -> float:
    return float(text(browser, f'[data-instance="{instance}"] [data-label="Requests/s"] > span').replace(",", ""))


def note(browser: Chrome) -> str:
    return text(browser, "[data-live-note]")


def is_there(element: Any) -> bool:
    try:
        return bool(element.is_enabled())
    except StaleElementReferenceException:
        return False


def looks(browser: Chrome, *, width: int, scheme: str) -> tuple[bool, bool]:
    """Open the page in such a window, and return whether it fits into it and whether it is dark."""
    screen = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.refresh()
    wait(browser, lambda: rows(browser) and rows(browser)[0].is_displayed())
    card = browser.find_element(By.CSS_SELECTOR, ".cluster-card").value_of_css_property("background-color")
    fits = browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    return bool(fits), "255, 255, 255" not in card


def test_the_table_has_what_the_dashboard_has(pods: list[LiveServer]) -> None:
    done = listed(pods[0])
    lines = done.stdout.splitlines()

    assert done.returncode == 0
    assert lines[0] == "Active Instances: ▓▓▓░░░░░░░ 3/10"
    assert [line.partition(":")[0] for line in lines[1:4]] == ["Total RPS", "Avg Response", "Error Rate"]
    assert lines[5].split("  ")[0] == "instance"
    assert [line.split()[:2] for line in lines[6:]] == [[name, "serving"] for name in _NAMES]
    for pod, line in zip(pods, lines[6:], strict=True):
        assert f"127.0.0.1:{pod.port}" in line
        assert str(pod.port) not in json.dumps(pod.ask("/api/health").body)  # strangers are not told


def test_what_an_instance_serves_is_told_after_its_next_beat(pods: list[LiveServer]) -> None:
    for _ in range(60):
        pods[1].ask("/api/v1/me")
    deadline = time.monotonic() + 30
    while not (row := row_of(pods[0], "pod-2"))["figures"]["rps"]:
        assert time.monotonic() < deadline

    assert row["figures"]["error_percent"] == 0
    assert 0 < row["figures"]["p50_ms"] <= row["figures"]["p99_ms"]
    assert row["memory_mib"] > 40
    assert row["cpu_percent"] >= 0
    assert row_of(pods[0], "pod-3")["figures"]["rps"] == 0


def test_it_goes_on_by_itself_until_it_is_told_to_end(pods: list[LiveServer]) -> None:
    watching = subprocess.Popen(
        [*_LIST, "--watch", "--json"], cwd=ROOT, env=pods[0].environment, stdout=subprocess.PIPE, text=True
    )
    with watching:
        assert watching.stdout
        seen = [json.loads(watching.stdout.readline()) for _ in range(2)]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 0

    assert [each["active"] for each in seen] == [3, 3]
    assert seen[0]["instances"][0]["up_seconds"] < seen[1]["instances"][0]["up_seconds"]


def test_the_page_refreshes_itself_and_fits_light_and_dark_on_desks_and_phones(pods: list[LiveServer]) -> None:
    with on_the_page(pods[0]) as browser:
        assert [row.get_attribute("data-instance") for row in rows(browser)] == list(_NAMES)
        first = rows(browser)[0]
        before = served(browser, "pod-2")
        for _ in range(200):
            pods[1].ask("/api/v1/me")
        wait(browser, lambda: served(browser, "pod-2") > before)

        assert not is_there(first)  # the part was replaced, and nothing reloaded the page
        assert browser.execute_script("return performance.getEntriesByType('navigation')[0].type") == "navigate"
        assert looks(browser, width=1440, scheme="light") == (True, False)
        assert looks(browser, width=390, scheme="dark") == (True, True)
        assert looks(browser, width=390, scheme="light") == (True, False)
        names = browser.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
        assert all(name.startswith(pods[0].url) for name in names)
        log: Any = browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium's
        assert log == []  # nothing that the Content-Security-Policy refused, either


def test_numbers_that_stand_still_are_said_to_be_old(pods: list[LiveServer], redis_server: RedisServer) -> None:
    """The staff's sessions are in Redis, so that the page is answered 503 meanwhile."""
    with on_the_page(pods[0]) as browser:
        redis_server.freeze()
        try:
            wait(browser, lambda: "Not refreshed since" in note(browser))
            assert "503, Redis or the database is away; trying again" in note(browser)
            assert len(rows(browser)) == 3
            assert browser.find_elements(By.CSS_SELECTOR, "[data-stale]")
        finally:
            redis_server.thaw()
        wait(browser, lambda: "fresh every 5 seconds" in note(browser))
        assert not browser.find_elements(By.CSS_SELECTOR, "[data-stale]")
    wait_until_all_is_well(pods)


def test_one_that_drains_is_told_as_that_and_is_gone_with_its_end(pods: list[LiveServer]) -> None:
    with on_the_page(pods[0]) as browser, ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(pods[1].stop)
        while (state := row_of(pods[0], "pod-2")["state"]) == "serving":
            assert not stopping.done()

        assert state == "draining"
        wait(browser, lambda: "draining" in [row.get_attribute("data-state") for row in rows(browser)])
        assert "Draining: pod-2." in browser.page_source
        stopping.result()
        wait(browser, lambda: "pod-2 ended" in text(browser, ".cluster-gone"))
    assert ids(pods[0]) == ["pod-1", "pod-3"]


def test_one_that_is_killed_is_gone_within_fifteen_seconds(pods: list[LiveServer]) -> None:
    os.killpg(pods[2].pid, signal.SIGKILL)
    killed = asked = time.monotonic()
    while "pod-3" in ids(pods[0]):
        assert asked - killed < _GONE_AFTER_SECONDS
        asked = time.monotonic()

    assert ids(pods[0]) == ["pod-1"]
    gone = listed(pods[0]).stdout.splitlines()[-2:]
    assert [line.partition(",")[0] for line in gone] == ["pod-3: lost without a word", "pod-2: ended"]
