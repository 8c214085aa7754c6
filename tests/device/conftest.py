"""A real Chromium that runs the modules of portal/static/portal/device, and a small server for them.

``modules`` calls functions of the modules with values of Python and gives values of Python back; ``site``
serves the static folder under /static/ and whatever a test puts there; ``window`` is a page to open them in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from device_modules import Modules
from device_site import Site

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import chromium  # noqa: E402 - after the check that playwright is there


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium a module: playwright runs only once at a time, and other folders start their own."""
    path = chromium.find()
    if path is None:
        pytest.skip(f"no browser is installed: none of {', '.join(chromium.NAMES)} is on the path")
    with sync_api.sync_playwright() as playwright:
        started = chromium.launch(playwright, path)
        yield started
        started.close()


@pytest.fixture(scope="module")
def modules(browser: Any, site: Site) -> Iterator[Modules]:
    """Calls JavaScript modules by name; see device_modules.Modules."""
    page = browser.new_page()
    page.goto(site.put("empty.html", "<!doctype html><title>modules</title>"))
    yield Modules(page)
    page.close()


@pytest.fixture
def window(browser: Any) -> Iterator[Any]:
    """An empty page of a context of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()
