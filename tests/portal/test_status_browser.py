"""The page of a receipt in a real Chromium: axe, keys, narrow screens, and buttons without JavaScript."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from holders import Holder, holds

from portal.days import today
from portal.deciding import review, second_look
from portal.letters import messages
from portal.models import CaseItem, DatasetIndex, Item, Match, User
from takedown.keys import Key

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import accessible  # noqa: E402 - after the check that playwright is there
import chromium  # noqa: E402
import page_rules  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

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
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A narrow window; without scripts where a test is marked so by its name."""
    scripts = "without_javascript" not in request.node.name
    context = browser.new_context(
        viewport={"width": NARROW, "height": chromium.HEIGHT}, java_script_enabled=scripts
    )
    yield context.new_page()
    context.close()


@pytest.fixture
def holder(client: Client, index: DatasetIndex, sample: object, alice: User, bob: User) -> Holder:
    """A receipt with an item in nearly every state, and messages from both sides."""
    urls = [row.url for row in sample.rows[:6]]
    holder = holds(
        client,
        *(*urls, "https://nobody.example/x.jpg", "https://gone.example/y.jpg"),
        typed=((Key("sha256", "ab" * 32), Key("pdq", "ab" * 32)),),
        sites=("anna.example",),
        pictures=((sample.try_folder / "original.jpg").read_bytes(),),
    )
    holder.work()
    items = list(holder.submission.items.order_by("number"))
    cases = [CaseItem.objects.get(item=item).case for item in items[:4]]
    rows = list(Match.objects.filter(item=items[0]).values_list("pk", flat=True))
    review.confirm(review.propose_removal(cases[0], alice, rows, "address"), bob)
    for place in (1, 2):
        seen = list(cases[place].case_items.values_list("item", flat=True))
        review.refuse(cases[place], alice, "public-interest", seen)
    second_look.appeal(items[2])
    messages.write(holder.submission, "Please hurry.")
    messages.ask(items[3], alice, "which-picture", "We see two of them.")
    for place, state in ((4, Item.State.NEEDS_PERSON), (5, Item.State.WITHDRAWN)):
        Item.objects.filter(pk=items[place].pk).update(state=state)
    Item.objects.filter(pk=items[7].pk).update(keep_until=today() + timedelta(days=9))
    return holder


def _open(page: Any, live_server: Any, words: str, language: str = "en") -> None:
    page.goto(f"{live_server.url}/{language}/status/")
    page.fill("#words", words)
    with page.expect_navigation():
        page.click("main form button")


def test_no_rule_is_broken_in_any_language_and_at_any_width(
    page: Any, live_server: Any, holder: Holder
) -> None:
    found: list[str] = []
    for language in LANGUAGES:
        for words in (holder.words, "one two three"):
            _open(page, live_server, words, language)
            for width in (NARROW, WIDE):
                page.set_viewport_size({"width": width, "height": chromium.HEIGHT})
                broken = [*page_rules.faults(page), *accessible.violations(page)]
                found += [f"{language}, {width} px: {one}" for one in broken if "no language" not in one]
    assert found == []
    assert not page.context.cookies()


def test_the_keyboard_reaches_everything(page: Any, live_server: Any, holder: Holder) -> None:
    _open(page, live_server, holder.words)
    assert page_rules.walk(page) == []


def test_a_problem_has_the_focus(page: Any, live_server: Any, holder: Holder) -> None:
    _open(page, live_server, "one two three")
    assert page_rules.active(page)["class"] == "problems"


def test_every_button_works_without_javascript(page: Any, live_server: Any, holder: Holder) -> None:
    _open(page, live_server, holder.words)

    def press(name: str, said: str) -> None:
        with page.expect_navigation():
            page.get_by_role("button", name=name).first.click()
        assert said in page.inner_text("main"), name

    press("Ask a person to look", "A person will look.")
    press("Stop keeping it", "We look no more for this item.")
    press("Keep looking until", "look again until")
    press("Ask for a second look", "Ask for a second look?")
    page.fill("#text", "You missed the small print.")
    press("Yes, ask for a second look", "Someone new will decide.")
    assert "You missed the small print." in page.inner_text("main")
    page.fill("#text", "The left one.")
    press("Send the message", "We have your message.")
    assert "We have a question" not in page.inner_text(".items")
    press("Not found", "Page" if page.locator("text=Page 1 of").count() else "Not found")
    press("All", "Waiting for proof")
    press("Take this back", "Take this item back?")
    press("No, keep it", "Your request")
    assert page.url == f"{live_server.url}/en/status/"
