"""All that the public side shows, page by page. The pages come from the URLs, so none is forgotten.

Each address is asked by GET, and by POST with everything a form could bring: the answers so far, and the
words of a receipt. So every page that only a form leads to is shown too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import translation
from factories.asking import URL

from portal.asking import intake
from portal.asking.drafts import Draft
from portal.asking.intake import Sent
from portal.models import DatasetIndex
from portal.urls import public_pages
from takedown import receipt

FORM = "application/x-www-form-urlencoded"
NAMES = [str(page.name) for page in public_pages]


@pytest.fixture
def two_addresses(db: None) -> receipt.Receipt:
    """Of a request with two addresses."""
    return intake.accept(Draft(ground="private"), Sent(addresses=[URL, f"{URL}?2"])).receipt


@pytest.fixture
def shown(client: Client, index: DatasetIndex, two_addresses: receipt.Receipt) -> Any:
    """Everything that one language shows: name of the address -> answers, by GET and by POST."""

    def show(language: str) -> dict[str, list[HttpResponse]]:
        with translation.override(language):
            addresses = {name: reverse(f"public:{name}") for name in NAMES}
        return {
            name: [client.get(address), *posted(client, address, name, two_addresses)]
            for name, address in addresses.items()
        }

    return show


def posted(client: Client, address: str, name: str, words: receipt.Receipt) -> Iterator[HttpResponse]:
    ground = "child-safety" if name.startswith("under-18") else "private"
    have = ("addresses", "pictures", "fingerprints", "site")
    whole = Draft(ground=ground, have=have, addresses=URL, fingerprints="0" * 64, site="a.example")
    short = Draft(ground=ground, have=("addresses",), addresses=URL)
    bag = {"words": words.text, "item": "1", "text": "Hello", "addresses": URL, "fingerprints": "0" * 32}
    for more in (
        {"draft": whole.sealed()},
        {"draft": short.sealed()},
        {"draft": whole.sealed(), "answers": "yes", "addresses": "not an address", "have": ""},
        {"draft": "forged", "words": "these are not the words"},
        {"draft": short.sealed(), "sure": "yes", "item": "2"},
    ):
        yield client.post(address, urlencode({**bag, **more}), content_type=FORM)


def pages(answers: list[HttpResponse]) -> list[HttpResponse]:
    return [
        one for one in answers if one.headers.get("Content-Type", "").startswith("text/html") and one.content
    ]


def others(client: Client, language: str) -> list[HttpResponse]:
    """What is shown when something is wrong."""
    return [
        client.get(f"/{language}/nowhere/"),
        client.post(f"/{language}/ask/send/", "x", content_type=FORM, CONTENT_LENGTH=str(2**40)),
        client.post(f"/{language}/under-18/sent/", {"picture": "x"}),
        client.post(f"/{language}/look/", {"picture": "x"}),
    ]
