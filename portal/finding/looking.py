"""Looking without keeping: what a person asks about, and how many rows answer to it.

Nothing is stored, and the answer is counts: never an address, a caption or a row, and never whether somebody
asked for a removal. All rows count alike, whatever was decided about them.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.asking import intake, pictures, typed
from portal.finding import indexes, matching
from portal.models import Item
from takedown.fingerprint import Fingerprint
from takedown.index import Index, second_hops
from takedown.keys import Key, url_sha256

#: How a row was found -> what is told of it. Everything else is a guess.
_TOLD = {
    **dict.fromkeys(("url-exact", "url-canonical", "url-sha256"), "address"),
    **dict.fromkeys(("sha256", "md5", "sha1"), "file"),
    "pdq": "alike",
}


@dataclass(frozen=True)
class Asked:
    """What a form asks about: addresses, typed fingerprints and those that the browser made."""

    addresses: tuple[str, ...] = ()
    typed: tuple[tuple[Key, ...], ...] = ()
    on_device: tuple[Fingerprint, ...] = ()

    def __len__(self) -> int:
        return len(self.addresses) + len(self.typed) + len(self.on_device)


@dataclass(frozen=True)
class Counts:
    """Rows by how they were found."""

    address: int = 0
    file: int = 0
    alike: int = 0
    guesses: int = 0

    @property
    def rows(self) -> int:
        """All of them; matching stops at MAX_MATCHES."""
        return self.address + self.file + self.alike + self.guesses

    @property
    def more(self) -> bool:
        return self.rows >= matching.MAX_MATCHES


@dataclass(frozen=True)
class Answer:
    """``text`` is what was asked, as typed; empty for a picture, which has only a ``number``."""

    kind: str
    number: int
    text: str
    counts: Counts


def read(sent: QueryDict) -> tuple[Asked, Mapping[str, list[str]]]:
    """What a form asks about, and by field a sentence for each thing that cannot be used."""
    addresses, wrong = intake.read_addresses(sent.get("addresses", ""))
    digests, unknown = typed.read_fingerprints(sent.get("fingerprints", ""))
    on_device, unfit = pictures.made_on_device(sent.getlist("device"))
    asked = Asked(tuple(addresses), tuple(digests), tuple(on_device))
    problems = {"addresses": wrong, "fingerprints": unknown, "device": unfit}
    if not any(problems.values()) and not len(asked):
        problems["addresses"] = [_("Give an address or a fingerprint, so that we know what to look for.")]
    if len(asked) > settings.LOOKS_IN_ONE:
        problems["addresses"] = [*wrong, _too_many()]
    return asked, problems


def answers(asked: Asked) -> list[Answer]:
    """Look for each thing."""
    items = {
        "address": [(url, Item(kind=Item.Kind.URL, url=url)) for url in asked.addresses],
        "fingerprint": [(keys[0].digest, _of_keys(keys)) for keys in asked.typed],
        "picture": [("", _of_device(one)) for one in asked.on_device],
    }
    return [
        Answer(kind, number, text, _counts(kind, _search(item)))
        for kind, some in items.items()
        for number, (text, item) in enumerate(some, start=1)
    ]


def _of_keys(keys: tuple[Key, ...]) -> Item:
    return Item(kind=Item.Kind.FINGERPRINT, given=[[key.kind, key.digest] for key in keys])


def _of_device(made: Fingerprint) -> Item:
    return Item(kind=Item.Kind.PICTURE, on_device=True, fingerprint_json=made.to_json())


def _search(item: Item) -> list[matching.Found]:
    """What is found; where nothing is, the work that follows on a find is done with some row."""
    opened = indexes.in_use()
    found = matching.search(item, opened)
    filled = [place for place, (index, _) in enumerate(opened) if index.rows]
    if not found and filled:
        _pretend(secrets.choice(filled), [each for _, each in opened])
    return found


def _pretend(place: int, opened: list[Index]) -> None:
    """Find a row of an index by its address, ask all indexes for others like it, and read those."""
    number = secrets.randbelow(opened[place].info.rows)
    rows = [(opened[place], row) for row in opened[place].rows([number])]
    opened[place].find_digests("url_sha256", [url_sha256(row.url) for _, row in rows if row.url])
    others = {(hop.place, hop.hit.row) for hop in second_hops(rows, opened)} - {(place, number)}
    for where, row in list(others)[: matching.MAX_MATCHES]:
        opened[where].rows([row])


def _counts(kind: str, found: list[matching.Found]) -> Counts:
    told = Counter(_told(kind, one) for one in found)
    return Counts(**told)


def _told(kind: str, found: matching.Found) -> str:
    if found.via == "same-address" and kind != "address":
        return "alike"  # as a row whose picture was found
    return _TOLD.get(found.hit.how, "guesses")


def _too_many() -> str:
    told = ngettext(
        "Please ask about %(most)s thing at a time.",
        "Please ask about up to %(most)s things at a time.",
        settings.LOOKS_IN_ONE,
    )
    return told % {"most": settings.LOOKS_IN_ONE}
