"""A Chromium for the tests of pages: the system's, else Playwright's own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Skips the test where there is no browser; with HARNESS_REQUIRE_BROWSER=1, as in CI, that is a failure."""
    system = next((path for name in NAMES if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=system, args=FLAGS)
        except Error as error:
            why = f"no Chromium on this machine (`nox -s browser` installs one): {error.message.splitlines()[0]}"
            if os.environ.get("HARNESS_REQUIRE_BROWSER") == "1":
                pytest.fail(why)
            pytest.skip(why)
        try:
            yield browser
        finally:
            browser.close()
