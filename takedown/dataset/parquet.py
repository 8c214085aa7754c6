"""Parquet shards: LAION-style metadata and img2dataset's sidecars.

1. `open_parquet` looks at the footer only, within limits, and finds the columns by alias.
2. `rows` streams the few columns asked for; `read_rows` reads only the row groups that hold the rows.
3. `rewrite` (in parquet_rewrite.py) copies everything but some rows.

Statistics in the footer are never believed: they can lie, and a lie would pass a listed row.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from takedown.dataset import columns as cols
from takedown.dataset.atomic import Pending
from takedown.dataset.interface import BATCH_ROWS, Kind, Piece, RowBatch, Shard, Stamp
from takedown.dataset.remembered import Remembered
from takedown.errors import BadDataset
from takedown.keys import Row

#: Largest footer that is read, in bytes. LAION's files stay under 1 MB.
MAX_FOOTER_BYTES = 64 * 1024 * 1024
#: Most leaf columns of a file.
MAX_COLUMNS = 10_000

_TAIL = 8  # footer length (4 bytes, little-endian) and the magic "PAR1"
_ENCRYPTED = b"PARE"


class ParquetShard(Shard):
    """One Parquet file. The footer is read when the shard is made.

    Args:
        path: the file.
        name: relative to its dataset.
        need_url: refuse a file without an address column.

    Raises:
        BadDataset: no Parquet file, truncated, footer out of bounds, or no address column.
    """

    kind: Kind = "parquet"

    def __init__(self, path: Path, name: str, *, need_url: bool = True) -> None:
        self.path = path
        self.name = name
        self._address = Remembered()
        with open_parquet(path) as file:
            self._metadata = file.metadata
            names = list(file.schema_arrow.names)
        if int(self._ends[-1] if len(self._ends) else 0) != self.num_rows:
            # A scan that believes the lesser number would pass the rows behind it, which others read.
            raise _bad(path, "has row groups of more or fewer rows than it says", "dataset-row-count")
        self.columns = cols.locate(names, path)
        if need_url:
            cols.require_url(self.columns, names, path)

    @property
    def num_rows(self) -> int:
        return int(self._metadata.num_rows)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """The row behind the last one of each row group."""
        groups = range(self._metadata.num_row_groups)
        return np.cumsum([self._metadata.row_group(group).num_rows for group in groups], dtype=np.int64)

    def pieces(self, rows: int) -> list[Piece]:
        """Whole row groups, as many as make ``rows`` rows."""
        ends = self._ends.tolist()
        cuts = [0]
        for end in ends:
            if end - cuts[-1] >= rows:
                cuts.append(end)
        if cuts[-1] != self.num_rows or len(cuts) == 1:
            cuts.append(self.num_rows)
        return [Piece(first, stop) for first, stop in pairwise(cuts)]

    def rows(
        self,
        batch_size: int = BATCH_ROWS,
        columns: Collection[str] | None = None,
        piece: Piece | None = None,
    ) -> Iterator[RowBatch]:
        wanted = self._wanted(columns)
        first, stop = piece or (0, self.num_rows)
        groups = np.flatnonzero((self._ends > first) & (self._ends <= stop)).tolist()
        with open_parquet(self.path) as file, damaged(self.path):
            if not wanted:
                yield RowBatch(first, stop - first)
                return
            names = sorted(set(wanted.values()))
            self._address.begin(wanted.get("url") if piece is None else None)
            for batch in file.iter_batches(batch_size, row_groups=groups, columns=names):
                self._address.add(batch)
                yield self._batch(first, batch, wanted)
                first += batch.num_rows
        if first != stop:
            raise _bad(self.path, f"says it has {stop} rows and holds {first}", "dataset-row-count")

    def read_rows(self, numbers: Sequence[int], columns: Collection[str] | None = None) -> list[Row]:
        wanted = self._wanted(columns)
        groups, inside = self._place(numbers)
        found: dict[int, Row] = {}
        order = np.argsort(groups, kind="stable")
        edges = np.flatnonzero(np.diff(groups[order])) + 1
        with open_parquet(self.path) as file, damaged(self.path):
            for chosen in (part.tolist() for part in np.split(order, edges) if len(part)):
                group = int(groups[chosen[0]])
                table = file.read_row_group(group, columns=sorted(set(wanted.values())))
                table = table.take(inside[chosen]).combine_chunks()
                batch = self._batch(0, _one_batch(table), wanted)
                found.update(
                    zip(chosen, batch_rows(batch, self.name, [numbers[i] for i in chosen]), strict=True)
                )
        return [found[i] for i in range(len(numbers))]

    def stamp(self) -> Stamp:
        return Stamp(self.path.stat().st_size, hashlib.sha256(footer(self.path)).hexdigest())

    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def scan_bytes(self, columns: Collection[str]) -> int:
        names = set(self._wanted(columns).values())
        return sum(
            chunk.total_compressed_size
            for group in range(self._metadata.num_row_groups)
            for chunk in map(self._metadata.row_group(group).column, range(self._metadata.num_columns))
            if chunk.path_in_schema.split(".")[0] in names
        )

    def rewrite(self, removed: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        from takedown.dataset.parquet_rewrite import rewrite

        known = self._address.column(self.num_rows)
        return rewrite(self.path, removed, folder / self.path.name, pending, known)

    def keep_for_rewrite(self) -> None:
        self._address.want()

    def forget(self) -> None:
        self._address.forget()

    def set_aside(self, removed: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        from takedown.dataset.parquet_rewrite import set_aside

        return set_aside(self.path, removed, folder / self.path.name, pending)

    def put_back(self, aside: Shard, places: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        from takedown.dataset.parquet_put_back import put_back

        return put_back(self.path, aside.path, places, folder / self.path.name, pending)

    def _wanted(self, columns: Collection[str] | None) -> dict[str, str]:
        return {ours: name for ours, name in self.columns.items() if columns is None or ours in columns}

    def _batch(self, first: int, batch: pa.RecordBatch, wanted: dict[str, str]) -> RowBatch:
        values: dict[str, Any] = {}
        for ours, name in wanted.items():
            field = f"{ours}_bytes" if ours in ("url", "caption") else ours
            values[field] = cols.read(ours, batch.column(name), self.path)
        return RowBatch(first, batch.num_rows, **values)

    def _place(self, numbers: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row numbers -> (row group, row in that group)."""
        ends = self._ends
        rows = np.asarray(numbers, dtype=np.int64)
        if rows.size and (rows.min() < 0 or rows.max() >= self.num_rows):
            raise _bad(self.path, "has no row of that number; it changed since", "dataset-no-such-row")
        groups = np.searchsorted(ends, rows, side="right").astype(np.int64)
        starts = np.append(0, ends[:-1])
        return groups, rows - starts[groups] if rows.size else rows


