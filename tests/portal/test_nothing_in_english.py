"""Every word that a page shows comes out of a catalogue, the policy or what was sent.

All pages are asked for in a language whose catalogue answers with the text itself between marks, and what
stands outside of the marks is looked at.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from crawl import others, pages
from django.http import HttpResponse
from django.test import Client
from factories import history, pseudo

from portal import countries
from portal.policy import current

pytestmark = pytest.mark.django_db

#: Names that are the same in every language, and what the crawl itself sends.
NAMES = {"Take It Down", "StopNCII.org", "INHOPE", "English", "Deutsch", "Français", "Español"}
SENT = {"Hello"}
Crawl = Callable[[str], dict[str, list[HttpResponse]]]


def _same_everywhere() -> set[str]:
    """What the policy and the list of hotlines say in the reader's language."""
    told = {text for ground in current().grounds.values() for text in ground.texts["de"]}
    for country in countries.countries().values():
        told |= {country.names["de"], *(hotline.name for hotline in country.hotlines)}
    return told | NAMES | SENT


def test_no_page_shows_a_word_that_is_not_marked(
    client: Client,
    shown: Crawl,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pseudo.marked(monkeypatch):
        answers = shown("de")
        answers["error"] = others(client, "de")
    told = [(name, page) for name, some in answers.items() for page in pages(some)]
    assert len(told) > 60
    assert _unmarked(told) == {}


def test_the_report_with_numbers_in_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    history.publish_two_years(monkeypatch)
    with pseudo.marked(monkeypatch):
        page = client.get("/de/report/")
    assert "<svg" in page.content.decode()
    assert _unmarked([("report", page)]) == {}


def test_a_word_that_is_not_marked_is_noticed() -> None:
    html = '<p>⟦One %d ⟦two⟧ three⟧ four</p><input aria-label="five"><code>six</code><p lang="en">seven</p>'
    assert sorted(pseudo.unmarked(html, "de")) == ["five", "four"]


def _unmarked(told: list[tuple[str, HttpResponse]]) -> dict[str, set[str]]:
    """Word or sentence -> the pages that show it."""
    found: dict[str, set[str]] = {}
    for name, page in told:
        for text in pseudo.unmarked(page.content.decode(), "de"):
            found.setdefault(text, set()).add(name)
    return {text: where for text, where in found.items() if text not in _same_everywhere()}
