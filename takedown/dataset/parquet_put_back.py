"""Put rows that were set aside back into a Parquet file.

1. Compare the two schemas: rows of another file do not fit.
2. Find the row groups of the result. Those that the source once had are noted beside the rows set aside, and
   come back where all of its rows do. Otherwise each row joins the group of the row before it.
3. Read both files group by group, lay the rows in order, and write each group.

Schema, values and metadata are then those of the file before its rows were removed.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from takedown.dataset.atomic import Pending
from takedown.dataset.parquet import open_parquet
from takedown.dataset.parquet_rewrite import (
    GROUPS,
    group_sizes,
    how_to_write,
    read_group,
    table_writer,
    writable,
    write_group,
)
from takedown.errors import BadDataset


def put_back(source: Path, aside: Path, places: NDArray[np.int64], target: Path, pending: Pending) -> int:
    """Write `source` with the rows of `aside` at these numbers of the result, to go to `target`.

    Args:
        places: ascending, unique; one for each row of `aside`.

    Returns:
        Bytes written.

    Raises:
        BadDataset: a file is damaged, or they do not fit.
    """
    with (
        open_parquet(source) as kept,
        open_parquet(aside) as back,
        writable(source),
        pending.writing(target) as sink,
    ):
        metadata = kept.metadata.metadata
        check_places(places, back.metadata.num_rows, kept.metadata.num_rows + back.metadata.num_rows, source)
        if not back.schema_arrow.equals(kept.schema_arrow):
            raise not_fitting(source)
        like, path = (kept, source) if kept.metadata.num_row_groups else (back, aside)
        schema, options = how_to_write(like, path)
        ours, theirs = _Reader(kept, source, schema), _Reader(back, aside, schema)
        first = 0
        with table_writer(sink, schema, options, metadata) as writer:
            for rows in _groups(kept.metadata, back.metadata, places):
                low, high = np.searchsorted(places, (first, first + rows))
                parts = ours.take(rows - int(high - low)), theirs.take(int(high - low))
                merged = _merged(*parts, places[low:high] - first)
                write_group(writer, schema, iter(merged.to_batches()))
                first += rows
        return sink.tell()


def check_places(places: NDArray[np.int64], aside: int, total: int, source: Path) -> None:
    """Raises BadDataset unless there is one place below `total` for each row set aside, ascending."""
    in_order = bool((np.diff(places) > 0).all())
    if len(places) != aside or not in_order or (len(places) and not 0 <= places[0] <= places[-1] < total):
        raise not_fitting(source)


def not_fitting(source: Path) -> BadDataset:
    """The error for rows that were set aside from something else."""
    return BadDataset(
        f"The rows that were set aside do not fit {source}, which changed since they were removed; put back "
        "the file that apply wrote, and try again.",
        slug="restore-not-fitting",
    )


class _Reader:
    """Hands out the rows of a file in order, as many as asked for, a row group at a time in memory."""

    def __init__(self, file: pq.ParquetFile, path: Path, schema: pa.Schema) -> None:
        self._file, self._path = file, path
        self._next = 0
        self._schema = schema
        self._rest = schema.empty_table()

    def take(self, rows: int) -> pa.Table:
        parts = [self._rest.slice(0, rows)]
        self._rest = self._rest.slice(rows)
        left = rows - parts[0].num_rows
        while left:
            if self._next == self._file.metadata.num_row_groups:
                raise not_fitting(self._path)
            batches = read_group(self._file, self._next, self._schema, self._path, np.empty(0, np.int64))
            table = pa.Table.from_batches(batches, self._schema)
            self._next += 1
            parts.append(table.slice(0, left))
            self._rest = table.slice(left)
            left -= parts[-1].num_rows
        return pa.concat_tables(parts)


def _groups(kept: pq.FileMetaData, back: pq.FileMetaData, places: NDArray[np.int64]) -> list[int]:
    """How many rows each row group of the result has."""
    noted = _noted(back)
    if sum(noted) == kept.num_rows + back.num_rows:
        return noted
    if not kept.num_rows:
        return group_sizes(back)
    # Places less what stands before them: how many kept rows come before each.
    before = places - np.arange(len(places))
    ends = np.cumsum(group_sizes(kept), dtype=np.int64)
    ends[:-1] += np.searchsorted(before, ends[:-1], side="right")
    ends[-1] += len(places)
    return [int(size) for size in np.diff(ends, prepend=0)]


def _noted(back: pq.FileMetaData) -> list[int]:
    """The row groups of the file that the rows were in, where they are noted."""
    try:
        sizes = json.loads((back.metadata or {}).get(GROUPS, b"[]"))
    except ValueError:
        return []
    plain = isinstance(sizes, list) and all(isinstance(size, int) and size >= 0 for size in sizes)
    return sizes if plain else []


def _merged(kept: pa.Table, back: pa.Table, places: NDArray[np.int64]) -> pa.Table:
    """Both tables as one, the rows of the second at these places. Slices, so that every type will do."""
    if not back.num_rows:
        return kept
    # Runs of rows that go in at one point: how many kept rows stand before each.
    before = places - np.arange(len(places))
    starts = np.flatnonzero(np.diff(before, prepend=-1))
    stops = np.append(starts[1:], len(places))
    parts, at = [], 0
    for start, stop, point in zip(starts.tolist(), stops.tolist(), before[starts].tolist(), strict=True):
        parts += [kept.slice(at, point - at), back.slice(start, stop - start)]
        at = point
    parts.append(kept.slice(at))
    return pa.concat_tables(parts)
