"""All entries as arrays, and sets of them as masks: a million of them are a few hundred megabytes as objects.

1. ``Book.read`` has every entry of the database once, in the order of published lists: by kind, then digest;
2. a set of entries is a mask over the book, so that what comes, goes and stays is logic on whole arrays;
3. what a mask chooses is sorted already, which is what a release wants (``Book.state``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from portal.models import Entry
from takedown.blocklist.columns import Digests
from takedown.blocklist.entry import FULL, KINDS, digest_hex, validate
from takedown.blocklist.state import State
from takedown.errors import BadKey
from takedown.keys import WIDTHS, Key

#: Rows that are taken from the database at once.
MANY = 20_000

Mask = NDArray[np.bool_]
Pks = NDArray[np.int64]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Book:
    """Entries in canonical order.

    Attributes:
        pks: their primary keys.
        state: their digests, in full.
    """

    pks: Pks
    state: State

    @classmethod
    def read(cls) -> Book:
        """Every entry there is now.

        Raises:
            BadKey: one is not a full published key.
        """
        rows = Entry.objects.order_by("digest").values_list("pk", "digest")
        return cls.of({kind: rows.filter(kind=kind).iterator(chunk_size=MANY) for kind in KINDS})

    @classmethod
    def of(cls, rows: Mapping[str, Iterable[tuple[int, str]]]) -> Book:
        """Entries that are given as kind -> (primary key, digest), each digest once.

        Raises:
            BadKey: as ``read``.
        """
        pks, lists = [np.empty(0, dtype=np.int64)], {}
        for kind in KINDS:
            parts = [_arrays(kind, some) for some in batches(rows.get(kind, ()), MANY)]
            if parts:
                digests = np.concatenate([part[1] for part in parts])
                found = np.concatenate([part[0] for part in parts])
                order = _order(digests)
                pks.append(found[order])
                lists[kind] = digests[order]
        return cls(np.concatenate(pks), State.trusted(FULL, lists))

    def __len__(self) -> int:
        return len(self.pks)

    def places(self, pks: Pks) -> NDArray[np.int64]:
        """Where entries stand in the book.

        Raises:
            BadKey: one is not in it: it is of no published kind.
        """
        by_pk, pks_in_order = self._by_pk
        at = np.searchsorted(pks_in_order, pks)
        known = len(self) > 0 and np.array_equal(pks_in_order[np.minimum(at, len(self) - 1)], pks)
        if len(pks) and not known:
            raise BadKey("An entry of the database is no published key; restore the newest copy of it.")
        return by_pk[at]

    def mask(self, pks: Iterable[int]) -> Mask:
        """The set of some entries.

        Raises:
            BadKey: as ``places``.
        """
        asked = pks if isinstance(pks, np.ndarray) else np.fromiter(pks, dtype=np.int64)
        found = self.none()
        if len(asked):
            found[self.places(asked)] = True
        return found

    def none(self) -> Mask:
        """The empty set."""
        return np.zeros(len(self), dtype=np.bool_)

    def union(self, masks: Iterable[Mask]) -> Mask:
        """What is in any of some sets."""
        found = self.none()
        for mask in masks:
            found |= mask
        return found

    def keys(self, chosen: Mask) -> State:
        """The full keys of a set."""
        return State.trusted(FULL, {kind: digests[chosen[part]] for kind, part, digests in self._parts()})

    def key(self, place: int) -> Key:
        """The key at a place."""
        for kind, part, digests in self._parts():
            if place < part.stop:
                return Key(kind, digests[place - part.start].decode("ascii"))
        raise IndexError(place)

    def differing_lines(self, prefix_hex: int, one: Mask, other: Mask) -> int:
        """How many entries two sets differ in, once they are cut: twins of one prefix are one line."""
        starts = self._lines(prefix_hex)
        if not len(starts):
            return 0
        before, after = (np.logical_or.reduceat(mask, starts) for mask in (one, other))
        return int(np.count_nonzero(before != after))

    @cached_property
    def _by_pk(self) -> tuple[NDArray[np.int64], Pks]:
        order = np.argsort(self.pks)
        return order, self.pks[order]

    def _parts(self) -> Iterator[tuple[str, slice, Digests]]:
        """Kind, its part of the book, its digests."""
        start = 0
        for kind, digests in self.state.lists.items():
            yield kind, slice(start, start + len(digests)), digests
            start += len(digests)

    def _lines(self, prefix_hex: int) -> NDArray[np.int64]:
        """Where a new line begins once the digests are cut."""
        starts = [np.empty(0, dtype=np.int64)]
        for kind, part, digests in self._parts():
            short = digests.astype(f"S{digest_hex(kind, prefix_hex)}")
            changes = np.flatnonzero(short[1:] != short[:-1]) + 1
            starts += [np.array([part.start]), changes + part.start]
        return np.concatenate(starts)


class Entries(Mapping[int, Key]):
    """A set of entries as a mapping from primary keys to keys, for whoever looks at single ones."""

    def __init__(self, book: Book, mask: Mask) -> None:
        self.book, self.mask = book, mask

    @property
    def pks(self) -> Pks:
        """Their primary keys, ascending."""
        return np.sort(self.book.pks[self.mask])

    def state(self) -> State:
        """Their keys, in full."""
        return self.book.keys(self.mask)

    def __len__(self) -> int:
        return int(np.count_nonzero(self.mask))

    def __iter__(self) -> Iterator[int]:
        return iter(self.pks.tolist())

    def __contains__(self, pk: object) -> bool:
        try:
            return isinstance(pk, int) and bool(self.mask[self.book.places(np.array([pk]))[0]])
        except BadKey:
            return False

    def __getitem__(self, pk: int) -> Key:
        if pk not in self:
            raise KeyError(pk)
        return self.book.key(int(self.book.places(np.array([pk]))[0]))


def batches(rows: Iterable[T], many: int = MANY) -> Iterator[list[T]]:
    """Lists of so many rows, none of them empty."""
    left = iter(rows)
    while some := list(islice(left, many)):
        yield some


def _arrays(kind: str, rows: list[tuple[int, str]]) -> tuple[Pks, Digests]:
    pks, digests = zip(*rows, strict=True)
    wide = 2 * WIDTHS[kind]
    text = "".join(digests).encode("ascii", "replace")
    if set(map(len, digests)) != {wide}:
        for digest in digests:
            validate(Key(kind, digest))
    return np.array(pks, dtype=np.int64), np.frombuffer(text, dtype=f"S{wide}")


def _order(digests: Digests) -> NDArray[np.int64] | slice:
    """How to put digests in order; a database sorts as its locale has it, mostly the same way."""
    return slice(None) if np.all(digests[1:] > digests[:-1]) else np.argsort(digests)
