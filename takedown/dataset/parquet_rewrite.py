"""Write a Parquet file again without some of its rows, and without changing anything else.

Kept: schema and column order, nested columns, key-value metadata, row-group boundaries (less the removed
rows; a group left empty is dropped), and per column codec, dictionary use and statistics, format version,
sort order and page index. Not kept, because pyarrow cannot: compression level, bloom filters, and encodings
other than plain and dictionary.
"""

from __future__ import annotations

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

_VERSIONS = ("1.0", "2.4", "2.6")


def rewrite(source: Path, removed: NDArray[np.int64], target: Path, pending: Pending) -> int:
    """Copy `source` without the rows numbered in `removed` (ascending, unique), to go to `target`.

    Returns:
        Bytes written.

    Raises:
        BadDataset: the source is damaged or shorter than it says.
    """
    with open_parquet(source) as file, _writable(source), pending.writing(target) as sink:
        schema = _schema(file)
        first = 0
        with pq.ParquetWriter(sink, schema, **writer_options(file.metadata)) as writer:
            for group in range(file.metadata.num_row_groups):
                with damaged(source):
                    table = file.read_row_group(group)
                kept = _without(table, removed, first)
                first += table.num_rows
                if kept.num_rows:
                    writer.write_table(kept, row_group_size=kept.num_rows)
        if first != file.metadata.num_rows or (removed.size and removed[-1] >= first):
            raise BadDataset(
                f"{source} has fewer rows than it says; fetch it again.", slug="dataset-row-count"
            )
        return sink.tell()


@contextmanager
def _writable(source: Path) -> Iterator[None]:
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


def _schema(file: pq.ParquetFile) -> pa.Schema:
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
