"""Debian's Chromium without a window, for pages that are tried as people see them.

``with chromium(width=1280, height=900) as browser:`` gives a selenium driver; it is ended whatever happens.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

_PAGE_SECONDS = 30


@contextmanager
def chromium(*, width: int = 1280, height: int = 900, dark: bool = False) -> Iterator[Chrome]:
    """Start a browser of that size; a phone is 390 by 844.

    Raises:
        AssertionError: Chromium or its driver is not installed; `make servers` installs both.
    """
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert browser, "chromium is not installed: run make servers."
    assert driver, "chromedriver is not installed: run make servers."
    options = ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"):
        options.add_argument(argument)
    options.add_argument(f"--window-size={width},{height}")
    if dark:
        options.add_argument("--force-dark-mode")
        options.add_argument("--blink-settings=preferredColorScheme=0")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    running = Chrome(options=options, service=ChromeService(driver))
    try:
        # Headless Chromium takes no window below 500 pixels; the emulated screen is as narrow as a phone's.
        running.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        running.set_page_load_timeout(_PAGE_SECONDS)
        yield running
    finally:
        running.quit()
