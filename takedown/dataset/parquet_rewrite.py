"""Write a Parquet file again without some of its rows, or only those rows, and change nothing else.

Kept: schema and column order, nested columns, key-value metadata, row-group boundaries (less the removed
rows; a group left empty is dropped), and what parquet_options.py finds out. Not kept, because pyarrow cannot:
compression level, and page sizes.

Nothing of a removed row stays behind: dictionaries, statistics and bloom filters are made anew from the rows
that stay. In memory is one row group at most, and of that only what stays.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from takedown.dataset.atomic import Pending
from takedown.dataset.parquet import damaged, open_parquet
from takedown.dataset.parquet_options import writer_options
from takedown.errors import BadDataset

#: Key of the metadata of rows set aside: how many rows each row group of their source had, as JSON.
GROUPS = b"takedown.row_groups"
# What a whole number is without being told.
_PLAIN_TYPES = ("NONE", "INT_32", "INT_64")
#: Most rows and, roughly, bytes that are unpacked at a time.
_BATCH_ROWS, _BATCH_BYTES = 32_768, 32 * 1024 * 1024


def rewrite(
    source: Path,
    removed: NDArray[np.int64],
    target: Path,
    pending: Pending,
    known: tuple[str, pa.ChunkedArray] | None = None,
) -> int:
    """Copy `source` without the rows numbered in `removed` (ascending, unique), to go to `target`.

    Args:
        known: a column that was read already, by name.

    Returns:
        Bytes written.

    Raises:
        BadDataset: the source is damaged or shorter than it says.
    """
    with open_parquet(source) as file, writable(source), pending.writing(target) as sink:
        _check(file, removed, source)
        metadata, first = file.metadata, 0
        schema, options = how_to_write(file, source)
        with table_writer(sink, schema, options, metadata.metadata) as writer:
            for group, rows in enumerate(group_sizes(metadata)):
                gone = removed[slice(*np.searchsorted(removed, (first, first + rows)))] - first
                there = Known(*known, first) if known and _by_name(file) else None
                write_group(writer, schema, read_group(file, group, schema, source, gone, there))
                first += rows
        return sink.tell()


def set_aside(source: Path, removed: NDArray[np.int64], target: Path, pending: Pending) -> int:
    """Copy only the rows numbered in `removed`: a row group for each one of the source that loses rows.

    How many rows the groups of the source had is noted under the key GROUPS, for `put_back`.

    Returns:
        Bytes written. Raises BadDataset.
    """
    with open_parquet(source) as file, writable(source), pending.writing(target, 0o600) as sink:
        _check(file, removed, source)
        schema, options = how_to_write(file, source)
        sizes = group_sizes(file.metadata)
        notes = {GROUPS: json.dumps(sizes).encode()} | (file.metadata.metadata or {})
        ends = np.cumsum(sizes, dtype=np.int64)
        with table_writer(sink, schema, options, notes) as writer:
            for group in np.unique(np.searchsorted(ends, removed, side="right")).tolist():
                first = int(ends[group]) - sizes[group]
                kept = np.ones(sizes[group], dtype=bool)
                kept[removed[slice(*np.searchsorted(removed, (first, ends[group])))] - first] = False
                write_group(writer, schema, read_group(file, group, schema, source, np.flatnonzero(kept)))
        return sink.tell()


def read_group(
    file: pq.ParquetFile,
    group: int,
    schema: pa.Schema,
    source: Path,
    gone: NDArray[np.int64],
    known: Known | None = None,
) -> Iterator[pa.RecordBatch]:
    """One row group without the rows numbered in `gone`, counted from its first.

    Args:
        known: a column that need not be read.

    Raises:
        BadDataset: it is damaged, or has more or fewer rows than it says.
    """
    first = 0
    rows = _batch_rows(file.metadata.row_group(group))
    others = known.others(file) if known else None
    batches = file.iter_batches(rows, row_groups=[group], columns=others, use_threads=False)
    while True:
        with damaged(source):
            batch = next(batches, None)
        if batch is None:
            break
        if known is not None:
            batch = known.beside(batch, file.schema_arrow, first)
        low, high = np.searchsorted(gone, (first, first + batch.num_rows))
        yield _without(batch if batch.schema.equals(schema) else batch.cast(schema), gone[low:high] - first)
        first += batch.num_rows
    if first != file.metadata.row_group(group).num_rows:
        raise _miscounted(source)


@dataclass(frozen=True)
class Known:
    """A column of the file that was read already, and which of its rows is the first of a row group."""

    name: str
    column: pa.ChunkedArray
    first: int

    def others(self, file: pq.ParquetFile) -> list[str]:
        """The columns that are still to be read."""
        return [name for name in file.schema_arrow.names if name != self.name]

    def beside(self, batch: pa.RecordBatch, schema: pa.Schema, first: int) -> pa.RecordBatch:
        """The batch, which begins with row `first` of the group, with the column in its place."""
        part = self.column.slice(self.first + first, batch.num_rows).combine_chunks()
        columns = [part if name == self.name else batch.column(name) for name in schema.names]
        return pa.RecordBatch.from_arrays(columns, schema=schema.remove_metadata())


def _by_name(file: pq.ParquetFile) -> bool:
    """Whether columns can be told apart by name: a dot would lead into nested ones."""
    names = file.schema_arrow.names
    return len(names) > 1 and len(set(names)) == len(names) and not any("." in name for name in names)


def _batch_rows(group: pq.RowGroupMetaData) -> int:
    """How many rows to unpack at a time. What the footer says of bytes is only a hint."""
    fitting: int = _BATCH_BYTES * group.num_rows // max(group.total_byte_size, 1)
    return max(1, min(_BATCH_ROWS, fitting))


@contextmanager
def table_writer(
    sink: BinaryIO, schema: pa.Schema, options: dict[str, Any], metadata: dict[bytes, bytes] | None
) -> Iterator[pq.ParquetWriter]:
    """A writer whose file has exactly this key-value metadata, that of Arrow's own included."""
    with pq.ParquetWriter(sink, schema, store_schema=False, **options) as writer:
        yield writer
        if metadata:
            writer.add_key_value_metadata(metadata)


