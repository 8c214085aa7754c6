"""What a release would hold, as lists.py works it out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from portal.releasing.book import Book, Entries, Mask, Pks


@dataclass(frozen=True)
class Waiting:
    """The changes of one edition that are decided and not published.

    Attributes:
        added, removed: entries that come and go.
        goes_in, goes_out: how many of these the next release would take along.
        lines: of the public delta that the edition's own changes make.
        needed: lines that they wait for.
        held: whether they still wait.
        last_day: the day on which they go with whatever is there; None where nothing is held.
    """

    added: int
    removed: int
    goes_in: int
    goes_out: int
    lines: int
    needed: int
    held: bool
    last_day: date | None

    @property
    def stay(self) -> int:
        """How many of the changes the next release would leave for later."""
        return self.added + self.removed - self.goes_in - self.goes_out


@dataclass(frozen=True)
class Buried:
    """Entries of rows that some child-safety request named, ever, by primary key.

    Also when that request was taken back since: an entry that stood among the buried ones and then appears
    in full would tell what it had been.

    Attributes:
        named: listed by an edition that buries, and by no other.
        unnamed: other digests of those rows. Listed anywhere, they would cross with the prefix of the address
            and leave few rows to choose from.
    """

    named: frozenset[int] = frozenset()
    unnamed: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Plan:
    """What a release would hold.

    Attributes:
        book: all entries.
        hidden: what child-safety requests named.
        listed: edition -> what it lists now.
        lists: edition -> what it would list.
        waiting: edition -> what of its changes waits.
    """

    book: Book
    hidden: Buried
    listed: dict[str, Mask]
    lists: dict[str, Entries]
    waiting: dict[str, Waiting]

    def same_lists(self, other: Plan) -> bool:
        """Whether another plan, maybe over a later book, comes to the same lists."""
        return self.lists.keys() == other.lists.keys() and all(
            np.array_equal(entries.pks, other.lists[name].pks) for name, entries in self.lists.items()
        )

    def listed_now(self) -> Pks:
        """Primary keys of what any edition lists before the release, ascending."""
        return Entries(self.book, self.book.union(self.listed.values())).pks

    def listed_then(self) -> Pks:
        """Primary keys of what any edition would list, ascending."""
        return Entries(self.book, self.book.union(one.mask for one in self.lists.values())).pks
