"""What people see, in a real browser without JavaScript, on a narrow and on a wide screen.

Every page is looked at once (``Window.look``). To make the pictures in docs/screenshots anew:

    SCREENSHOTS=docs/screenshots .venv/bin/python -m pytest tests/end_to_end/test_browser.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from desk import Desk, wait_for

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import chromium  # noqa: E402 - after the check that playwright is there
from chromium import WIDTHS, Window  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.browser]

REASON = "It is private or medical"
WORDS = ".words li"
Open = Callable[..., Window]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One embedded desk for all tests here; each asks for addresses of its own."""
    if chromium.find() is None:
        pytest.skip(f"no browser is installed: none of {', '.join(chromium.NAMES)} is on the path")
    made = Desk(tmp_path_factory.mktemp("browser"))
    try:
        made.start("up")
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def open_window(desk: Desk) -> Iterator[Open]:
    """Opens windows; all are closed at the end."""
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_api.sync_playwright())
        browser = stack.enter_context(chromium.launch(playwright, str(chromium.find())))
        yield lambda *widths: Window(browser, desk, widths or WIDTHS)


def _addresses(desk: Desk) -> list[str]:
    return (desk.var / "sample" / "try" / "addresses.txt").read_text().split()


def _fill(window: Window, addresses: list[str], note: str = "") -> None:
    """The form up to its last page."""
    window.go("/en/ask/")
    window.page.get_by_label(REASON).check()
    window.press("Continue")
    window.page.get_by_label("Web addresses").fill("\n".join(addresses))
    window.page.get_by_label("Anything we should know").fill(note)
    window.press("Continue")


def _send(window: Window, addresses: list[str]) -> list[str]:
    """The whole form; the words of the receipt."""
    _fill(window, addresses)
    window.press("Send the request")
    return window.page.locator(WORDS).all_inner_texts()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_person_asks_and_takes_back(desk: Desk, open_window: Open, width: int) -> None:
    window = open_window(width)
    page, tries = window.page, desk.var / "sample" / "try"
    window.go("/en/")
    window.look("start")
    page.get_by_role("link", name="Start", exact=True).click()
    window.look("reason")
    page.get_by_label(REASON).check()
    window.press("Continue")
    window.look("addresses")
    page.get_by_label("Web addresses").fill("\n".join(_addresses(desk)[:2]))
    page.get_by_label("Anything we should know").fill("It shows a letter with my diagnosis.")
    window.press("Continue")
    window.look("check")
    page.get_by_label("Pictures").set_input_files([tries / "mirrored.jpg", tries / "half-size.jpg"])
    window.press("Send the request")
    window.look("receipt")
    words = page.locator(WORDS).all_inner_texts()
    assert len(words) == 8

    page.get_by_role("link", name="Check a request").click()
    window.look("words")
    page.get_by_label("The eight words").fill(", ".join(words).upper())
    window.press("Continue")
    wait_for("all four found", lambda: window.found() == 4)
    window.look("status")
    assert not any(word in page.url for word in words)

    window.press("Take this back")
    window.look("take-back")
    window.press("Yes, take it back")
    assert "You took this back." in window.text()
    assert window.found() == 3
    window.look("taken-back")
    window.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_beside_the_way(open_window: Open, width: int) -> None:
    window = open_window(width)
    window.go("/en/ask/")
    window.page.get_by_label("someone under 18").check()
    window.press("Continue")
    window.look("help-under-18")
    window.go("/nowhere/")
    window.look("not-found", status=404)
    window.close()


def _follow_problem(window: Window) -> None:
    """The summary's link puts the focus into the field, ready to mend it."""
    window.page.locator(".problems").get_by_role("link").first.click()
    assert window.active()["tag"] in {"INPUT", "TEXTAREA"}


def _check_problem(window: Window, field: str, sentence: str) -> None:
    """The summary has the focus and leads to the field, which says the same and points to it."""
    summary = window.page.locator(".problems")
    wait_for("the focus on the summary", lambda: window.active()["class"] == "problems", 5)
    assert summary.get_by_role("heading").inner_text() == "There is a problem"
    assert sentence in summary.inner_text()
    assert sentence in window.page.locator(f"#{field}-wrong").inner_text()
    assert window.page.locator(f"[aria-describedby~={field}-wrong]").count() == 1
    assert window.page.title().startswith("Error: ")


@pytest.mark.parametrize("width", WIDTHS)
def test_problems_are_said_where_they_are_and_nothing_typed_is_lost(
    desk: Desk, open_window: Open, width: int
) -> None:
    window = open_window(width)
    page, good = window.page, _addresses(desk)[0]
    window.go("/en/ask/")
    window.press("Continue")
    _check_problem(window, "ground", "Choose the reason that fits best.")
    window.look("problem-reason", status=422)
    _follow_problem(window)

    _fill(window, [good, "javascript:alert(1)"], note="A note.")
    _check_problem(window, "addresses", "2")
    window.look("problem-address", status=422)
    _follow_problem(window)
    assert page.get_by_label("Anything we should know").input_value() == "A note."
    assert page.get_by_label("Web addresses").input_value().split() == [good, "javascript:alert(1)"]

    page.get_by_label("Web addresses").fill(good)
    window.press("Continue")
    disguised = {"name": "holiday.png", "mimeType": "image/png", "buffer": b"<!doctype html><p>Hello"}
    page.get_by_label("Pictures").set_input_files([disguised])
    window.press("Send the request")
    _check_problem(window, "pictures", "")
    window.look("problem-picture", status=422)
    _follow_problem(window)
    assert all(kept in window.text() for kept in (REASON, good, "A note."))

    page.get_by_role("button", name="Change the reason").click()
    assert page.get_by_label(REASON).is_checked()

    window.go("/en/status/")
    page.get_by_label("The eight words").fill("these are not the words")
    window.press("Continue")
    _check_problem(window, "words", "")
    assert page.get_by_label("The eight words").input_value() == "these are not the words"
    window.look("problem-words", status=window.status)
    _follow_problem(window)
    window.close()


