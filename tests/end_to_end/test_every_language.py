"""Every public page, and every problem of the form, in every language: looked at in two widths, with axe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import asking
from asking import CONTINUE, SEND, Answers
from chromium import Window

pytestmark = [pytest.mark.slow, pytest.mark.browser]

Open = Callable[..., Window]
Fresh = Callable[[], Any]

LANGUAGES = ("en", "de", "fr", "es")
TOLD = ("", "about/", "privacy/", "releases/", "accessibility/", "help/", "under-18/", "report/")
#: Page of the form -> its field and what cannot be used there.
WRONG = {
    "where": ("addresses", "javascript:alert(1)"),
    "fingerprints": ("fingerprints", "not a digest"),
    "site": ("site", "no site"),
    "note": ("note", "x" * 501),
}


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _picture(language: str, name: str) -> str:
    """One picture in each language but English, whose pages all have one (test_browser.py)."""
    return (
        f"{name}-{language}" if (name, language) in {("check", "de"), ("why", "fr"), ("look", "es")} else ""
    )


def test_the_pages_that_tell(open_window: Open, language: str) -> None:
    window = open_window(scripts=True, keys=language == "en")
    for path in TOLD:
        window.go(f"/{language}/{path}")
        window.look()
    window.go(f"/{language}/nowhere/")
    window.look(status=404)
    window.close()


def test_the_form_and_what_can_be_wrong_with_it(open_window: Open, fresh: Fresh, language: str) -> None:
    window, row = open_window(scripts=True, keys=language == "en"), fresh()
    given = Answers([row.url], [], [row.sha256], "www.albums.example/Winter", "Note")
    for name in asking.walk(window, language, given):
        window.look(_picture(language, name))
        if name in WRONG:
            field, text = WRONG[name]
            window.page.locator(f"#{field}").fill(text)
        if name not in ("check", "receipt"):
            window.submit(CONTINUE)
            _look_at_the_problem(window)
    words = asking.words(window)
    window.go(f"/{language}/status/")
    window.look()
    window.page.locator("#words").fill("not these words")
    window.submit("form[action$='/status/'] button")
    _look_at_the_problem(window, status=200)
    window.page.locator("#words").fill(" ".join(words))
    window.submit("form[action$='/status/'] button")
    window.look()
    window.submit("form[action$='/status/message/'] button")  # an empty message
    _look_at_the_problem(window)
    window.submit("button[formaction$='/status/withdraw/']")
    window.look()
    window.submit("button.danger")
    window.look()
    window.close()


def test_pictures_that_are_missing(open_window: Open, language: str) -> None:
    window = open_window(scripts=True, keys=language == "en")
    window.go(f"/{language}/ask/")
    window.page.locator("input[name=ground][value=intimate]").check()
    window.submit(CONTINUE)
    window.page.locator("input[name=have][value=pictures]").check()
    window.submit(CONTINUE)
    window.submit(CONTINUE)
    window.page.locator("#device-files").wait_for()
    window.look()
    window.submit(SEND)
    _look_at_the_problem(window)
    window.close()


def test_looking_and_the_path_of_its_own(open_window: Open, fresh: Fresh, language: str) -> None:
    window = open_window(scripts=True, keys=language == "en")
    window.go(f"/{language}/look/")
    window.look(_picture(language, "look"))
    window.submit("form[action$='/look/'] button.button")
    _look_at_the_problem(window)
    window.page.locator("#addresses").fill(f"{fresh().url}\nhttps://nowhere.example/1.jpg")
    window.submit("form[action$='/look/'] button.button")
    window.look()
    window.go(f"/{language}/under-18/report/")
    window.look()
    window.submit("form[action$='/under-18/sent/'] button.button")
    _look_at_the_problem(window)
    window.page.locator("#addresses").fill("https://never-opened.example/1.jpg")
    window.submit("form[action$='/under-18/sent/'] button.button")
    window.look()
    window.close()


def _look_at_the_problem(window: Window, status: int = 422) -> None:
    """The summary has the focus; its link leads to a field that says what is wrong."""
    assert window.active()["class"] == "problems"
    window.look(status=status)
    window.page.locator(".problems a").first.click()
    assert window.active()["tag"] in {"INPUT", "TEXTAREA"}, window.page.url
    described = "document.activeElement.closest('[aria-describedby*=-wrong]')"
    assert window.page.evaluate(f"{described} !== null"), window.page.url