def write_group(writer: pq.ParquetWriter, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
    """Write batches as one row group; nothing where there are no rows."""
    table = pa.Table.from_batches(batches, schema)
    if table.num_rows:
        writer.write_table(table, row_group_size=table.num_rows)


def group_sizes(metadata: pq.FileMetaData) -> list[int]:
    """How many rows each row group says it has."""
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]


def how_to_write(file: pq.ParquetFile, source: Path) -> tuple[pa.Schema, dict[str, Any]]:
    """The schema and the options with which the rows of this file are written.

    Raises:
        BadDataset: a column would lose what it is, such as a span of time.
    """
    schema, options = _plain_schema(file), writer_options(file.metadata, source)
    with io.BytesIO() as sample:
        pq.ParquetWriter(sample, schema, store_schema=False, **options).close()
        written = pq.read_metadata(sample).schema
    for number in range(file.metadata.num_columns):
        old, new = file.metadata.schema.column(number), written.column(number)
        lost = old.converted_type not in _PLAIN_TYPES
        if lost and new.converted_type == new.logical_type.type == "NONE":
            raise _not_writable(source)
    return schema, options


def _plain_schema(file: pq.ParquetFile) -> pa.Schema:
    """The file's schema without metadata, and with values in place of dictionaries.

    Arrow would write a dictionary whole, with what only removed rows had in it. The file's own note of its
    Arrow schema, which is kept with the other metadata, makes dictionaries of them again when they are read.
    """
    schema = file.schema_arrow.remove_metadata()
    return pa.schema([field.with_type(_plain_type(field.type)) for field in schema])


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_plain_type(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(
            kind.key_field.with_type(_plain_type(kind.key_type)),
            kind.item_field.with_type(_plain_type(kind.item_type)),
            kind.keys_sorted,
        )
    for is_list, make in _LISTS:
        if is_list(kind):
            return make(kind.value_field.with_type(_plain_type(kind.value_type)))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(_plain_type(kind.value_type)), kind.list_size)
    return kind


_LISTS = (
    (pa.types.is_list, pa.list_),
    (pa.types.is_large_list, pa.large_list),
    (pa.types.is_list_view, pa.list_view),
    (pa.types.is_large_list_view, pa.large_list_view),
)


def _without(batch: pa.RecordBatch, gone: NDArray[np.int64]) -> pa.RecordBatch:
    """The batch without these rows."""
    if not len(gone):
        return batch
    kept = np.ones(batch.num_rows, dtype=bool)
    kept[gone] = False
    try:
        return batch.take(pa.array(np.flatnonzero(kept)))
    except pa.ArrowNotImplementedError:  # views of text
        return _sliced(batch, gone)


def _sliced(batch: pa.RecordBatch, gone: NDArray[np.int64]) -> pa.RecordBatch:
    """As `_without`, for types that Arrow cannot take rows of."""
    starts, stops = np.append(0, gone + 1).tolist(), np.append(gone, batch.num_rows).tolist()
    parts = [batch.slice(a, b - a) for a, b in zip(starts, stops, strict=True) if b > a]
    return pa.concat_batches(parts) if parts else batch.slice(0, 0)


@contextmanager
def writable(source: Path) -> Iterator[None]:
    """A type that pyarrow reads and cannot write is no reason to end the whole run."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise _not_writable(source) from error


def _check(file: pq.ParquetFile, removed: NDArray[np.int64], source: Path) -> None:
    rows = sum(group_sizes(file.metadata))
    if rows != file.metadata.num_rows or (removed.size and removed[-1] >= rows):
        raise _miscounted(source)


def _not_writable(source: Path) -> BadDataset:
    return BadDataset(
        f"{source} has a column of a type that cannot be written, so its rows could not be removed; "
        "convert that column and try again.",
        slug="dataset-not-rewritable",
    )


def _miscounted(source: Path) -> BadDataset:
    return BadDataset(
        f"{source} has another number of rows than it says; fetch it again.", slug="dataset-row-count"
    )
