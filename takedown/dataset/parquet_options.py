"""The options under which a Parquet file must have been written, so that it can be written again alike.

Format version, physical types, names of nested columns, sort order and page index go for the whole file;
codec, encoding, statistics and bloom filters for each column, as in its first row group.

A dictionary is kept where it paid. Most writers begin one for every column, find too many different values,
and go on without; beginning one again would only cost time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow.parquet as pq

_VERSIONS = ("1.0", "2.4", "2.6")

#: Encodings, besides plain and dictionary, that can be written.
_ENCODINGS = frozenset(
    {"DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT"}
)
#: Chance that a bloom filter says yes wrongly; that of parquet-mr, since files do not say theirs.
_FALSE_POSITIVES = 0.01
#: Values of a chunk below which its dictionary is kept without asking whether it paid.
_FEW_VALUES = 10_000
_PAGE_HEADER_BYTES = 64
_DICTIONARY_PAGE = 2
# Thrift's compact form: a 32-bit integer as the next field, and the low bits of a struct as some field.
_INTEGER, _STRUCT = 0x15, 0x0C


def writer_options(metadata: pq.FileMetaData, source: Path) -> dict[str, Any]:
    """The ParquetWriter options under which the file must have been written.

    Args:
        metadata: its footer.
        source: the file itself, for the headers of its dictionaries.
    """
    leaves = [metadata.schema.column(i) for i in range(metadata.num_columns)]
    options: dict[str, Any] = _types(leaves, metadata.format_version)
    options["use_compliant_nested_type"] = not any(".list.item" in leaf.path for leaf in leaves)
    if metadata.num_row_groups:
        options |= _columns(metadata, source)
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


def _columns(metadata: pq.FileMetaData, source: Path) -> dict[str, Any]:
    """Options that stand per column, taken from the first row group (dictionary use from any)."""
    group = metadata.row_group(0)
    chunks = [group.column(i) for i in range(metadata.num_columns)]
    codecs = {chunk.path_in_schema: chunk.compression for chunk in chunks}
    dictionaries = _dictionary_columns(metadata, source)
    blooms = [chunk.path_in_schema for chunk in chunks if chunk.bloom_filter_offset is not None]
    return {
        "compression": {path: "NONE" if c == "UNCOMPRESSED" else c for path, c in codecs.items()},
        "use_dictionary": sorted(dictionaries) or False,
        "column_encoding": _encodings(chunks, dictionaries) or None,
        "write_statistics": [c.path_in_schema for c in chunks if c.is_stats_set] or False,
        "write_page_index": any(chunk.has_column_index for chunk in chunks),
        "sorting_columns": list(group.sorting_columns) or None,
        "bloom_filter_options": {
            path: {"ndv": max(group.num_rows, 1), "fpp": _FALSE_POSITIVES} for path in blooms
        }
        or None,
    }


def _encodings(chunks: list[Any], dictionaries: set[str]) -> dict[str, str]:
    """The encoding of each column that has one besides plain and dictionary."""
    found = {chunk.path_in_schema: _ENCODINGS.intersection(chunk.encodings) for chunk in chunks}
    return {path: next(iter(e)) for path, e in found.items() if len(e) == 1 and path not in dictionaries}


def _dictionary_columns(metadata: pq.FileMetaData, source: Path) -> set[str]:
    """Columns with a dictionary in any row group, unless it did not pay in the first that has one."""
    first: dict[str, Any] = {}
    for group in range(metadata.num_row_groups):
        for chunk in map(metadata.row_group(group).column, range(metadata.num_columns)):
            if chunk.has_dictionary_page:
                first.setdefault(chunk.path_in_schema, chunk)
    with source.open("rb") as file:
        return {path for path, chunk in first.items() if _paid(chunk, file)}


def _paid(chunk: Any, file: BinaryIO) -> bool:
    """Whether values repeat, and the column stayed with its dictionary to the end."""
    if chunk.num_values < _FEW_VALUES:
        return True
    file.seek(chunk.dictionary_page_offset)
    size = dictionary_size(file.read(_PAGE_HEADER_BYTES))
    if size is None:
        return True
    # A number into the dictionary and, at most, a byte that says whether the cell is there.
    entries = chunk.num_values * (size.values.bit_length() / 8 + 1)
    return bool(2 * size.values <= chunk.num_values and chunk.total_uncompressed_size - size.bytes <= entries)


class DictionarySize(NamedTuple):
    """What the header of a dictionary page says: its length in bytes when unpacked, and its values."""

    bytes: int
    values: int


def dictionary_size(head: bytes) -> DictionarySize | None:
    """Read the header of a dictionary page (parquet.thrift, PageHeader, compact form); None if it is none."""
    numbers, at = [], 0
    try:
        while head[at] == _INTEGER:
            number, at = _varint(head, at + 1)
            numbers.append(number)
        if numbers[0] != _DICTIONARY_PAGE or head[at] & 15 != _STRUCT or head[at + 1] != _INTEGER:
            return None
        values, _ = _varint(head, at + 2)
        return DictionarySize(numbers[1], values)
    except IndexError:
        return None


def _varint(head: bytes, at: int) -> tuple[int, int]:
    """A zigzag number and the offset behind it."""
    number = shift = 0
    while head[at] & 128:
        number |= (head[at] & 127) << shift
        at, shift = at + 1, shift + 7
    number |= head[at] << shift
    return number >> 1 ^ -(number & 1), at + 1
