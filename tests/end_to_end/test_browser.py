"""What people see, in a real browser without JavaScript, on a narrow and on a wide screen.

Every page is looked at once (``Window.look``). To make the pictures in docs/screenshots anew:

    SCREENSHOTS=docs/screenshots .venv/bin/python -m pytest tests/end_to_end -m browser
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, wait_for

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import asking
from asking import CONTINUE, SEND, Answers
from chromium import WIDTHS, Window

pytestmark = [pytest.mark.slow, pytest.mark.browser]

Open = Callable[..., Window]
Fresh = Callable[[], Any]
#: Pages that only tell: how a picture of each is called -> its address.
TOLD = {
    "start": "",
    "about": "about/",
    "privacy": "privacy/",
    "releases": "releases/",
    "accessibility": "accessibility/",
    "help": "help/",
    "help-under-18": "under-18/",
    "report-before-the-first-month": "report/",
}


@pytest.mark.parametrize("width", WIDTHS)
def test_a_person_asks_and_takes_back(trial: Desk, open_window: Open, fresh: Fresh, width: int) -> None:
    window = open_window(width)
    page, tries = window.page, trial.var / "sample" / "try"
    given = Answers(
        addresses=[fresh().url, fresh().url],
        pictures=[tries / "mirrored.jpg", tries / "half-size.jpg"],
        fingerprints=[fresh().sha256],
        site="pictures.example",
        note="It shows a letter with my diagnosis.",
    )
    for name in asking.walk(window, "en", given):
        window.look(name)
    words = asking.words(window)

    page.get_by_role("link", name="Check a request").click()
    window.look("words")
    page.get_by_label("The eight words").fill(", ".join(words).upper())
    window.press("Continue")
    wait_for("all five found", lambda: window.found() == 5)
    assert page.locator(".badge", has_text="Waiting for proof").count() == 1
    window.look("status")

    window.press("Take this back")
    window.look("take-back")
    window.press("Yes, take it back")
    assert "You took this back." in window.text()
    assert window.found() == 4
    window.look("taken-back")
    window.close()


def test_pages_beside_the_way(open_window: Open, fresh: Fresh) -> None:
    window = open_window()
    for name, path in TOLD.items():
        window.go(f"/en/{path}")
        window.look(name)
    window.go("/en/under-18/report/")
    window.look("under-18-report")
    window.submit("button.button")
    window.look("problem-under-18", status=422)
    window.page.locator("#addresses").fill("https://never-opened.example/1.jpg")
    window.submit("button.button")
    window.look("under-18-sent")
    window.go("/en/look/")
    window.look("look")
    window.page.locator("#addresses").fill(f"{fresh().url}\nhttps://nowhere.example/1.jpg")
    window.submit("form[action$='/look/'] button.button")
    window.look("look-answer")
    window.go("/nowhere/")
    window.look("not-found", status=404)
    window.close()


def _follow_problem(window: Window) -> None:
    """The summary's link puts the focus into the field, ready to mend it."""
    window.page.locator(".problems").get_by_role("link").first.click()
    assert window.active()["tag"] in {"INPUT", "TEXTAREA"}


def _check_problem(window: Window, field: str, name: str, sentence: str = "") -> None:
    """The summary has the focus and leads to the field, which says the same and points to it."""
    summary = window.page.locator(".problems")
    wait_for("the focus on the summary", lambda: window.active()["class"] == "problems", 5)
    assert summary.get_by_role("heading").inner_text() == "There is a problem"
    assert sentence in summary.inner_text()
    assert sentence in window.page.locator(f"#{field}-wrong").inner_text()
    assert window.page.locator(f"[aria-describedby~={field}-wrong]").count() == 1
    assert window.page.title().startswith("Error: ")
    window.look(name, status=window.status)
    _follow_problem(window)


@pytest.mark.parametrize("scripts", [False, True], ids=["plain", "scripts"])
def test_problems_are_said_where_they_are_and_nothing_typed_is_lost(
    open_window: Open, fresh: Fresh, scripts: bool
) -> None:
    window = open_window(scripts=scripts)
    page, good = window.page, fresh().url
    wrong = {
        "where": ("addresses", f"{good}\njavascript:alert(1)", "2"),
        "fingerprints": ("fingerprints", "not a digest", "1"),
        "site": ("site", "no site", ""),
        "note": ("note", "x" * 501, "1 character too long"),
    }
    disguised = {"name": "holiday.png", "mimeType": "image/png", "buffer": b"<!doctype html><p>Hello"}
    given = Answers(
        addresses=[good],
        fingerprints=["ef" * 16],
        site="pictures.example",
        pictures=[Path("none")],
        note="A note.",
    )
    for name in asking.walk(window, "en", given):
        if name == "why":
            window.submit(CONTINUE)
            _check_problem(window, "ground", "problem-why", "Please choose one of the reasons.")
        elif name == "have":
            window.submit(CONTINUE)
            _check_problem(window, "have", "problem-have", "Choose at least one")
        elif name in wrong:
            field, typed, sentence = wrong[name]
            page.locator(f"#{field}").fill(typed)
            window.submit(CONTINUE)
            _check_problem(window, field, f"problem-{name}", sentence)
            assert page.locator(f"#{field}").input_value() == typed
        elif name == "check":
            break
    if scripts:
        page.locator("[data-device-instead]").click()
    page.locator("#pictures").set_input_files([disguised])
    window.submit(SEND)
    assert window.status == 422
    if not scripts:
        _check_problem(window, "pictures", "problem-pictures")
    else:
        window.look(status=422)
    assert all(kept in window.text() for kept in (good, "ef" * 16, "pictures.example", "A note."))
    page.get_by_role("button", name="Change the reason").click()
    assert page.locator("input[name=ground][value=private]").is_checked()
    window.close()


def test_a_note_that_seems_to_name_someone_is_asked_about_once(open_window: Open) -> None:
    window = open_window(scripts=True)
    given = Answers(addresses=["https://nowhere.example/1.jpg"], note="Write to ann@mail.example, please.")
    for name in asking.walk(window, "en", given):
        if name == "note":
            window.page.locator("#note").fill(given.note)
            window.submit(CONTINUE)
            assert window.active()["id"] == "warned"
            assert "There seems to be an e-mail address in it." in window.text()
            assert window.page.locator("#note").input_value() == given.note
            window.look("note-warned")
        elif name == "check":
            assert given.note in window.text()
    assert window.page.locator(asking.WORDS).count() == 8
    window.look("receipt-with-scripts")
    window.close()


def test_the_receipt_is_saved_as_a_text_file(open_window: Open, fresh: Fresh) -> None:
    window = open_window()
    words = asking.send(window, "en", Answers(addresses=[fresh().url]))
    with window.page.expect_download() as started:
        window.button("Save as a text file").click()
    assert started.value.suggested_filename == "words.txt"
    assert Path(started.value.path()).read_text().startswith(" ".join(words) + "\n")
    assert asking.told(window, words) == []
    assert asking.words(window) == words  # the page with the words is still there
    window.close()
