"""A real Chromium: `with chromium(size=(390, 844)) as driver`, or the fixture `browser` for tests.

Each has a profile of its own, so two of them are two people. WebGL is drawn in software. Like a person, a browser
looks for a thing until the page has it: a click is answered before the page that it leads to is there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--lang=en-US",
)

PATIENCE = 30
"""Seconds for which a page may lack what is looked for; what must not be there is told by `find_elements`."""


class Chromium(webdriver.Chrome):
    """A browser whose `find_element` waits for the first element that fits, and tells when none came."""

    def find_element(self, *by: Any, **value: Any) -> WebElement:
        """Give the first element that fits.

        Raises:
            NoSuchElementException: None was there for `PATIENCE` seconds.
        """
        look = super().find_element
        waiting = WebDriverWait(self, PATIENCE, 0.1, ignored_exceptions=[NoSuchElementException])
        with suppress(TimeoutException):
            return waiting.until(lambda _: look(*by, **value))
        return look(*by, **value)


@contextmanager
def chromium(
    size: tuple[int, int] = (1280, 900),
    *,
    dark: bool = False,
    resolver_rules: str = "",
    authority: Path | None = None,
) -> Iterator[webdriver.Chrome]:
    """Run a browser of a given viewport size for as long as the block lasts.

    `resolver_rules`, such as `MAP dive.example 192.0.2.7`, say where hosts are found; certificates that `authority`
    signed are trusted as if the person had imported it.
    """
    profile = Path(tempfile.mkdtemp(prefix="divebell-browser-"))
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    more = [f"--host-resolver-rules={resolver_rules}"] if resolver_rules else []
    for flag in (*FLAGS, *more, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    environment = {**os.environ, "HOME": str(profile)} if authority else dict(os.environ)
    if authority:
        _trust(authority, profile)
    driver = Chromium(
        options=options, service=Service(shutil.which("chromedriver") or "chromedriver", env=environment)
    )
    try:
        driver.set_page_load_timeout(180)
        driver.set_script_timeout(180)
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 600}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        yield driver
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)


def _trust(authority: Path, home: Path) -> None:
    """Import an authority where Chromium looks for those that a person trusts."""
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    database = ["certutil", "-d", f"sql:{store}"]
    trusted = ["-A", "-n", "the event", "-t", "C,,", "-i", str(authority)]
    for words in ([*database, "-N", "--empty-password"], [*database, *trusted]):
        subprocess.run(words, check=True, timeout=30, capture_output=True)


@pytest.fixture
def browser() -> Iterator[Callable[..., webdriver.Chrome]]:
    """Give the function that opens browsers; they close when the test ends."""
    with ExitStack() as stack:

        def open_one(**options: Any) -> webdriver.Chrome:
            return stack.enter_context(chromium(**options))

        yield open_one


def complaints(driver: webdriver.Chrome) -> list[str]:
    """Give what the browser's console holds against the pages so far."""
    return [
        entry["message"] for entry in driver.get_log("browser") if entry["level"] in {"SEVERE", "WARNING"}
    ]
