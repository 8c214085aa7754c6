"""Write a Parquet file again without some of its rows, and without changing anything else.

Kept: schema and column order, nested columns, key-value metadata, row-group boundaries (less the removed
rows; a group left empty is dropped), and per column codec, dictionary use and statistics, format version,
sort order and page index. Not kept, because pyarrow cannot: compression level, bloom filters, and encodings
other than plain and dictionary.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from takedown.dataset.atomic import Pending
from takedown.dataset.parquet import damaged, open_parquet
from takedown.errors import BadDataset

#: Key of the metadata of rows set aside: how many rows each row group of their source had, as JSON.
GROUPS = b"takedown.row_groups"

_VERSIONS = ("1.0", "2.4", "2.6")


def rewrite(source: Path, removed: NDArray[np.int64], target: Path, pending: Pending) -> int:
    """Copy `source` without the rows numbered in `removed` (ascending, unique), to go to `target`.

    Returns:
        Bytes written.

    Raises:
        BadDataset: the source is damaged or shorter than it says.
    """
    with open_parquet(source) as file, writable(source), pending.writing(target) as sink:
        _check(file, removed, source)
        schema, first = plain_schema(file), 0
        with pq.ParquetWriter(sink, schema, **writer_options(file.metadata)) as writer:
            for group in range(file.metadata.num_row_groups):
                table = read_group(file, group, source)
                kept = _without(table, removed, first)
                first += table.num_rows
                write_group(writer, kept)
        return sink.tell()


def set_aside(source: Path, removed: NDArray[np.int64], target: Path, pending: Pending) -> int:
    """Copy only the rows numbered in `removed`: a row group for each one of the source that loses rows.

    How many rows the groups of the source had is noted under the key GROUPS, for `put_back`.

    Returns:
        Bytes written. Raises BadDataset.
    """
    with open_parquet(source) as file, writable(source), pending.writing(target, 0o600) as sink:
        _check(file, removed, source)
        sizes = group_sizes(file.metadata)
        ends = np.cumsum(sizes, dtype=np.int64)
        schema = plain_schema(file)
        notes = {GROUPS: json.dumps(sizes).encode()} | (schema.metadata or {})
        with pq.ParquetWriter(sink, schema.with_metadata(notes), **writer_options(file.metadata)) as writer:
            for group in np.unique(np.searchsorted(ends, removed, side="right")).tolist():
                table = read_group(file, group, source)
                first = int(ends[group]) - sizes[group]
                low, high = np.searchsorted(removed, (first, ends[group]))
                inside = np.zeros(table.num_rows, dtype=bool)
                inside[removed[low:high] - first] = True
                write_group(writer, table.filter(pa.array(inside)))
        return sink.tell()


def read_group(file: pq.ParquetFile, group: int, source: Path) -> pa.Table:
    """One row group. Raises BadDataset when it is damaged, or has more or fewer rows than it says."""
    with damaged(source):
        table = file.read_row_group(group)
    if table.num_rows != file.metadata.row_group(group).num_rows:
        raise _miscounted(source)
    return table


def write_group(writer: pq.ParquetWriter, table: pa.Table) -> None:
    """Write a table as one row group; nothing where it is empty."""
    if table.num_rows:
        writer.write_table(table, row_group_size=table.num_rows)


def group_sizes(metadata: pq.FileMetaData) -> list[int]:
    """How many rows each row group says it has."""
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]


def _check(file: pq.ParquetFile, removed: NDArray[np.int64], source: Path) -> None:
    rows = sum(group_sizes(file.metadata))
    if rows != file.metadata.num_rows or (removed.size and removed[-1] >= rows):
        raise _miscounted(source)


def _miscounted(source: Path) -> BadDataset:
    return BadDataset(
        f"{source} has another number of rows than it says; fetch it again.", slug="dataset-row-count"
    )


@contextmanager
def writable(source: Path) -> Iterator[None]:
    """A type that pyarrow reads and cannot write is no reason to end the whole run."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise BadDataset(
            f"{source} has a column of a type that cannot be written, so its rows could not be removed; "
            "convert that column and try again.",
            slug="dataset-not-rewritable",
        ) from error


def writer_options(metadata: pq.FileMetaData) -> dict[str, Any]:
    """The ParquetWriter options under which the file must have been written."""
    leaves = [metadata.schema.column(i) for i in range(metadata.num_columns)]
    options: dict[str, Any] = _types(leaves, metadata.format_version)
    options["use_compliant_nested_type"] = not any(".list.item" in leaf.path for leaf in leaves)
    options["store_schema"] = b"ARROW:schema" in (metadata.metadata or {})
    if metadata.num_row_groups:
        options |= _columns(metadata)
    return options


def _types(leaves: list[Any], version: str) -> dict[str, Any]:
    """Options that keep physical types: old 96-bit times, and decimals stored as integers."""
    times = [leaf.physical_type == "INT96" for leaf in leaves if _is_time(leaf)]
    decimals = [leaf.physical_type for leaf in leaves if leaf.logical_type.type == "DECIMAL"]
    # One switch governs all time columns: with a mixture only the newest format keeps nanoseconds.
    mixed = any(times) and not all(times)
    return {
        "use_deprecated_int96_timestamps": bool(times) and all(times),
        "store_decimal_as_integer": any(kind in ("INT32", "INT64") for kind in decimals),
        "version": version if version in _VERSIONS and not mixed else "2.6",
    }


def _is_time(leaf: Any) -> bool:
    return bool(leaf.physical_type == "INT96" or leaf.logical_type.type == "TIMESTAMP")


def _columns(metadata: pq.FileMetaData) -> dict[str, Any]:
    """Options that stand per column, taken from the first row group (dictionary use from any)."""
    group = metadata.row_group(0)
    chunks = [group.column(i) for i in range(metadata.num_columns)]
    codecs = {chunk.path_in_schema: chunk.compression for chunk in chunks}
    return {
        "compression": {path: "NONE" if c == "UNCOMPRESSED" else c for path, c in codecs.items()},
        "use_dictionary": sorted(_dictionary_columns(metadata)) or False,
        "write_statistics": [c.path_in_schema for c in chunks if c.is_stats_set] or False,
        "write_page_index": any(chunk.has_column_index for chunk in chunks),
        "sorting_columns": list(group.sorting_columns) or None,
    }


def _dictionary_columns(metadata: pq.FileMetaData) -> set[str]:
    return {
        chunk.path_in_schema
        for group in range(metadata.num_row_groups)
        for chunk in map(metadata.row_group(group).column, range(metadata.num_columns))
        if chunk.has_dictionary_page
    }


def plain_schema(file: pq.ParquetFile) -> pa.Schema:
    """The file's schema with its key-value metadata, less the copy of the schema that the writer adds."""
    metadata = {k: v for k, v in (file.metadata.metadata or {}).items() if k != b"ARROW:schema"}
    return file.schema_arrow.with_metadata(metadata or None)


def _without(table: pa.Table, removed: NDArray[np.int64], first: int) -> pa.Table:
    """The table, whose first row is number `first`, without the removed rows."""
    low, high = np.searchsorted(removed, (first, first + table.num_rows))
    if low == high:
        return table
    keep = np.ones(table.num_rows, dtype=bool)
    keep[removed[low:high] - first] = False
    return table.filter(pa.array(keep))
