"""The form in a real Chromium: going back on every page, problems that can be reached, keys, and its looks.

A browser may keep whole pages for going back or only what came over the network; both are tried.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from factories.pictures import encode, soft
from PIL import Image

from portal.models import Item, Submission

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import accessible  # noqa: E402
import chromium  # noqa: E402 - after the check that playwright is there
import page_rules  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

URL = "https://pictures.example/a.jpg"
PICTURE = {"name": "x.png", "mimeType": "image/png", "buffer": encode(Image.fromarray(soft(300, 200)), "PNG")}
#: Heading of each page -> what is filled in there.
PAGES = {
    "Why should it be removed?": {"ground": ["private"]},
    "What do you have?": {"have": ["addresses", "pictures", "fingerprints", "site"]},
    "Where is the picture on the web?": {"addresses": URL},
    "Which fingerprints?": {"fingerprints": "ef" * 16},
    "Which site is yours?": {"site": "example.org"},
    "Anything we should know? (optional)": {"note": "a note"},
}
LAST = "Check your answers, add pictures"


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    if chromium.find() is None:
        pytest.skip(f"no browser is installed: none of {', '.join(chromium.NAMES)} is on the path")
    with pytest.MonkeyPatch.context() as patch, sync_api.sync_playwright() as started:
        # Playwright keeps an event loop in this thread, and Django would refuse to ask the database there.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield started


def _launched(playwright: Any, **options: Any) -> Any:
    return playwright.chromium.launch(executable_path=chromium.find(), args=chromium.FLAGS, **options)


@pytest.fixture(scope="module")
def browser(playwright: Any) -> Iterator[Any]:
    """As playwright starts it: pages are kept as they came."""
    started = _launched(playwright)
    yield started
    started.close()


@pytest.fixture(scope="module")
def browser_of_whole_pages(playwright: Any) -> Iterator[Any]:
    """As people start it: the last pages are kept whole, with all that was done to them."""
    started = _launched(playwright, ignore_default_args=["--disable-back-forward-cache"])
    yield started
    started.close()


class Form:
    """A window with the form, filled in by its labels and buttons."""

    def __init__(self, browser: Any, address: str, scripts: bool = False, language: str = "en") -> None:
        self.context = browser.new_context(
            java_script_enabled=scripts, viewport={"width": 1280, "height": 720}
        )
        self.context.set_default_timeout(15_000)
        self.page = self.context.new_page()
        self.page.goto(f"{address}/{language}/ask/")

    def heading(self) -> str:
        return str(self.page.locator("h1").inner_text())

    def fill(self) -> None:
        for name, value in PAGES.get(self.heading(), {}).items():
            if isinstance(value, list):
                for one in value:
                    self.page.check(f'[name={name}][value="{one}"]')
            else:
                self.page.fill(f"[name={name}]", value)

    def filled(self) -> dict[str, Any]:
        """What stands in the fields of the page, as PAGES has it."""
        pairs = self.page.evaluate(
            "[...document.querySelectorAll('main textarea, main input:checked')]"
            ".map(one => [one.name, one.value])"
        )
        expected = PAGES[self.heading()]
        return {
            name: [value for field, value in pairs if field == name]
            if isinstance(wanted, list)
            else dict(pairs)[name]
            for name, wanted in expected.items()
        }

    def press(self, label: str) -> None:
        with self.page.expect_navigation(wait_until="load"):
            self.page.get_by_role("button", name=label, exact=True).click()

    def back_to(self, heading: str) -> None:
        """By the browser's own button; it says "load" only where it loads."""
        self.page.go_back(wait_until="commit")
        self.page.get_by_role("heading", name=heading, exact=True).wait_for()

    def forth_to(self, heading: str) -> None:
        self.page.go_forward(wait_until="commit")
        self.page.get_by_role("heading", name=heading, exact=True).wait_for()

    def to_page(self, heading: str = LAST) -> None:
        while self.heading() != heading:
            self.fill()
            self.press("Continue")


@pytest.fixture
def form(browser: Any, live_server: Any) -> Iterator[Form]:
    opened = Form(browser, live_server.url)
    yield opened
    opened.context.close()


@pytest.fixture(params=["pages kept as they came", "pages kept whole"])
def kept(request: pytest.FixtureRequest, live_server: Any) -> Iterator[Form]:
    """The form in both kinds of browser."""
    whole = request.param == "pages kept whole"
    opened = Form(request.getfixturevalue("browser_of_whole_pages" if whole else "browser"), live_server.url)
    yield opened
    opened.context.close()


def test_the_browser_goes_back_and_forth_through_all_pages_and_every_answer_is_there(kept: Form) -> None:
    kept.to_page()
    for heading in reversed(PAGES):
        kept.back_to(heading)
        assert kept.filled() == PAGES[heading]
    for heading in [*list(PAGES)[1:], LAST]:
        kept.forth_to(heading)
        assert heading == LAST or kept.filled() == PAGES[heading]
    kept.page.set_input_files("#pictures", PICTURE)
    kept.press("Send the request")
    assert kept.heading() == "We have your request"
    assert Item.objects.count() == 4


def test_another_answer_after_going_back_is_the_one_that_counts(kept: Form) -> None:
    kept.to_page()
    for heading in ("Anything we should know? (optional)", "Which site is yours?"):
        kept.back_to(heading)
    kept.page.fill("#site", "www.example.org")
    kept.press("Continue")
    kept.press("Continue")
    assert kept.heading() == LAST
    assert "www.example.org" in kept.page.locator("#answers").inner_text()


