"""What an edition of short prefixes costs, and how well it hides: counted, never assumed.

An entry that is cut to a few digits removes every row whose digest begins with them, and does not tell which
was meant. How many rows those are depends on the dataset, so they are counted in every dataset the release
is for:

1. ``measure`` cuts the live keys as the edition does and asks each dataset what stands under each prefix;
2. rows are what the edition costs; different digests are what an entry hides among, since a hundred rows
   with one address are one address;
3. ``check`` refuses a list whose smallest bucket, in whichever dataset that is, is below ``k_min``.

Cover is owed to every entry but those that an edition lists, or has listed, in full: those have none to lose.
A dataset that knows no digests of a kind cannot say what such an entry covers; where cover is owed, that is
refused as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from takedown.blocklist.entry import FULL
from takedown.blocklist.state import State
from takedown.errors import UsageError
from takedown.publish.live import Live, cut, listed_as, without

#: Fewest digits of a digest that an edition publishes: with less, much of a dataset may go.
FEWEST_DIGITS = 4
#: Longest prefix that an index can count: it knows 64 bits of each digest.
MOST_DIGITS = 16


class Counts(NamedTuple):
    """For each of some prefixes, int64[N]: the rows under it, and the different digests among them."""

    rows: NDArray[np.int64]
    digests: NDArray[np.int64]


class Dataset(Protocol):
    """A dataset whose rows can be counted by the beginning of a digest.

    Attributes:
        name: as in the release's ``dataset_ids``.
        rows: of the whole dataset.
    """

    @property
    def name(self) -> str: ...

    @property
    def rows(self) -> int: ...

    def count(self, kind: str, prefixes: Sequence[str]) -> Counts | None:
        """Count what stands under each prefix; None where nothing is known about digests of that kind."""


@dataclass(frozen=True)
class DatasetCover:
    """What an edition does to one dataset.

    Attributes:
        name, rows: of the dataset.
        removed: rows that the list removes, at most: one that is listed by two kinds counts twice.
        smallest: fewest different digests under one prefix that owes cover; None where none does.
        uncounted: kinds in the list of which the dataset knows no digests.
        unknown: those of them that owe cover.
    """

    name: str
    rows: int
    removed: int
    smallest: int | None
    uncounted: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Of the dataset's rows, how many the list removes: 0 to 1."""
        return min(1.0, self.removed / self.rows) if self.rows else 0.0


@dataclass(frozen=True)
class Cover:
    """What was counted for one list.

    Attributes:
        state_sha256: of the very list that was counted.
        entries, owed: prefixes in it, and those of them that owe cover.
        datasets: in the order in which they were given.
    """

    state_sha256: str
    entries: int
    owed: int
    datasets: tuple[DatasetCover, ...]

    @property
    def smallest(self) -> int | None:
        """The smallest bucket that owes cover, in whichever dataset that is; None where none does."""
        return min((one.smallest for one in self.datasets if one.smallest is not None), default=None)


def measure(keys: Live, prefix_hex: int, datasets: Sequence[Dataset], bare: Live = ()) -> Cover:
    """Count what a list covers once it is cut.

    Args:
        keys: the edition's live keys, in full.
        prefix_hex: digits that it publishes.
        datasets: every dataset that the release is for.
        bare: keys that some edition lists, or has listed, in full.

    Raises:
        UsageError: slug ``cover-uncountable``: prefixes so long cannot be counted.
        BadKey: as ``listed_as``.
    """
    if prefix_hex > MOST_DIGITS:
        raise UsageError(
            f"Prefixes of more than {MOST_DIGITS} digits cannot be counted; publish {FEWEST_DIGITS} to "
            f"{MOST_DIGITS}, or all {FULL}.",
            slug="cover-uncountable",
        )
    every = listed_as(keys)
    whole, owed = cut(every, prefix_hex), cut(without(every, listed_as(bare)), prefix_hex)
    counted = tuple(_measure(dataset, whole, owed) for dataset in datasets)
    return Cover(whole.state_sha256, len(whole), len(owed), counted)


def check(name: str, state: State, k_min: int, cover: Cover | None) -> None:
    """Nothing when a list that is cut may be published.

    Args:
        name: of the edition.
        state: its list.
        k_min: fewest different digests that any entry which owes cover must hide among.
        cover: what was counted for it.

    Raises:
        UsageError: slugs ``cover-missing``, ``cover-other-list``, ``cover-unknown``, ``cover-too-small``.
    """
    if cover is None:
        raise _refused(name, "cuts its digests and nobody counted what they cover; count it first", "missing")
    if cover.state_sha256 != state.state_sha256:
        raise _refused(name, "was counted with another list; count it again", "other-list")
    if not k_min or not cover.owed:
        return
    if not cover.datasets:
        raise _refused(name, "was counted in no dataset; name at least one", "unknown")
    for one in cover.datasets:
        if one.unknown:
            raise _refused(
                name,
                f"would list {', '.join(one.unknown)} entries, and {one.name} knows no such digests, so "
                "nobody can say how many rows they cover; decide those rows by their address",
                "unknown",
            )
    least = min(cover.datasets, key=lambda one: one.smallest or 0)
    if (least.smallest or 0) < k_min:
        raise _refused(
            name,
            f"has an entry that only {least.smallest or 0} digests of {least.name} share, and its k_min is "
            f"{k_min}; publish fewer digits (prefix_hex below {state.prefix_hex}), or take {least.name} "
            "out of dataset_ids",
            "too-small",
        )


def _measure(dataset: Dataset, whole: State, owed: State) -> DatasetCover:
    removed, smallest, uncounted = 0, [], []
    for kind in whole.lists:
        counts = dataset.count(kind, whole.entries(kind))
        if counts is None:
            uncounted.append(kind)
            continue
        removed += int(counts.rows.sum())
        if kind in owed.lists:
            places = np.searchsorted(whole.digests(kind), owed.digests(kind))
            smallest.append(int(counts.digests[places].min()))
    unknown = tuple(kind for kind in uncounted if kind in owed.lists)
    least = min(smallest, default=None)
    return DatasetCover(dataset.name, dataset.rows, removed, least, tuple(uncounted), unknown)


def _refused(name: str, why: str, slug: str) -> UsageError:
    return UsageError(f"Edition {name} {why}. Nothing was staged.", slug=f"cover-{slug}")
