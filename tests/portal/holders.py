"""Someone who holds a receipt, and what they see on their page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from django.http import HttpResponse
from django.test import Client

from portal.asking import intake
from portal.asking.drafts import Draft
from portal.finding import matching
from portal.models import Item, Submission


def text_of(response: HttpResponse) -> str:
    """What a page says, without tags."""
    html = re.sub(r"<(head|style)[^>]*>.*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@dataclass
class Holder:
    """A receipt and a browser without cookies."""

    words: str
    submission: Submission
    client: Client

    def post(self, where: str = "", language: str = "en", **sent: Any) -> HttpResponse:
        """Press a button of the page of the receipt."""
        return self.client.post(f"/{language}/status/{where}", {"words": self.words, **sent})

    def sees(self, where: str = "", **sent: Any) -> str:
        return text_of(self.post(where, **sent))

    def work(self) -> Holder:
        """What the worker does with all that is due."""
        for item in self.submission.items.filter(state=Item.State.SEALED):
            matching.fingerprint_item(item.pk)
        for item in self.submission.items.filter(state=Item.State.READY):
            matching.match_item(item.pk)
        return self

    @property
    def item(self) -> Item:
        return self.submission.items.order_by("number").first()


def holds(
    client: Client,
    *addresses: str,
    ground: str = "private",
    keep: bool = False,
    slow: bool = False,
    note: str = "",
    **sent: Any,
) -> Holder:
    """Ask for something, and keep the receipt."""
    draft = Draft(ground=ground, keep=keep, note=note)
    accepted = intake.accept(draft, intake.Sent(addresses, **sent), slow=slow)
    return Holder(accepted.receipt.text, accepted.submission, client)
