"""Every sentence about bad input can be translated, and in English says what the library says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.utils import translation

from portal import said
from takedown import receipt, urls
from takedown.errors import BadReceipt, BadUrl, TakedownError

LIBRARY = Path(__file__).resolve().parents[2] / "takedown"
#: The library's classes of errors that what a person sends can raise, and where it does.
SOURCES = {
    "BadUrl": ["urls.py"],
    "BadImage": ["images.py", "formats.py"],
    "BadReceipt": ["receipt.py"],
}


def _slugs() -> set[str]:
    """The slugs in the calls that make these errors, read from the source."""
    found = set()
    for name, files in SOURCES.items():
        for file in files:
            for node in ast.walk(ast.parse((LIBRARY / file).read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name:
                    found |= {one.value.value for one in node.keywords if one.arg == "slug"}
    return found


def test_every_slug_has_a_sentence() -> None:
    slugs = _slugs()
    assert len(slugs) >= 15
    assert slugs <= {*said.SENTENCES, "receipt-word"}


@pytest.mark.parametrize(
    ("address", "slug"),
    [
        ("", "url-empty"),
        ("http://a/\0", "url-control-characters"),
        ("http://" + "a" * 9000, "url-too-long"),
        ("ftp://a/", "url-scheme"),
        ("http://ä b/", "url-host"),
        ("http://me:secret@a.example/", "url-userinfo"),
        ("http://a.example:99999/", "url-port"),
    ],
)
def test_in_english_the_portal_says_what_the_library_says(address: str, slug: str) -> None:
    with pytest.raises(BadUrl) as caught:
        urls.canonical(address)
    assert caught.value.slug == slug
    with translation.override("en"):
        told = said.sentence(caught.value).replace("\u202f", ",")  # numbers are grouped as in all languages
    assert told == caught.value.sentence


@pytest.mark.parametrize("text", ["one two", "yo-yo " * 8, "zoom zoom zoom zoom zoom zoom zoom zzzzzzzqqq"])
def test_words_that_cannot_be_a_receipt(text: str) -> None:
    with pytest.raises(BadReceipt) as caught:
        receipt.parse(text)
    with translation.override("en"):
        assert said.sentence(caught.value) == caught.value.sentence


def test_what_nobody_foresaw_still_has_a_sentence() -> None:
    with translation.override("en"):
        assert said.sentence(TakedownError("internal detail")).startswith("We could not use this.")