@contextmanager
def open_parquet(path: Path, *, checksums: bool = False) -> Iterator[pq.ParquetFile]:
    """Open a file after checking that its footer is there and within limits.

    Args:
        path: the file.
        checksums: also check those that pages carry, where they do.

    Raises:
        BadDataset: it is no whole Parquet file, or out of bounds.
    """
    footer_size(path)
    if not _nameable(path):
        raise BadDataset(
            f"{path!r} has a name that is not UTF-8, which cannot be opened as Parquet; rename it.",
            slug="dataset-name-not-utf8",
        )
    with damaged(path):
        # Without reading ahead, which on local files saves no time and holds whole row groups, packed.
        file = pq.ParquetFile(path, pre_buffer=False, page_checksum_verification=checksums)
    try:
        if file.metadata.num_columns > MAX_COLUMNS:
            raise _bad(path, f"has more than {MAX_COLUMNS} columns", "dataset-too-many-columns")
        yield file
    finally:
        file.close()


def _nameable(path: Path) -> bool:
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def damaged(path: Path) -> Iterator[None]:
    """Turn whatever pyarrow raises about this file into BadDataset."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError, UnicodeDecodeError) as error:
        raise _bad(path, "is not a whole Parquet file", "dataset-unreadable") from error


def footer_size(path: Path) -> int:
    """Bytes of the footer, tail included. Raises BadDataset when there is none or it is out of bounds."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(4)
            file.seek(max(0, size - _TAIL))
            tail = file.read(_TAIL)
    except OSError as error:
        raise _bad(path, f"cannot be read ({error.strerror})", "dataset-unreadable") from error
    if _ENCRYPTED in (head, tail[4:]):
        raise BadDataset(
            f"{path} is encrypted; decrypt it and try again, or leave it out.", slug="dataset-encrypted"
        )
    length = int.from_bytes(tail[:4], "little") + _TAIL
    if head != b"PAR1" or tail[4:] != b"PAR1" or length + 4 > size:
        raise _bad(path, "is not a whole Parquet file", "dataset-unreadable")
    if length > MAX_FOOTER_BYTES:
        raise _bad(path, "has a footer of more than 64 MB", "dataset-footer-too-large")
    return length


def footer(path: Path) -> bytes:
    """The footer's bytes. Raises BadDataset."""
    length = footer_size(path)
    with path.open("rb") as file:
        file.seek(-length, 2)
        return file.read(length)


def batch_rows(batch: RowBatch, source: str, numbers: Sequence[int]) -> list[Row]:
    """The rows of a batch as Row, numbered as given."""
    fields = ("url", "caption", "sha256", "md5", "sha1", "pdq", "pdq_quality", "phash", "width", "height")
    lists = {field: column.to_pylist() for field in fields if (column := getattr(batch, field)) is not None}
    bad = _undecodable(batch)
    return [
        Row(
            number,
            source,
            number,
            undecodable=bad[i],
            **{field: values[i] for field, values in lists.items()},
        )
        for i, number in enumerate(numbers)
    ]


def _undecodable(batch: RowBatch) -> list[bool]:
    """For each row whether its address or caption is there but not UTF-8."""
    pairs = ((batch.url_bytes, batch.url), (batch.caption_bytes, batch.caption))
    lost = [
        [
            raw is not None and text is None
            for raw, text in zip(cells.to_pylist(), texts.to_pylist(), strict=True)
        ]
        for cells, texts in pairs
        if cells is not None and texts is not None
    ]
    return [any(flags) for flags in zip(*lost, strict=True)] if lost else [False] * batch.num_rows


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def _bad(path: Path, what: str, slug: str) -> BadDataset:
    return BadDataset(f"{path} {what}; fetch it again, or leave it out.", slug=slug)
