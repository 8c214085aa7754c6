"""What a person sees who sends what cannot be taken, and where a picture becomes a fingerprint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from desk import Desk

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import asking
from asking import CONTINUE, Answers
from chromium import Window

pytestmark = [pytest.mark.slow, pytest.mark.browser]

Open = Callable[..., Window]


def _alter(window: Window, selector: str, change: str) -> None:
    """Change something on the page that the person could not, such as a hidden field; then send the form."""
    window.page.locator(selector).first.evaluate(f"element => {{ {change} }}")


def test_words_that_open_nothing_are_asked_for_again(open_window: Open) -> None:
    window = open_window()
    window.go("/en/status/")
    window.page.locator("#words").fill("these are not the words")
    window.press("Continue")
    assert window.page.locator("#words").input_value() == "these are not the words"
    assert "A receipt has 8 words" in window.page.locator(".problems").inner_text()
    window.look("problem-words")
    window.close()


def test_a_form_that_was_altered_starts_again(open_window: Open) -> None:
    window = open_window()
    window.go("/en/ask/")
    _alter(window, "input[name=draft]", "element.value += 'x'")
    window.submit(CONTINUE)
    window.look("start-again", status=422)
    window.submit("a.button")
    assert window.page.url.endswith("/en/ask/")
    window.close()


def test_what_is_too_large_is_refused(open_window: Open) -> None:
    window = open_window()
    for name in asking.walk(window, "en", Answers(addresses=["https://nowhere.example/"])):
        if name == "where":
            break
    _alter(window, "#addresses", "element.value = 'x'.repeat(5 << 20)")
    window.submit(CONTINUE)
    window.look("too-large", status=413)
    assert window.status == 413
    window.close()


def test_pictures_are_refused_where_none_are_taken(open_window: Open) -> None:
    window = open_window()
    window.go("/en/look/")
    _alter(window, "form[action$='/look/']", "element.enctype = 'multipart/form-data'")
    window.submit("form[action$='/look/'] button.button")
    window.look("look-refused", status=415)
    assert window.status == 415
    window.go("/en/under-18/report/")
    _alter(window, "form[action$='/sent/']", "element.enctype = 'multipart/form-data'")
    window.submit("form[action$='/sent/'] button.button")
    window.look("under-18-refused", status=415)
    assert window.status == 415
    window.close()


def test_a_picture_becomes_a_fingerprint_on_this_device(trial: Desk, open_window: Open) -> None:
    window: Any = open_window(scripts=True)
    tries = trial.var / "sample" / "try"
    asking.to_check(window, "en", Answers(pictures=[tries / "brighter.jpg"]))
    asking.add_pictures(window, [tries / "brighter.jpg", tries / "half-size.jpg"])
    window.look("check-on-this-device")
    window.page.locator("[data-crop]").first.click()
    window.page.locator(".cropper canvas").wait_for()
    window.look("check-cut-out")
    window.page.locator("[data-leave]").click()
    window.submit(asking.SEND)
    assert len(asking.words(window)) == 8
    window.close()
