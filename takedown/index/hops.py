"""The second hop: from rows that were found to other rows of any index that are surely the same.

A row that a look-alike found has an address, digests and perceptual hashes of its own. Other rows with the
very same address, the same file or the same PDQ hold the same picture, in this index and in others. A hop by
a PDQ that was attached says who made it, like any other candidate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from takedown.index.interface import Hit
from takedown.index.lookup import Index
from takedown.keys import Row, url_sha256


class Hop(NamedTuple):
    """A row that shares something with a row found before.

    Attributes:
        place: of the hit's index in the sequence of indexes.
        hit: the row, and how it was found.
        via: same-address, same-file or same-picture.
    """

    place: int
    hit: Hit
    via: str


def second_hops(found: Sequence[tuple[Index, Row]], indexes: Sequence[Index]) -> Iterator[Hop]:
    """Everything in any of the indexes that shares an address, a file or a PDQ with one of the rows.

    The rows themselves are among the answers; a row may come several times. Each kind of key is asked for
    when the answers to the one before have been taken, so whoever has enough may stop.

    Args:
        found: rows with the index that each was read from.
        indexes: to be asked.
    """
    rows = [row for _, row in found]
    asked = (
        ("same-address", "url_sha256", {url_sha256(row.url): None for row in rows if row.url}),
        ("same-file", "md5", {row.md5: None for row in rows if row.md5}),
        ("same-file", "sha256", {row.sha256: None for row in rows if row.sha256}),
        ("same-picture", "pdq", _codes(found)),
    )
    for via, kind, makers in asked:
        keys = sorted(makers)
        for place, index in enumerate(indexes):
            answers = index.find_codes(kind, keys, 0) if kind == "pdq" else index.find_digests(kind, keys)
            for number, hit in answers:
                how = "url-exact" if kind == "url_sha256" else hit.how
                yield Hop(place, replace(hit, how=how, by=hit.by or makers[keys[number]]), via)


def _codes(found: Sequence[tuple[Index, Row]]) -> dict[bytes, str | None]:
    """The PDQ of each row that has one, and who attached it; nobody where a source itself has it."""
    codes: dict[bytes, str | None] = {}
    for index in dict.fromkeys(index for index, _ in found):
        rows = [row for of, row in found if of is index and row.pdq]
        for row, by in zip(rows, index.makers("pdq", [row.row for row in rows]), strict=True):
            if row.pdq is not None and (by is None or row.pdq not in codes):
                codes[row.pdq] = by
    return codes
