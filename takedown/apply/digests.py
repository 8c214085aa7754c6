"""What each kind of entry is compared with, for a whole batch of rows at once.

    url_sha256   SHA-256 of the address cell; a null address is compared with nothing
    row_sha256   SHA-256 of address, line feed, caption; null counts as empty, and two nulls as nothing
    img_sha256   the column sha256, which is of the file as downloaded
    img_md5      the column md5, likewise

Nothing is normalised: the bytes are those of the cell (docs/releases.md, "Entries"). Of texts only the first
8 bytes of each digest are made for all rows; the list's filter asks for few digests as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from takedown import sha256
from takedown.blocklist.table import Table
from takedown.dataset import RowBatch

#: Columns that each kind reads. The address is always read, for the count of nulls.
COLUMNS_OF_KIND = {
    "url_sha256": ("url",),
    "row_sha256": ("url", "caption"),
    "img_sha256": ("sha256",),
    "img_md5": ("md5",),
}

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Compared:
    """What one kind has to say about the rows of a batch.

    Attributes:
        heads: uint64 [N], the first 8 bytes of each digest, read big-endian.
        whole: the whole digests, uint8 [n, width], of rows by number.
        known: bool [N], the rows that have such a digest; None for all of them.
        reason: why other rows have none, or one that may not be what the publisher saw.
        doubtful: bool [N], those rows; None for none of them.
    """

    heads: NDArray[np.uint64]
    whole: Callable[[Rows], NDArray[np.uint8]]
    known: NDArray[np.bool_] | None
    reason: str
    doubtful: NDArray[np.bool_] | None

    def listed(self, table: Table) -> Rows:
        """Numbers, ascending, of the rows that the entries name."""
        maybe = table.candidates(self.heads)
        if self.known is not None:
            maybe = maybe[self.known[maybe]]
        return maybe[table.hits(self.whole(maybe))] if len(maybe) else maybe


def compared(kind: str, batch: RowBatch) -> Compared:
    """The digests of a batch that entries of a kind are compared with."""
    return _BY_KIND[kind](batch)


def _of_urls(batch: RowBatch) -> Compared:
    urls = _column(batch.url_bytes, batch)
    return _of_texts(urls, _valid(urls), "null-url")


def _of_rows(batch: RowBatch) -> Compared:
    urls, captions = _column(batch.url_bytes, batch), _column(batch.caption_bytes, batch)
    line_feed = pa.scalar(b"\n", pa.large_binary())
    lines = pc.binary_join_element_wise(
        urls, captions, line_feed, null_handling="replace", null_replacement=b""
    )
    has_url, has_caption = _valid(urls), _valid(captions)
    known = None if has_url is None or has_caption is None else has_url | has_caption
    found = _of_texts(lines, known, "null-url-and-caption")
    if batch.caption_bytes is not None:
        return found
    return replace(found, reason="no-caption-column", doubtful=np.ones(batch.num_rows, dtype=bool))


def _of_texts(cells: pa.Array, known: NDArray[np.bool_] | None, reason: str) -> Compared:
    texts = sha256.Texts.of(cells)
    return Compared(texts.heads(), texts.digests, known, reason, None if known is None else ~known)


def _of_column(name: str, width: int) -> Callable[[RowBatch], Compared]:
    def digests(batch: RowBatch) -> Compared:
        column = getattr(batch, name)
        if column is None:
            nothing, heads = np.zeros(batch.num_rows, dtype=bool), np.zeros(batch.num_rows, np.uint64)
            values = np.zeros((batch.num_rows, width), np.uint8)
            return Compared(heads, values.__getitem__, nothing, f"no-{name}-column", ~nothing)
        raw = np.frombuffer(column.buffers()[1], np.uint8, len(column) * width, column.offset * width)
        values = raw.reshape(-1, width)
        heads = np.ascontiguousarray(values[:, :8]).view(">u8").reshape(-1).astype(np.uint64)
        known = _valid(column)
        return Compared(heads, values.__getitem__, known, f"no-{name}", None if known is None else ~known)

    return digests


_BY_KIND: dict[str, Callable[[RowBatch], Compared]] = {
    "url_sha256": _of_urls,
    "row_sha256": _of_rows,
    "img_sha256": _of_column("sha256", 32),
    "img_md5": _of_column("md5", 16),
}


def _column(column: pa.Array | None, batch: RowBatch) -> pa.Array:
    """The column, all null where there is none."""
    return pa.nulls(batch.num_rows, pa.large_binary()) if column is None else column


def _valid(column: pa.Array) -> NDArray[np.bool_] | None:
    """Which cells are not null; None for all of them."""
    if not column.null_count:
        return None
    return np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
