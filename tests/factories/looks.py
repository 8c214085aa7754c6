"""Looking from a test: the form of the page, and what a person reads in the answer."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.test import Client

from portal.sample import Sample

NOWHERE = "https://nowhere.example/never/seen.jpg"


def text(page: HttpResponse) -> str:
    """What a person reads in the main part."""
    main = page.content.decode().partition("<main")[2].partition("</main>")[0]
    return re.sub("[ \n]+", " ", re.sub("<[^>]+>", " ", main)).strip()


def asked(client: Client, **fields: Any) -> HttpResponse:
    return client.post("/en/look/", urlencode(fields, doseq=True), "application/x-www-form-urlencoded")


def plain(sample: Sample) -> Any:
    """A row whose picture no other row has."""
    return next(row for row in sample.rows if row.plain)
