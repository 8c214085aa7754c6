"""Find the rows of a shard that a list names, reading only the columns that the list can speak about.

1. Each batch of rows is compared with the entries of each kind (digests.py).
2. A row that several kinds name goes once, and is counted under the first kind in the order of
   PUBLISHED_KINDS.
3. A row that stays although some kind could not be compared with it is counted under the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from takedown.apply.digests import COLUMNS_OF_KIND, compared
from takedown.apply.listed import Listing
from takedown.blocklist.table import Table
from takedown.dataset import RowBatch, Shard
from takedown.keys import PUBLISHED_KINDS

#: In `marked`, of a row that no kind names.
STAYS = 255


@dataclass(frozen=True)
class Removals:
    """What goes from one shard.

    Attributes:
        rows: numbers of the rows that go, ascending.
        rows_in: rows of the shard.
        null_urls: rows without an address.
        by_kind: rows that go, counted under the first kind that names them.
        kinds: for each of `rows` the place of that kind in PUBLISHED_KINDS.
        uncheckable: reason -> rows that stay although entries of some kind could not be compared with them:
            ``null-url``, ``null-url-and-caption``, ``no-sha256``, ``no-md5`` (null or malformed), and
            ``no-caption-column``, ``no-sha256-column``, ``no-md5-column`` for all rows of a shard.
    """

    rows: NDArray[np.int64]
    rows_in: int
    null_urls: int
    by_kind: dict[str, int] = field(default_factory=dict)
    kinds: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    uncheckable: dict[str, int] = field(default_factory=dict)


class Scanner:
    """The list, made ready to be asked about many shards. It can be pickled, and used after a fork.

    Raises:
        VerificationFailed: the list on this disk was altered.
    """

    def __init__(self, listing: Listing) -> None:
        tables = ((place, listing.table(kind)) for place, kind in enumerate(PUBLISHED_KINDS))
        self._tables = [(place, table) for place, table in tables if table is not None and len(table)]
        names = [name for _, table in self._tables for name in COLUMNS_OF_KIND[table.kind]]
        self.columns = tuple(dict.fromkeys(["url", *names]))

    @property
    def tables(self) -> list[Table]:
        """The list, a table for each kind that it has entries of."""
        return [table for _, table in self._tables]

    def scan(self, shard: Shard, progress: Callable[[int], None]) -> Removals:
        """Read the shard once.

        Args:
            progress: called with the rows of each batch.

        Raises:
            BadDataset: the shard is damaged or lacks the address column.
        """
        uncheckable: Counter[str] = Counter()
        rows, kinds = [np.empty(0, np.int64)], [np.empty(0, np.uint8)]
        rows_in = null_urls = 0
        for batch in shard.rows(columns=self.columns):
            marks = self.marked(batch, uncheckable)
            gone = np.flatnonzero(marks != STAYS)
            rows.append(batch.first + gone)
            kinds.append(marks[gone])
            rows_in += batch.num_rows
            null_urls += batch.num_rows if batch.url_bytes is None else batch.url_bytes.null_count
            progress(batch.num_rows)
        first = np.concatenate(kinds)
        counts = np.bincount(first, minlength=len(PUBLISHED_KINDS)).tolist()
        return Removals(
            np.concatenate(rows),
            rows_in,
            null_urls,
            by_kind=dict(zip(PUBLISHED_KINDS, counts, strict=True)),
            kinds=first,
            uncheckable={reason: count for reason, count in sorted(uncheckable.items()) if count},
        )

    def marked(self, batch: RowBatch, uncheckable: Counter[str]) -> NDArray[np.uint8]:
        """For each row the place in PUBLISHED_KINDS of the first kind that names it, or STAYS.

        Args:
            batch: with the columns of `columns`.
            uncheckable: rows that stay are added, by reason.
        """
        marks = np.full(batch.num_rows, STAYS, np.uint8)
        doubtful: dict[str, NDArray[np.bool_]] = {}
        for place, table in self._tables:
            found = compared(table.kind, batch)
            hits = found.listed(table)
            marks[hits[marks[hits] == STAYS]] = place
            if found.doubtful is not None:
                doubtful[found.reason] = found.doubtful
        for reason, rows in doubtful.items():
            uncheckable[reason] += int(np.count_nonzero(rows & (marks == STAYS)))
        return marks
