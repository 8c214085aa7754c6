"""A window of a real Chromium that has JavaScript switched off and remembers what the pages did.

Playwright can still ask the page questions: that goes through the debugger, not through the page's scripts.
``look`` is called once on every page. It checks the rules that hold for all pages and, when the environment
variable SCREENSHOTS names a folder, saves what the page looks like at this width.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import page_rules
from desk import Desk, wait_for
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Locator, Playwright, Request, Response

FLAGS = [
    "--no-sandbox",  # tests often run as root in a container; every page comes from our own desk
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome")

#: CSS pixels: the narrowest screen that WCAG 1.4.10 asks for, and a common laptop.
WIDTHS = (320, 1280)
HEIGHT = 720
COLOURS = 64  # of a saved screenshot


def find() -> str | None:
    """Where a Chromium is installed, if any."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def launch(playwright: Playwright, path: str) -> Browser:
    return playwright.chromium.launch(executable_path=path, args=FLAGS)


class Window:
    """One person's window: a page with cookies of its own."""

    def __init__(self, browser: Browser, desk: Desk, widths: Sequence[int] = WIDTHS) -> None:
        """Every page is looked at in all widths; what is done on it is done in the last one."""
        self.desk = desk
        self.widths = widths
        self.context = browser.new_context(
            java_script_enabled=False,
            viewport={"width": widths[-1], "height": HEIGHT},
            locale="en-GB",
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(10_000)
        self.page = self.context.new_page()
        self.status = 0
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", self._on_request)
        self.page.on("response", self._on_response)
        self.page.on("console", self._on_console)

    def close(self) -> None:
        self.context.close()

    def go(self, path: str) -> None:
        self.page.goto(self.desk.address + path)

    def press(self, label: str, within: str = "main") -> None:
        """Press the first button that begins with these words, and wait for the answer."""
        with self.page.expect_navigation(wait_until="load"):
            self.button(label, within).click()

    def button(self, label: str, within: str = "main") -> Locator:
        return self.page.locator(within).locator("button").filter(has_text=label).first

    def text(self) -> str:
        return self.page.locator("main").inner_text()

    def look_again(self, press: str, said: str) -> None:
        """Press the button until the page says something: the worker takes a moment."""

        def again() -> bool:
            self.page.get_by_text(press, exact=True).click()
            return said in self.text()

        if said not in self.text():
            wait_for(f"a page that says {said!r}", again)

    def found(self) -> int:
        """How many items a status page tells as found, asked anew."""
        self.press("Look again")
        return self.page.locator(".badge", has_text="Found").count()

    def active(self) -> dict[str, Any]:
        """What has the focus: its tag, its class, its name for a person, and more."""
        return page_rules.active(self.page)

    def tab_to(self, name: str) -> None:
        """Press Tab until the element whose name begins so has the focus."""
        for _ in range(page_rules.MOST_STOPS):
            self.page.keyboard.press("Tab")
            if self.active()["name"].startswith(name):
                return
        raise AssertionError(f"Tab never reaches {name!r} on {self.page.url}")

    def look(self, name: str, status: int = 200) -> None:
        """Check everything that holds for every page; keep pictures of it if asked to. Moves the focus."""
        self.page.wait_for_load_state("load")
        where = f"{name} ({self.page.url})"
        assert self.status == status, where
        for width in self.widths:
            self.page.set_viewport_size({"width": width, "height": HEIGHT})
            self._keep(f"{name}-{width}")
            found = page_rules.faults(self.page)
            assert not found, f"{where}, {width} px wide: {found}"
        found = page_rules.walk(self.page)
        assert not found, f"{where}: {found}"
        assert not self.complaints, f"{where}: {self.complaints}"
        elsewhere = [url for url in self.requested if urlsplit(url)[:2] != urlsplit(self.desk.address)[:2]]
        assert not elsewhere, f"{where}: {elsewhere}"
        self._check_cookies(where)

    def _check_cookies(self, where: str) -> None:
        """The public pages set none; those of the desk stay at the desk and out of reach of scripts."""
        cookies = self.context.cookies()
        if not urlsplit(self.page.url).path.startswith("/desk/"):
            assert not cookies, where
        for cookie in cookies:
            assert (cookie["path"], cookie["httpOnly"], cookie["sameSite"]) == ("/desk/", True, "Strict"), (
                where
            )

    def _keep(self, name: str) -> None:
        folder = os.environ.get("SCREENSHOTS")
        if not folder:
            return
        # A test runs in a folder of its own, with a name that differs each time: show a steady one.
        self.page.evaluate(_RENAME, [str(self.desk.folder), "/srv/takedown"])
        with Image.open(BytesIO(self.page.screenshot(full_page=True, caret="initial"))) as picture:
            small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        Path(folder).mkdir(parents=True, exist_ok=True)
        small.save(Path(folder) / f"{name}.png", optimize=True)

    def _on_request(self, request: Request) -> None:
        self.requested.append(request.url)

    def _on_response(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self.status = response.status
        elif response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        # The browser also notes that a page came with 404 or 422. Those are meant; ``look`` compares them.
        # The note's address is the page's; a file that is missing is caught in _on_response.
        if not message.text.startswith("Failed to load resource: the server responded"):
            self.complaints.append(f"{message.type}: {message.text}")


_RENAME = """([from, to]) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(from, to);
}"""
