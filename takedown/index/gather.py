"""Collects keys while shards stream by, and sorts them when the last one has passed.

What grows with the rows goes to disk at once: digests, perceptual hashes and the 64-bit keys of addresses.
Only sorting needs memory, one kind of key at a time (24 bytes a row that has it; see exact.py), and a shard's
fingerprints, since its pictures may come in another order than its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from takedown.dataset import RowBatch
from takedown.index import addresses, exact
from takedown.index.columns import ColumnWriter
from takedown.index.files import Spool
from takedown.index.interface import MIN_PDQ_QUALITY, Coverage
from takedown.index.pictures import Picture
from takedown.keys import WIDTHS

DIGESTS = ("sha256", "md5", "sha1")
#: Column -> bytes of a value. The quality is kept for pictures fingerprinted here, to be shown with rows.
COLUMNS = {kind: WIDTHS[kind] for kind in (*DIGESTS, "pdq", "phash")} | {"pdq_quality": 1}


class Gatherer:
    """Writes the arrays of an index into a folder.

    Args:
        folder: where they go.
        total: rows of the whole index, which decides how wide row numbers are.
    """

    def __init__(self, folder: Path, total: int) -> None:
        self._folder = folder
        many = total >= 1 << 32
        self._columns = {
            name: ColumnWriter(folder / "columns" / name, width, many_rows=many)
            for name, width in COLUMNS.items()
        }
        self._spools = {
            kind: (
                Spool(folder / f"{kind}.keys", "<u8"),
                Spool(folder / f"{kind}.rows", "<u8" if many else "<u4"),
            )
            for kind in addresses.KINDS
        }
        self.skipped = {"unreadable_pictures": 0, "low_quality_pictures": 0}

    def __enter__(self) -> Gatherer:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _t: TracebackType | None) -> None:
        for column in self._columns.values():
            column.abandon()
        for keys, rows in self._spools.values():
            keys.abandon()
            rows.abandon()

    def add_rows(self, first: int, batch: RowBatch, *, has_pictures: bool) -> None:
        """Take the keys of a batch of rows.

        Args:
            first: the index's number of the batch's first row.
            batch: the rows.
            has_pictures: their perceptual hashes come from the pictures themselves.
        """
        self._add_addresses(first, batch.url.to_pylist() if batch.url is not None else [])
        for kind in DIGESTS:
            column = getattr(batch, kind)
            if column is not None:
                self._add_values(kind, first, column, np.ones(len(column), dtype=bool))
        if not has_pictures:
            self._add_stored_hashes(first, batch)

    def add_pictures(self, first: int, pictures: Sequence[Picture], *, files_are_rows: bool) -> None:
        """Take the fingerprints of one shard's pictures.

        Args:
            first: the index's number of the shard's first row.
            pictures: in any order; of two for one row the first counts.
            files_are_rows: the files are what the rows are about, so their digests are the rows'. False for
                img2dataset, whose tars hold shrunk copies of what was downloaded.
        """
        once = {picture.row: picture for picture in reversed(pictures)}
        ordered = [once[row] for row in sorted(once)]
        if files_are_rows:
            rows = [first + picture.row for picture in ordered]
            self._append("sha256", rows, [picture.sha256 for picture in ordered])
            self._append("md5", rows, [picture.md5 for picture in ordered])
        readable = [(first + p.row, p.fingerprint) for p in ordered if p.fingerprint is not None]
        good = [(row, f) for row, f in readable if f.pdq_quality >= MIN_PDQ_QUALITY]
        self.skipped["unreadable_pictures"] += len(ordered) - len(readable)
        self.skipped["low_quality_pictures"] += len(readable) - len(good)
        rows = [row for row, _ in good]
        self._append("pdq", rows, [bytes.fromhex(f.pdq) for _, f in good])
        self._append("phash", rows, [bytes.fromhex(f.phash) for _, f in good])
        self._append("pdq_quality", rows, [bytes([f.pdq_quality]) for _, f in good])

    def finish(self, rows: int) -> Coverage:
        """Sort everything and close all files."""
        counts = {kind: self._finish_addresses(kind) for kind in addresses.KINDS}
        columns = {name: writer.close() for name, writer in self._columns.items()}
        for kind in DIGESTS:
            column = columns[kind]
            exact.build(exact.prefixes(column.values), self._folder / "exact" / kind, rows=column.rows)
        reached = {kind: len(columns[kind]) for kind in (*DIGESTS, "pdq", "phash")}
        return Coverage(rows=rows, url=counts["url_sha256"], **reached)

    def _add_addresses(self, first: int, urls: Sequence[str | None]) -> None:
        for kind, (keys, rows) in self._spools.items():
            found = [
                (first + at, key) for at, url in enumerate(urls) if (key := addresses.row_digest(kind, url))
            ]
            digests = _packed([key[:8] for _, key in found], 8)
            keys.append(exact.prefixes(digests))
            rows.append(np.array([row for row, _ in found], dtype=np.int64))

    def _add_stored_hashes(self, first: int, batch: RowBatch) -> None:
        """Perceptual hashes that the source itself lists; one of unknown quality is taken to be good."""
        quality = np.full(batch.num_rows, MIN_PDQ_QUALITY, dtype=np.int64)
        if batch.pdq_quality is not None:
            quality = batch.pdq_quality.fill_null(MIN_PDQ_QUALITY).to_numpy(zero_copy_only=False)
        good = quality >= MIN_PDQ_QUALITY
        for kind in ("pdq", "phash"):
            column = getattr(batch, kind)
            if column is not None:
                self._add_values(kind, first, column, good)

    def _add_values(self, name: str, first: int, column: pa.Array, wanted: NDArray[np.bool_]) -> None:
        known = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False) & wanted)
        self._append(name, (known + first).tolist(), column.take(pa.array(known)).to_pylist())

    def _append(self, name: str, rows: Sequence[int], values: Sequence[bytes]) -> None:
        packed = _packed(values, COLUMNS[name])
        self._columns[name].append(np.array(rows, dtype=np.int64), packed)

    def _finish_addresses(self, kind: str) -> int:
        keys, rows = (spool.read() for spool in self._spools[kind])
        exact.build(keys, self._folder / "exact" / kind, rows=rows)
        for spool in self._spools[kind]:
            spool.path.unlink()
        return len(keys)


def _packed(values: Sequence[bytes], width: int) -> NDArray[Any]:
    """Values of equal width as uint8[N, width]."""
    return np.frombuffer(b"".join(values), dtype=np.uint8).reshape(-1, width)
