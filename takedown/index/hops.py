"""The second hop: from rows that were found to other rows of any index that are surely the same.

A row that a look-alike found has an address, digests and perceptual hashes of its own. Other rows with the
very same address, the same file or the same PDQ hold the same picture, in this index and in others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from takedown.errors import BadUrl
from takedown.index.interface import Hit
from takedown.index.lookup import Index
from takedown.keys import Row


class Hop(NamedTuple):
    """A row that shares something with a row found before.

    Attributes:
        place: of the index in the sequence of indexes.
        hit: the row, and how it was found.
        via: same-address, same-file or same-picture.
    """

    place: int
    hit: Hit
    via: str


def second_hops(rows: Sequence[Row], indexes: Sequence[Index]) -> Iterator[Hop]:
    """Everything in any of the indexes that shares an address, a file or a PDQ with one of the rows.

    The rows themselves are among the answers; a row may come several times.
    """
    for via, kind, value in _questions(rows):
        for place, index in enumerate(indexes):
            for hit in _ask(index, kind, value):
                yield Hop(place, hit, via)


def _questions(rows: Sequence[Row]) -> list[tuple[str, str, str | bytes]]:
    """Each thing to ask for once, in an order that does not depend on that of the rows."""
    asked: set[tuple[str, str, str | bytes]] = set()
    asked |= {("same-address", "url", row.url) for row in rows if row.url}
    asked |= {("same-file", "sha256", row.sha256) for row in rows if row.sha256}
    asked |= {("same-file", "md5", row.md5) for row in rows if row.md5}
    asked |= {("same-picture", "pdq", row.pdq) for row in rows if row.pdq}
    return sorted(asked, key=lambda one: (one[0], one[1], repr(one[2])))


def _ask(index: Index, kind: str, value: str | bytes) -> list[Hit]:
    if isinstance(value, str):
        try:
            return [hit for hit in index.find_url(value) if hit.how == "url-exact"]
        except BadUrl:  # a cell that is no address, and stands in no other index
            return []
    return index.find_near("pdq", value, 0) if kind == "pdq" else index.find_digest(kind, value)
