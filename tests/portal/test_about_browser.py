"""The pages that tell and the child-safety path in a real Chromium: axe, keys, narrow screens, print."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from portal.models import DatasetIndex

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import accessible  # noqa: E402 - after the check that playwright is there
import chromium  # noqa: E402
import page_rules  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGES = (
    "",
    "about/",
    "privacy/",
    "releases/",
    "accessibility/",
    "help/",
    "under-18/",
    "under-18/report/",
    "nowhere/",
)
LANGUAGES = ("en", "de", "fr", "es")
NARROW, WIDE = chromium.WIDTHS


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = chromium.find()
    if path is None:
        pytest.skip(f"no browser is installed: none of {', '.join(chromium.NAMES)} is on the path")
    with pytest.MonkeyPatch.context() as patch, sync_api.sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, and Django would refuse to ask the database there.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        started = chromium.launch(playwright, path)
        yield started
        started.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": NARROW, "height": chromium.HEIGHT})
    yield context.new_page()
    context.close()


def test_no_page_breaks_a_rule_in_any_language(page: Any, live_server: Any, index: DatasetIndex) -> None:
    found: list[str] = []
    for language in LANGUAGES:
        for name in PAGES:
            page.goto(f"{live_server.url}/{language}/{name}")
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            for width in (NARROW, WIDE) if language == "en" else (NARROW,):
                page.set_viewport_size({"width": width, "height": chromium.HEIGHT})
                broken = [*_faults(page), *accessible.violations(page)]
                found += [f"/{language}/{name}, {width} px wide: {one}" for one in broken]
    assert found == []


def _faults(page: Any) -> list[str]:
    """The form brings a script against floods; the language is tested for every page elsewhere."""
    passed_over = ("not plain HTML: <script", "no language")
    return [one for one in page_rules.faults(page) if not one.startswith(passed_over)]


def test_the_keyboard_reaches_everything_and_the_exit_hides_none_of_it(page: Any, live_server: Any) -> None:
    for name in PAGES:
        page.goto(f"{live_server.url}/en/{name}")
        assert page_rules.walk(page) == [], name
        page.reload()
        for stop in range(page_rules.MOST_STOPS):
            page.keyboard.press("Tab")
            hidden = page.evaluate(_HIDDEN_BY_EXIT)
            if hidden is None:
                assert stop > 10
                break
            assert not hidden, (name, page_rules.active(page))


#: Whether the element with the focus lies wholly behind the exit (WCAG 2.4.11); null at the end of the page.
_HIDDEN_BY_EXIT = """() => {
  const element = document.activeElement, exit = document.querySelector('.exit');
  if (element === document.body) return null;
  if (element === exit) return false;
  const inner = element.getBoundingClientRect(), outer = exit.getBoundingClientRect();
  return inner.top >= outer.top && inner.bottom <= outer.bottom
    && inner.left >= outer.left && inner.right <= outer.right;
}"""


def test_the_exit_covers_nothing_of_the_header(page: Any, live_server: Any) -> None:
    for language in LANGUAGES:
        page.goto(f"{live_server.url}/{language}/")
        for width in (NARROW, 400, 720, WIDE):
            page.set_viewport_size({"width": width, "height": chromium.HEIGHT})
            way_out = page.locator(".exit").bounding_box()
            others = page.locator(".brand, .languages li, .ways a").all()
            assert len(others) == 8
            for box in (other.bounding_box() for other in others):
                beside = box["x"] + box["width"] <= way_out["x"]
                below = box["y"] >= way_out["y"] + way_out["height"] - 1
                assert beside or below, (language, width, box)


def test_the_exit_stays_in_sight_while_scrolling_and_leaves_no_trace_of_where_one_was(
    page: Any, live_server: Any
) -> None:
    page.goto(f"{live_server.url}/en/about/")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    assert page.locator(".exit").bounding_box()["y"] < 60
    asked: list[dict[str, str]] = []

    def answer(route: Any) -> None:
        asked.append(route.request.headers)
        route.fulfill(body="elsewhere")

    page.route("https://www.wikipedia.org/", answer)
    page.locator(".exit").click()
    page.wait_for_url("https://www.wikipedia.org/")
    assert [set(headers) & {"referer", "origin", "cookie"} for headers in asked] == [set()]


def test_a_printed_receipt_holds_the_words_and_nothing_to_press(page: Any, live_server: Any) -> None:
    page.goto(f"{live_server.url}/en/under-18/report/")
    page.fill("#addresses", "https://pictures.example/a.jpg")
    page.get_by_role("button", name="Send").click()
    page.locator(".words").wait_for()
    assert accessible.violations(page) == []
    assert _faults(page) == []
    words = page.locator(".words li").all_inner_texts()
    assert len(words) == 8
    page.emulate_media(media="print")
    assert page.locator(".words li").all_inner_texts() == words
    assert page.locator(".words").is_visible()
    for pressed in page.locator("button, .exit, nav, textarea").all():
        assert not pressed.is_visible()


def test_with_strong_contrast_buttons_and_notes_keep_their_edges(browser: Any, live_server: Any) -> None:
    context = browser.new_context(forced_colors="active")
    page = context.new_page()
    page.goto(f"{live_server.url}/en/under-18/")
    for part in (".button", ".note", ".exit", ".card"):
        width = page.locator(part).first.evaluate("one => getComputedStyle(one).borderTopWidth")
        assert float(width.removesuffix("px")) >= 1, part
    context.close()


def test_nothing_moves_for_who_wants_no_movement(browser: Any, live_server: Any) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{live_server.url}/en/")
    durations = page.evaluate(
        "[...document.querySelectorAll('*')].map(one => parseFloat(getComputedStyle(one).transitionDuration))"
    )
    assert len(durations) > 50
    assert not any(durations)
    context.close()
