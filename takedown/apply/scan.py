"""Find the rows of a shard that a list names, reading only the columns that the list can speak about.

Joins are on exact bytes; nothing is normalised (docs/releases.md, "Entries"):

    url_sha256   SHA-256 of the address cell; a null address never matches and is counted
    row_sha256   SHA-256 of address, line feed, caption; null counts as empty, and two nulls never match
    img_sha256   the column sha256, which is of the file as downloaded
    img_md5      the column md5, likewise

A row that several kinds name is removed once and counted under the first kind in this order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from takedown.apply.listed import Blocklist, Listed
from takedown.dataset import RowBatch, Shard
from takedown.keys import PUBLISHED_KINDS

#: Columns that each kind reads. The address is always read, for the count of nulls.
COLUMNS_OF_KIND = {
    "url_sha256": ("url",),
    "row_sha256": ("url", "caption"),
    "img_sha256": ("sha256",),
    "img_md5": ("md5",),
}


@dataclass(frozen=True)
class Removals:
    """What goes from one shard.

    Attributes:
        rows: numbers of the rows that go, ascending.
        rows_in: rows of the shard.
        null_urls: rows without an address.
        by_kind: rows that go, counted under the first kind that names them.
    """

    rows: NDArray[np.int64]
    rows_in: int
    null_urls: int
    by_kind: dict[str, int] = field(default_factory=dict)


class Scanner:
    """The list, made ready to be asked about many shards."""

    def __init__(self, blocklist: Blocklist) -> None:
        kinds = [Listed(kind, blocklist.entries(kind), blocklist.prefix_hex) for kind in PUBLISHED_KINDS]
        self._lists = [listed for listed in kinds if listed]
        names = [name for listed in self._lists for name in COLUMNS_OF_KIND[listed.kind]]
        self.columns = tuple(dict.fromkeys(["url", *names]))

    def scan(self, shard: Shard, progress: Callable[[int], None]) -> Removals:
        """Read the shard once.

        Args:
            progress: called with the rows of each batch.

        Raises:
            BadDataset: the shard is damaged or lacks the address column.
        """
        by_kind = dict.fromkeys(PUBLISHED_KINDS, 0)
        removed: list[NDArray[np.int64]] = []
        rows_in = null_urls = 0
        for batch in shard.rows(columns=self.columns):
            rows_in += batch.num_rows
            null_urls += batch.num_rows if batch.url_bytes is None else batch.url_bytes.null_count
            removed.append(batch.first + self._hits(batch, by_kind))
            progress(batch.num_rows)
        rows = np.concatenate(removed) if removed else np.empty(0, np.int64)
        return Removals(rows, rows_in, null_urls, by_kind)

    def _hits(self, batch: RowBatch, by_kind: dict[str, int]) -> NDArray[np.int64]:
        """Rows of the batch that go, from 0; adds each to the count of the first kind that names it."""
        gone = np.zeros(batch.num_rows, dtype=bool)
        for listed in self._lists:
            positions, digests = DIGESTS[listed.kind](batch)
            hits = positions[listed.hits(digests)]
            by_kind[listed.kind] += int(np.count_nonzero(~gone[hits]))
            gone[hits] = True
        return np.flatnonzero(gone)


Digests = tuple[NDArray[np.int64], bytes]


def _of_urls(batch: RowBatch) -> Digests:
    if batch.url_bytes is None:
        return _NONE
    positions = _present(batch.url_bytes)
    cells = batch.url_bytes.drop_null() if batch.url_bytes.null_count else batch.url_bytes
    return positions, b"".join([_sha256(cell).digest() for cell in _cells(cells)])


def _of_rows(batch: RowBatch) -> Digests:
    urls, captions = _texts(batch.url_bytes, batch), _texts(batch.caption_bytes, batch)
    named = _valid(batch.url_bytes, batch) | _valid(batch.caption_bytes, batch)
    pairs = zip(urls, captions, strict=True)
    digests = [_sha256(url + b"\n" + caption).digest() for url, caption in pairs]
    positions = np.flatnonzero(named)
    return positions, b"".join([digests[i] for i in positions.tolist()])


def _of_column(name: str) -> Callable[[RowBatch], Digests]:
    def digests(batch: RowBatch) -> Digests:
        column = getattr(batch, name)
        if column is None:
            return _NONE
        return _present(column), b"".join(column.drop_null().to_pylist())

    return digests


DIGESTS: dict[str, Callable[[RowBatch], Digests]] = {
    "url_sha256": _of_urls,
    "row_sha256": _of_rows,
    "img_sha256": _of_column("sha256"),
    "img_md5": _of_column("md5"),
}

_sha256 = hashlib.sha256
_NONE: Digests = (np.empty(0, np.int64), b"")


def _present(column: pa.Array) -> NDArray[np.int64]:
    return np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))


def _valid(column: pa.Array | None, batch: RowBatch) -> NDArray[np.bool_]:
    if column is None:
        return np.zeros(batch.num_rows, dtype=bool)
    return np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=bool)


def _texts(column: pa.Array | None, batch: RowBatch) -> Sequence[bytes] | Iterator[bytes]:
    """The cells as bytes, empty where null or where there is no such column."""
    if column is None:
        return [b""] * batch.num_rows
    return _cells(column.fill_null(b"") if column.null_count else column)


def _cells(column: pa.Array) -> Iterator[bytes]:
    """The cells of a pa.large_binary without nulls; ten times faster than to_pylist."""
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int64, len(column) + 1, column.offset * 8)
    low, high = (int(ends[0]), int(ends[-1])) if len(column) else (0, 0)
    content = data[low:high].to_pybytes() if data else b""
    at = (ends - low).tolist()
    return (content[a:b] for a, b in pairwise(at))