def test_a_page_that_told_a_problem_is_gone_back_to_like_any_other(kept: Form) -> None:
    kept.to_page("Where is the picture on the web?")
    kept.page.fill("#addresses", "nonsense")
    kept.press("Continue")
    kept.page.fill("#addresses", URL)
    kept.press("Continue")
    kept.back_to("Where is the picture on the web?")
    assert kept.page.locator("#addresses").input_value() == URL
    assert kept.page.locator(".problems").count() == 1


def test_what_was_typed_and_not_sent_is_there_after_back_and_forth(kept: Form) -> None:
    kept.fill()
    kept.press("Continue")
    kept.fill()
    kept.back_to("Why should it be removed?")
    kept.forth_to("What do you have?")
    assert kept.filled() == PAGES["What do you have?"]


def test_after_the_receipt_the_browser_keeps_nothing_of_the_form(kept: Form) -> None:
    kept.to_page()
    kept.page.set_input_files("#pictures", PICTURE)
    kept.press("Send the request")
    with pytest.raises(sync_api.Error, match="ERR_CACHE_MISS"):
        kept.page.go_back()  # Chromium asks whether to send the answers again
    kept.page.wait_for_url("chrome-error://**")
    assert URL not in kept.page.content()
    assert Submission.objects.count() == 1


def test_our_own_back_buttons_lead_through_all_pages_and_keep_what_is_typed(form: Form) -> None:
    form.to_page()
    for heading in reversed(PAGES):
        form.press("Back")
        assert form.heading() == heading
        assert form.filled() == PAGES[heading]
    assert form.page.get_by_role("link", name="Back").get_attribute("href") == "/en/"


def test_a_change_comes_straight_back_by_either_button(form: Form) -> None:
    form.to_page()
    for button in ("Continue", "Back"):
        form.press("Change the addresses")
        assert form.heading() == "Where is the picture on the web?"
        form.page.fill("#addresses", f"{URL}?{button}")
        form.press(button)
        assert form.heading() == LAST
    assert f"{URL}?Continue" in form.page.locator("#answers").inner_text()


def test_enter_goes_on_and_never_back(form: Form) -> None:
    form.page.check("#ground")
    with form.page.expect_navigation():
        form.page.keyboard.press("Enter")
    assert form.heading() == "What do you have?"
    form.page.check("#have")
    with form.page.expect_navigation():
        form.page.keyboard.press("Enter")
    assert form.heading() == "Where is the picture on the web?"


def test_a_problem_has_the_focus_and_leads_to_its_field(form: Form) -> None:
    for heading in PAGES:
        if heading != "Anything we should know? (optional)":
            form.press("Continue")
            active = form.page.evaluate("document.activeElement.innerText")
            assert active.startswith("There is a problem")
            form.page.locator(".problems a").first.click()
            field = next(iter(PAGES[heading]))
            assert form.page.evaluate("document.activeElement.id") == field
        form.fill()
        form.press("Continue")
    form.page.set_input_files("#pictures", {**PICTURE, "buffer": b"<html>"})
    form.press("Send the request")
    assert form.page.evaluate("document.activeElement.innerText").startswith("There is a problem")
    form.page.locator(".problems a").first.click()
    assert form.page.evaluate("document.activeElement.id") == "pictures"


def test_the_receipt_without_scripts_offers_what_works(form: Form) -> None:
    form.to_page()
    form.page.set_input_files("#pictures", PICTURE)
    form.press("Send the request")
    words = form.page.locator(".words li").all_inner_texts()
    shown = [one for one in form.page.locator("main button").all() if one.is_visible()]
    assert [one.inner_text() for one in shown] == ["Save as a text file", "See how it stands"]
    with form.page.expect_download() as got:
        form.page.get_by_role("button", name="Save as a text file").click()
    assert got.value.suggested_filename == "words.txt"
    assert got.value.path().read_text("utf-8").splitlines()[0] == " ".join(words)


def test_with_scripts_the_words_are_copied_and_the_page_printed(browser: Any, live_server: Any) -> None:
    form = Form(browser, live_server.url, scripts=True)
    form.context.grant_permissions(["clipboard-read", "clipboard-write"])
    form.context.add_init_script("window.print = () => document.title = 'printed'")
    form.to_page()
    form.page.get_by_role("button", name="Send the picture instead").click()
    form.page.set_input_files("#pictures", PICTURE)
    form.press("Send the request")
    form.page.get_by_role("button", name="Copy the words").click()
    form.page.get_by_role("button", name="Copied").wait_for()
    words = form.page.locator(".words li").all_inner_texts()
    assert form.page.evaluate("navigator.clipboard.readText()") == " ".join(words)
    form.page.get_by_role("button", name="Print").click()
    assert form.page.title() == "printed"
    form.context.close()


@pytest.mark.slow
def test_every_page_keeps_the_rules_on_narrow_and_wide_screens(browser: Any, live_server: Any) -> None:
    form = Form(browser, live_server.url, scripts=True)
    found: list[str] = []

    def look() -> None:
        for width in chromium.WIDTHS:
            form.page.set_viewport_size({"width": width, "height": 720})
            faults = [*page_rules.faults(form.page), *accessible.violations(form.page)]
            found.extend(one for one in faults if not one.startswith("not plain HTML: <script"))

    for _ in PAGES:
        look()
        if form.heading() == "Anything we should know? (optional)":
            form.page.fill("[name=note]", "my name is Anna")
        form.press("Continue")
        look()
        form.fill()
        form.press("Continue")
    look()
    form.press("Send the request")
    look()
    assert not found
    form.context.close()