def test_the_keyboard_is_enough(desk: Desk, open_window: Open) -> None:
    window = open_window()
    keyboard = window.page.keyboard
    window.go("/en/")
    keyboard.press("Tab")
    assert window.active()["name"] == "Skip to the content"
    assert (window.page.locator(".skip").bounding_box() or {"x": -1})["x"] >= 0
    keyboard.press("Enter")
    keyboard.press("Tab")
    assert window.active()["name"] == "Start"
    with window.page.expect_navigation():
        keyboard.press("Enter")

    window.tab_to(REASON)
    for key in ("Space", "ArrowDown", "ArrowUp"):
        keyboard.press(key)
    assert window.page.get_by_label(REASON).is_checked()
    window.tab_to("Continue")
    with window.page.expect_navigation():
        keyboard.press("Enter")

    window.tab_to("Web addresses")
    keyboard.type(_addresses(desk)[2])
    window.tab_to("Anything we should know")
    keyboard.type("Typed by hand.")
    window.tab_to("Continue")
    with window.page.expect_navigation():
        keyboard.press("Space")

    window.tab_to("Pictures")
    window.page.get_by_label("Pictures").set_input_files([desk.var / "sample" / "try" / "grey.png"])
    window.tab_to("Send the request")
    with window.page.expect_navigation():
        keyboard.press("Enter")
    assert window.page.locator(WORDS).count() == 8
    window.close()


def test_the_receipt_is_saved_as_a_text_file(desk: Desk, open_window: Open) -> None:
    window = open_window()
    words = _send(window, [_addresses(desk)[3]])
    with window.page.expect_download() as started:
        window.button("Save as a text file").click()
    assert started.value.suggested_filename == "words.txt"
    assert Path(started.value.path()).read_text() == " ".join(words) + "\n"
    assert not any(word in url for word in words for url in window.requested if len(word) > 4)
    assert window.page.locator(WORDS).count() == 8  # the page with the words is still there
    window.close()


def _sign_in(window: Window, name: str) -> Window:
    window.go("/desk/")
    window.page.get_by_label("Name").fill(name)
    window.page.get_by_label("Password").fill(window.desk.logins()[name])
    window.press("Sign in")
    assert f"Sign out {name}" in window.page.locator("header").inner_text()
    return window


def test_two_people_decide_and_a_third_publishes(desk: Desk, open_window: Open) -> None:
    person, ada, ben, mara = (open_window() for _ in range(4))
    _send(person, [_addresses(desk)[4]])
    person.press("See how it stands")
    person.look_again("Look again", "We found rows")

    ada.go("/desk/")
    ada.look("sign-in")
    ada.page.get_by_label("Name").fill("ada")
    ada.page.get_by_label("Password").fill("not her password")
    ada.press("Sign in")
    assert "There is a problem" in ada.text()
    ada.look("problem-sign-in")
    _sign_in(ada, "ada").look("queue")
    case = _open_newest_case(ada)
    ada.look("case")
    ada.page.get_by_label("Reason (for the second person)").fill("The address is exactly this one.")
    ada.press("Propose the chosen rows")
    assert "Another person has to confirm it." in ada.text()
    ada.look("case-proposed")

    _sign_in(ben, "ben").go(case)
    ben.look("case-to-confirm")
    assert "The address is exactly" not in ben.text()  # Ben thinks for himself first
    ben.press("Confirm")
    assert "Removal confirmed" in ben.text()
    ben.look("case-confirmed")

    _publish(_sign_in(mara, "mara"))
    person.look_again("Look again", "Removed in release")
    person.look("status-removed")
    ada.press("Sign out", within="header")
    assert "Sign in to the desk" in ada.text()
    for window in (person, ada, ben, mara):
        window.close()


def _open_newest_case(window: Window) -> str:
    """Open the case that came last; its path."""
    links = window.page.locator("td a")
    newest = max(links.all_inner_texts(), key=lambda text: int(text.removeprefix("Case ")))
    window.page.get_by_role("link", name=newest, exact=True).click()
    return window.page.url.removeprefix(window.desk.address)


def _publish(mara: Window) -> None:
    """Build, sign elsewhere, publish; the desk's page tells each step."""
    mara.look("releases")
    mara.press("Build the release")
    mara.look_again("Look again", "0 of 1")
    assert mara.button("Publish release").is_disabled()
    command = mara.page.locator(".command").inner_text()
    mara.look("release-built")
    mara.desk.sign(Path(command.split("--staging ")[1].split(" --key")[0]))
    mara.page.get_by_role("link", name="Look again").click()
    mara.look("release-signed")
    mara.press("Publish release")
    mara.look_again("Look again", "Would add")
    mara.look("release-published")
    mara.go("/desk/cases/")
    mara.look("forbidden", status=403)
