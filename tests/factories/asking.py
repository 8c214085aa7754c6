"""Filling in the form as a browser without JavaScript does: each page posts its own hidden fields."""

from __future__ import annotations

import html
import re
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from portal.asking.drafts import Draft

URL = "https://pictures.example/a.jpg"


def text(page: HttpResponse) -> str:
    """What a person reads, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


def draft(page: HttpResponse) -> str:
    """The signed answers in a page."""
    return re.search(r'name="draft" value="([^"]+)"', page.content.decode()).group(1)


def words(page: HttpResponse) -> str:
    """The receipt in a page."""
    return re.search(r'name="words" value="([^"]+)"', page.content.decode()).group(1)


def answer(client: Client, page: HttpResponse | Draft, step: str, **answers: Any) -> HttpResponse:
    """Fill in one question, on a page or with a draft, and press Continue."""
    sealed = page.sealed() if isinstance(page, Draft) else draft(page)
    sent = {"draft": sealed, "answers": "yes", **answers}
    return client.post(f"/en/ask/{f'{step}/' if step != 'why' else ''}", sent)


def to_note(client: Client, ground: str = "private", pictures: bool = False, **answers: str) -> HttpResponse:
    """Answer all questions up to the note; ``answers`` are addresses, fingerprints, site."""
    have = [*answers, *(["pictures"] if pictures else [])]
    page = answer(client, client.get("/en/ask/"), "why", ground=ground)
    page = answer(client, page, "have", have=have)
    for field, step in (("addresses", "where"), ("fingerprints", "fingerprints"), ("site", "site")):
        if field in answers:
            page = answer(client, page, step, **{field: answers[field]})
    return page


def to_check(
    client: Client, addresses: str = URL, note: str = "", ground: str = "private", **more: Any
) -> HttpResponse:
    """Answer all questions; without addresses there are pictures to come."""
    given = {"addresses": addresses} if addresses else {}
    more.setdefault("pictures", True)
    return answer(client, to_note(client, ground, **given, **more), "note", note=note)


def send(client: Client, check: HttpResponse | Draft, *pictures: bytes, **more: Any) -> HttpResponse:
    """Press the button of the last page, with pictures under names that people give."""
    sealed = check.sealed() if isinstance(check, Draft) else draft(check)
    files = [SimpleUploadedFile(f"holiday-{n}.jpg", data) for n, data in enumerate(pictures)]
    return client.post("/en/ask/send/", {"draft": sealed, "pictures": files, **more})
