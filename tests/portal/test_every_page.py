"""Rules that every public page keeps, in every language. The pages come from the URLs, so none is forgotten.

Each address is asked by GET, and by POST with everything a form could bring: the answers so far, and the
words of a receipt. So every page that only a form leads to is shown too.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from crawl import others, pages
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import Resolver404, get_resolver, resolve
from django.utils import translation
from factories import markup

from portal.asking import intake
from portal.asking.drafts import Draft
from portal.models import DatasetIndex

pytestmark = pytest.mark.django_db

LANGUAGES = [code for code, _ in settings.LANGUAGES]
MAX_BYTES = 50_000
#: Addresses that answer with a file.
FILES = {"receipt-file"}
#: A tab is seen by who stands behind one: its title says nothing of why somebody is here.
TELLING = re.compile(
    r"sex|intim|abus|missbr|nackt|nude|medi[ck]|child|kind|enfant|niñ|remov|lösch|supprim|elimin|vict",
    re.IGNORECASE,
)


def test_all_addresses_are_either_public_pages_files_or_the_desk() -> None:
    """An address outside of these lists would escape the rules below."""
    outside = {
        str(getattr(one, "name", "") or one.pattern)
        for one in get_resolver().url_patterns
        if not str(one.pattern).startswith("en/")
    }
    assert outside == {"desk/", "blocklist-start", "blocklist", "health", "report-json", "report-csv"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_keeps_the_rules(client: Client, shown: Any, language: str) -> None:
    answers = shown(language)
    for name, told in answers.items():
        _check_that_something_is_shown(name, told)
    every = [(name, one) for name, told in answers.items() for one in told]
    every += [("error", one) for one in others(client, language)]
    links: set[str] = set()
    for name, answer in every:
        where = f"{name} in {language}, {answer.status_code}"
        _check_headers(where, answer)
        for one in pages([answer]):
            page = markup.read(one)
            _check_parts(where, page, language)
            _check_links(where, page)
            _check_size(where, one, page)
            links |= {link["href"] for link in page.all("a") if link["href"].startswith("/")}
    _check_where_they_lead(client, links)


def test_a_full_request_fits_too(client: Client, index: DatasetIndex) -> None:
    """300 addresses of a usual length: they are shown again, and travel in a hidden field."""
    lines = "\n".join(f"https://pictures.example/holidays/2019/summer/{n:08x}.jpg" for n in range(300))
    draft = Draft(ground="private", have=("addresses",), addresses=lines, note="a note " * 70)
    for step in ("where", "note", "check", "send"):
        answer = client.post(f"/en/ask/{step}/", {"draft": draft.sealed()})
        assert answer.status_code == 200
        _check_size(step, answer, markup.read(answer))
    words = {"words": intake.repeated(draft).receipt.text}
    answer = client.post("/en/status/", words)
    assert "300" in answer.content.decode()
    _check_size("status", answer, markup.read(answer))


def _check_that_something_is_shown(name: str, answers: list[HttpResponse]) -> None:
    assert all(one.status_code < 500 for one in answers), name
    ended = [one for one in answers if one.status_code in (200, 422)]
    assert ended, f"{name}: no GET and no form leads to a page; add what it needs to _posted"
    assert pages(ended) or name in FILES, name


def _check_headers(where: str, answer: HttpResponse) -> None:
    assert "Set-Cookie" not in answer.headers, where
    assert not answer.cookies, where
    assert answer.headers["Referrer-Policy"] == "no-referrer", where
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy, where
    assert "frame-ancestors 'none'" in policy, where
    assert "unsafe" not in policy, where
    assert "http" not in policy, where


def _check_parts(where: str, page: markup.Page, language: str) -> None:
    assert page.tags[0] == ("html", {"lang": language}), where
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1, where
    with translation.override(language):
        assert page.texts["title"][0].endswith(translation.gettext("Requests")), where
    assert not TELLING.search(page.texts["title"][0]), where
    assert all("src" in script for script in page.all("script")), where
    assert not page.all("style", "iframe", "object", "embed", "base"), where
    for name, attributes in page.tags:
        assert "style" not in attributes, (where, name)
        assert not any(attribute.startswith("on") for attribute in attributes), (where, name)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids)), where
    leaving = [one for one in page.all("a") if one.get("class") == "exit"]
    assert [one["rel"] for one in leaving] == ["noreferrer noopener nofollow"], where
    offered = {one["lang"] for one in page.all("a", "button") if "lang" in one} | {language}
    assert offered == set(LANGUAGES), where


def _check_links(where: str, page: markup.Page) -> None:
    """Nothing is loaded from or sent to another host; our own host is never named; links lead somewhere."""
    for name, attributes in page.tags:
        for attribute in ("src", "href", "action", "formaction", "poster", "srcset", "data-worker"):
            address = attributes.get(attribute)
            if address is None:
                continue
            if urlsplit(address).netloc:
                assert (name, attribute) == ("a", "href"), (where, address)
                assert address.startswith("https://"), (where, address)
                assert "testserver" not in address, (where, address)
                assert "noreferrer" in attributes["rel"], (where, address)
            else:
                assert address.startswith(("/", "#")), (where, address)
                assert "?" not in address, (where, address)


def _check_size(where: str, answer: HttpResponse, page: markup.Page) -> None:
    size = markup.bytes_over_the_wire(answer, page)
    assert size <= MAX_BYTES, f"{where}: {size} bytes"


def _check_where_they_lead(client: Client, links: set[str]) -> None:
    assert len(links) > 10
    for link in links:
        place = urlsplit(link)
        assert _leads_somewhere(place.path), link
        if place.fragment:
            there = markup.read(client.get(place.path))
            assert place.fragment in {attributes.get("id") for _, attributes in there.tags}, link


def _leads_somewhere(path: str) -> bool:
    language = translation.get_language_from_path(path) or "en"
    with translation.override(language):
        try:
            resolve(path)
        except Resolver404:
            return False
    return True
