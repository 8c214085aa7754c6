"""The whole way from the start page to taking a request back, by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from desk import Desk, wait_for

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import asking
from asking import CONTINUE, SEND
from chromium import Window

pytestmark = [pytest.mark.slow, pytest.mark.browser]

Open = Callable[..., Window]
Fresh = Callable[[], Any]


@pytest.mark.parametrize("scripts", [False, True], ids=["plain", "scripts"])
def test_the_keyboard_is_enough(trial: Desk, open_window: Open, fresh: Fresh, scripts: bool) -> None:
    window, row = open_window(scripts=scripts), fresh()
    keyboard, picture = window.page.keyboard, trial.var / "sample" / "try" / "grey.png"
    window.page.on("filechooser", lambda opened: opened.set_files(picture))
    window.go("/en/")
    _skip_to_the_content(window)
    window.press_key("a.button")

    window.tab_to("input[name=ground]")
    for key in ("Space", "ArrowDown", "ArrowUp"):
        keyboard.press(key)
    assert window.page.locator("input[name=ground][value=private]").is_checked()
    window.press_key(CONTINUE)

    for kind in ("addresses", "pictures", "fingerprints"):
        window.tab_to(f"input[name=have][value={kind}]")
        keyboard.press("Space")
    window.press_key(CONTINUE, "Space")
    window.type_into("#addresses", f"{row.url}\nhttps://nowhere.example/1.jpg")
    window.press_key(CONTINUE)
    window.type_into("#fingerprints", row.sha256)
    window.press_key(CONTINUE)
    window.type_into("#note", "Typed by hand.")
    window.press_key("button.back")
    assert window.page.locator("#fingerprints").input_value() == row.sha256
    window.press_key(CONTINUE)
    window.press_key(CONTINUE)
    assert "Typed by hand." in window.text()

    _choose_picture(window)
    window.press_key(SEND)
    words = asking.words(window)

    window.press_key("a[href$='/status/']")
    window.type_into("#words", " ".join(words))
    window.press_key("main form button.button")
    assert window.page.locator("ul.items > li").count() == 4
    window.type_into("#text", "Written by hand.")
    window.press_key("form[action$='/status/message/'] button")
    assert "Written by hand." in window.text()
    window.press_key("#item-2 button[formaction$='/status/withdraw/']")
    window.press_key("button.danger")
    assert "You took this back." in window.page.locator("#item-2").inner_text()
    window.look()
    window.close()


def _skip_to_the_content(window: Window) -> None:
    """The first stop is the link past the header; it is seen when it has the focus."""
    window.page.keyboard.press("Tab")
    assert window.active()["name"] == "Skip to the content"
    assert (window.page.locator(".skip").bounding_box() or {"x": -1})["x"] >= 0
    window.page.keyboard.press("Enter")
    window.page.keyboard.press("Tab")
    assert window.page.evaluate("document.querySelector('main').contains(document.activeElement)")


def _choose_picture(window: Window) -> None:
    """The field opens the system's own dialogue; with scripts the fingerprint is made before it is sent."""
    field = "#device-files" if window.scripts else "#pictures"
    window.tab_to(field)
    window.page.keyboard.press("Enter")
    if window.scripts:
        asking.wait_for_fingerprints(window, 1)
    else:
        wait_for("a chosen picture", lambda: window.page.locator(field).input_value(), 20)
