"""The rows of a case for display: one group a dataset row, with every item that found it and how."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from portal.finding import indexes
from portal.finding.matching import GUESSES
from portal.models import Case, DatasetIndex, Item, Match
from takedown.errors import TakedownError
from takedown.keys import Row

_HOW = {
    "url-exact": "Same address",
    "url-canonical": "Same address, spelled differently",
    "url-sha256": "Same address",
    "sha256": "Same file (SHA-256)",
    "md5": "Same file (MD5)",
    "pdq": "Looks alike (PDQ)",
    "phash": "Looks alike (pHash)",
    "site": "Stands on the site that was asked for",
    "sha1": "Same file (SHA-1)",
    "size-variant": "Guess: another size of the same address",
    "same-site": "Guess: on the same page or site",
}

_VIA = {
    "same-address": "through another row with this address",
    "same-file": "through another row with this file",
    "same-picture": "through another row with this picture",
    Match.LOOKED_AGAIN: "found when a later index was looked through",
}


@dataclass(eq=False)
class RowGroup:
    """A dataset row with the matches that lead to it. ``row`` is None when its source cannot be read now."""

    index: DatasetIndex
    number: int
    row: Row | None
    matches: list[Match]

    def among(self, chosen: Collection[int]) -> bool:
        """True when one of its matches is among these primary keys."""
        return any(match.pk in chosen for match in self.matches)

    @property
    def best(self) -> Match:
        return min(
            self.matches,
            key=lambda match: (match.how in GUESSES, bool(match.via), match.distance or 0),
        )

    @property
    def how(self) -> str:
        return _HOW.get(self.best.how, self.best.how)

    @property
    def via(self) -> str:
        return _VIA.get(self.best.via, "")

    @property
    def by(self) -> str:
        """Whoever made the fingerprint that led here, where it was not made from the source."""
        return self.best.by

    @property
    def guess(self) -> bool:
        return self.best.how in GUESSES

    @property
    def closeness(self) -> int | None:
        """0..100 for the distance bar; None where the match is exact."""
        distance = self.best.distance
        return None if distance is None else max(0, 100 - round(distance * 100 / 64))


def groups(case: Case) -> tuple[list[RowGroup], str]:
    """All rows of a case, nearest first, and a sentence when some could not be read."""
    matches = list(
        Match.objects.filter(item__case_item__case=case)
        .exclude(item__state=Item.State.WITHDRAWN)
        .select_related("index", "item")
        .order_by("pk")
    )
    rows: dict[tuple[int, int], Row] = {}
    problem = ""
    for index in {match.index for match in matches}:
        wanted = [(match.index, match.row) for match in matches if match.index_id == index.pk]
        try:
            rows.update(indexes.rows_of(wanted))
        except TakedownError as error:
            problem = error.sentence
    found: dict[tuple[int, int], RowGroup] = {}
    for match in matches:
        place = (match.index_id, match.row)
        group = found.setdefault(place, RowGroup(match.index, match.row, rows.get(place), []))
        group.matches.append(match)
    ordered = sorted(found.values(), key=lambda group: (group.guess, group.best.distance or 0, group.number))
    return ordered, problem
