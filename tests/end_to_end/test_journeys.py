"""Each kind of request from its first page to its answer, with JavaScript and without, in four languages."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import people
import pytest
from desk import Desk

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import asking
from asking import Answers
from chromium import Window

pytestmark = [pytest.mark.slow, pytest.mark.browser]

Open = Callable[..., Window]
Fresh = Callable[[], Any]

#: Kind, language, width, whether scripts run. Every kind goes both ways, every language at both widths.
JOURNEYS = [
    ("address", "de", 320, False),
    ("address", "fr", 1280, True),
    ("picture", "fr", 320, False),
    ("picture", "es", 1280, True),
    ("fingerprint", "es", 320, False),
    ("fingerprint", "de", 1280, True),
    ("site", "en", 1280, False),
    ("site", "de", 320, True),
    ("child safety", "fr", 1280, False),
    ("child safety", "en", 320, True),
]
#: What the status says in English once the machine is through.
SAID = {"site": "Waiting for proof", "child safety": "We found rows"}


def _given(kind: str, desk: Desk, fresh: Fresh) -> Answers:
    """One thing to look for; another for each journey."""
    if kind == "picture":
        return Answers(pictures=[desk.var / "sample" / "try" / "slight-crop.jpg"])
    if kind == "fingerprint":
        return Answers(fingerprints=[fresh().sha256])
    if kind == "site":
        return Answers(site="www.albums.example/Winter")
    return Answers(addresses=[fresh().url])


@pytest.mark.parametrize(
    ("kind", "language", "width", "scripts"),
    JOURNEYS,
    ids=[f"{kind}-{language}-{width}-{'js' if on else 'plain'}" for kind, language, width, on in JOURNEYS],
)
def test_a_request_is_sent_and_answered(
    trial: Desk, open_window: Open, fresh: Fresh, kind: str, language: str, width: int, scripts: bool
) -> None:
    window = open_window(width, scripts=scripts)
    given = _given(kind, trial, fresh)
    if kind == "child safety":
        _report(window, language, given.addresses[0])
    else:
        for _ in asking.walk(window, language, given):
            window.look()
    words = asking.words(window)
    _check_print(window)
    if kind == "picture":
        assert _newest(trial, "on_device") == int(scripts)

    people.wait_for_status(trial, " ".join(words), SAID.get(kind, "We found rows"))
    window.submit("form[action$='/status/'] button")
    window.look()
    assert window.page.locator("ul.items > li").count() == 1
    assert window.page.locator("#item-1 .proof").count() == int(kind == "site")
    assert f"/{language}/" in window.page.url
    assert asking.told(window, words) == []
    window.close()


def _report(window: Window, language: str, address: str) -> None:
    """The path of its own: from the reasons to help, and on only for those who want to tell an address."""
    for name in asking.walk(window, language, Answers(ground="child-safety")):
        window.look()
        if name == "have":
            break
    assert window.page.url.endswith(f"/{language}/under-18/")
    window.submit("a[href$='/under-18/report/']")
    window.look()
    assert window.page.locator("input[type=file]").count() == 0
    window.page.locator("#addresses").fill(address)
    window.submit("form[action$='/under-18/sent/'] button.button")
    window.look()


def _check_print(window: Window) -> None:
    """On paper stand the words, and nothing of what can only be pressed."""
    window.page.emulate_media(media="print")
    assert window.page.locator(asking.WORDS).first.is_visible()
    assert not window.page.locator("header").is_visible()
    assert not window.button("").is_visible()
    window.page.emulate_media(media="screen")


def _newest(desk: Desk, column: str) -> Any:
    """A column of the item that came last."""
    with sqlite3.connect(desk.var / "portal.sqlite3") as connection:
        found = connection.execute(f"SELECT {column} FROM portal_item ORDER BY id DESC LIMIT 1").fetchone()
    return found[0]


@pytest.mark.parametrize("scripts", [False, True], ids=["plain", "scripts"])
def test_the_language_is_switched_on_every_page_and_nothing_is_lost(
    open_window: Open, fresh: Fresh, scripts: bool
) -> None:
    window, row = open_window(1280, scripts=scripts), fresh()
    given = Answers(
        addresses=[row.url], fingerprints=[row.sha256], site="albums.example", note="A note of mine."
    )
    languages = ["de", "fr", "es", "en"]
    for name in asking.walk(window, "en", given):
        languages.append(languages.pop(0))
        window.switch(languages[0])
        assert f"/{languages[0]}/" in window.page.url
        window.look()
        if name == "check":
            assert all(kept in window.text() for kept in (row.url, row.sha256, given.site, given.note))
            window.page.locator("#keep").check()
    words = asking.words(window)
    for language in (*languages[1:], languages[0]):
        window.switch(language)
        assert asking.words(window) == words
    window.submit("form[action$='/status/'] button")
    window.switch(languages[1])
    assert window.page.locator("ul.items > li").count() == 3
    window.submit("#item-3 button[formaction$='/status/withdraw/']")
    window.switch(languages[2])
    assert given.site in window.text()
    window.submit("button.danger")
    window.look()
    assert window.page.locator("#item-3 button").count() == 0
    window.close()


@pytest.mark.parametrize("language", ["de"])
def test_the_browsers_back_shows_each_page_as_it_was_filled_in(
    trial: Desk, open_window: Open, fresh: Fresh, language: str
) -> None:
    window, row = open_window(320), fresh()
    given = Answers(
        [row.url], [trial.var / "sample" / "try" / "grey.png"], [row.sha256], "a.example", "Note."
    )
    asking.to_check(window, language, given)
    for name, text in reversed(given.typed.items()):
        window.page.go_back()
        assert window.page.locator(f"#{asking.FIELDS[name]}").input_value() == text
        window.look()
    window.page.go_back()
    ticked = window.page.locator("input[name=have]:checked")
    assert ticked.evaluate_all("all => all.map(one => one.value)") == given.have
    window.page.go_back()
    assert window.page.locator("input[name=ground]:checked").get_attribute("value") == given.ground
    for _ in range(2 + len(given.typed)):
        window.page.go_forward()
    assert all(kept in window.text() for kept in (row.url, row.sha256, given.site, given.note))
    assert window.page.locator(asking.SEND).count() == 1
    window.close()
