"""A window of a real Chromium, with JavaScript switched off or on, that remembers what the pages did.

Playwright can ask a page questions in both: that goes through the debugger, not through the page's scripts.
``look`` is called once on every page. It checks the rules that hold for all pages, with axe too where scripts
run. Of a page that it is told a name for, it saves what it looks like at each width, when the environment
variable SCREENSHOTS names a folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import accessible
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
#: What the browser notes and is meant: that it forgot the pages of the form when the receipt came; and that a
#: page came with 404 or 422, which ``look`` compares. A file that is missing is caught in _on_response.
NOTED = ("Clear-Site-Data header on", "Failed to load resource: the server responded")


def find() -> str | None:
    """Where a Chromium is installed, if any."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def launch(playwright: Playwright, path: str) -> Browser:
    return playwright.chromium.launch(executable_path=path, args=FLAGS)


class Window:
    """One person's window: a page with cookies of its own."""

    def __init__(
        self,
        browser: Browser,
        desk: Desk,
        widths: Sequence[int] = WIDTHS,
        scripts: bool = False,
        keys: bool = True,
    ) -> None:
        """Every page is looked at in all widths; what is done on it is done in the last one.

        Args:
            widths: CSS pixels.
            scripts: whether JavaScript runs.
            keys: whether Tab is walked through every page: the order is the same in every language.
        """
        self.desk = desk
        self.widths = widths
        self.scripts = scripts
        self.keys = keys
        self.context = browser.new_context(
            java_script_enabled=scripts,
            viewport={"width": widths[-1], "height": HEIGHT},
            locale="en-GB",
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.status = 0
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", self._on_request)
        self.page.on("response", self._on_response)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def close(self) -> None:
        self.context.close()

    def go(self, path: str) -> None:
        self.page.goto(self.desk.address + path)

    def press(self, label: str, within: str = "main") -> None:
        """Press the first button that begins with these words, and wait for the answer."""
        with self.page.expect_navigation(wait_until="load"):
            self.button(label, within).click()

    def submit(self, selector: str) -> None:
        """Press the first thing of a CSS selector in the main part, and wait for the page that follows."""
        with self.page.expect_navigation(wait_until="load"):
            self.page.locator("main").locator(selector).first.click()

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

    def tab_to(self, selector: str) -> None:
        """Press Tab until an element of a CSS selector has the focus."""
        for _ in range(page_rules.MOST_STOPS):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"Tab never reaches {selector!r} on {self.page.url}")

    def type_into(self, selector: str, text: str) -> None:
        """Reach a field with Tab and type; Enter is a new line."""
        self.tab_to(selector)
        self.page.keyboard.type(text)

    def press_key(self, selector: str, key: str = "Enter") -> None:
        """Reach a button or a link with Tab, press it with a key, and wait for the page that follows."""
        self.tab_to(selector)
        with self.page.expect_navigation(wait_until="load"):
            self.page.keyboard.press(key)

    def switch(self, language: str) -> None:
        """Read the same page in another language."""
        with self.page.expect_navigation(wait_until="load"):
            self.page.locator(f".languages [lang={language}]").click()

    def look(self, name: str = "", status: int = 200) -> None:
        """Check everything that holds for every page; keep pictures of it if asked to. Moves the focus."""
        self.page.wait_for_load_state("load")
        where = f"{name} ({self.page.url}, scripts {'on' if self.scripts else 'off'})"
        assert self.status == status, where
        for width in self.widths:
            self.page.set_viewport_size({"width": width, "height": HEIGHT})
            self._keep(name and f"{name}-{width}")
            found = page_rules.faults(self.page)
            found += accessible.violations(self.page) if self.scripts else []
            assert not found, f"{where}, {width} px wide: {found}"
        found = page_rules.walk(self.page) if self.keys else []
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
        if not folder or not name:
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
        if not message.text.startswith(NOTED):
            self.complaints.append(f"{message.type}: {message.text}")


_RENAME = """([from, to]) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(from, to);
}"""
