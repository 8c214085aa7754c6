"""Lists of digests between Parquet and memory, read as strictly as they are written.

In memory digests are a NumPy array of fixed-width ASCII (dtype ``S64`` for full SHA-256): 64 bytes a digest,
sorts and joins without a Python object each. On disk they are a Parquet column of lowercase hex. Both ways go
in chunks, so that a list may be longer than memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from takedown import disk
from takedown.errors import VerificationFailed

Digests = npt.NDArray[np.bytes_]

#: Digests read, checked and handed on at once: bounds memory, stays under Arrow's 2 GB an array.
CHUNK = 1 << 18

#: Rows that are compressed together.
ROW_GROUP = 1 << 20

#: How files are written. Level 1 is the smallest here: hex takes half its letters' room by entropy coding
#: alone (32.1 bytes a digest); higher levels spend bytes on matches that lead nowhere (34.1 at level 3).
_COMPRESSION = {"compression": "zstd", "compression_level": 1, "store_schema": False}

#: Bytes of a file that are read at once.
_BUFFER = 1 << 20

_HEX = np.zeros(256, dtype=bool)
_HEX[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = True


def refused(name: str, why: str, slug: str) -> VerificationFailed:
    """The error for a list file that breaks the format."""
    sentence = f"The list file {name} {why}; it was thrown away. Get the release again or tell the publisher."
    return VerificationFailed(sentence, slug=slug)


def chunks(digests: Digests) -> Iterator[Digests]:
    """An array in pieces of at most CHUNK."""
    return (digests[at : at + CHUNK] for at in range(0, len(digests), CHUNK))


def strings(digests: Digests) -> list[Any]:
    """The digests as Arrow string arrays of at most CHUNK values, without a Python object each."""
    return [_string_array(chunk, digests.dtype.itemsize) for chunk in chunks(digests)]


class Sink:
    """One Parquet file that is written whole: temporary file, fsync, rename at ``close``."""

    def __init__(self, path: Path, schema: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._part, self._schema = path, disk.part_of(path), schema
        names = [name for name in schema.names if name != "digest"]
        self._writer = pq.ParquetWriter(self._part, schema, use_dictionary=names, **_COMPRESSION)

    def write(self, columns: Sequence[Any]) -> None:
        """Add rows, given as one Arrow array a column."""
        table = pa.Table.from_arrays(list(columns), schema=self._schema)
        self._writer.write_table(table, row_group_size=ROW_GROUP)

    def close(self) -> None:
        """Finish the file and put it in its place."""
        self._writer.close()
        with open(self._part, "rb") as file:
            disk.sync_file(file.fileno())
        disk.rename(self._part, self._path)


def read_batches(
    path: Path, schema: Any, rows: int, names: Sequence[str], start: int = 0, stop: int | None = None
) -> Iterator[Any]:
    """Read a Parquet file that must have exactly this schema and number of rows, in record batches.

    Args:
        path: the file.
        schema: all its columns.
        rows: all its rows.
        names: columns to read; none of them may hold a null.
        start, stop: the rows to read; to the end when ``stop`` is None.

    Raises:
        VerificationFailed: slugs ``file-unreadable``, ``file-schema``, ``file-rows``, ``entry-null``.
    """
    try:
        with pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
            _check_form(path.name, file, schema, rows)
            for batch in _range(file, list(names), start, rows if stop is None else stop):
                if any(column.null_count for column in batch.columns):
                    raise refused(path.name, "has an empty cell", "entry-null")
                yield batch
    except (pa.ArrowException, OSError) as error:
        raise refused(path.name, "is not a readable Parquet file", "file-unreadable") from error


def fixed(array: Any, wide: int, name: str) -> Digests:
    """An Arrow string array without nulls as fixed-width bytes, through its buffers.

    Args:
        array: hex digests.
        wide: hexadecimal digits each digest must have.
        name: of the file, for the sentence.

    Raises:
        VerificationFailed: slugs ``entry-width``, ``entry-hex``.
    """
    if not len(array):
        return np.empty(0, dtype=f"S{wide}")
    _, offset_buffer, data = array.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    if np.any(np.diff(offsets) != wide):
        raise refused(name, "has a digest of the wrong length", "entry-width")
    letters = np.frombuffer(data, dtype=np.uint8)[offsets[0] : offsets[-1]]
    if not _HEX[letters].all():
        raise refused(name, "has a digest that is not lowercase hexadecimal", "entry-hex")
    return letters.view(f"S{wide}")


def ascending(parts: Iterator[Digests], name: str) -> Iterator[Digests]:
    """The same arrays, once every digest in them is known to be greater than the one before it.

    Raises:
        VerificationFailed: slugs ``entry-order``, ``entry-duplicate``.
    """
    last = None
    for digests in parts:
        steps = digests if last is None else np.concatenate([last, digests])
        if not np.all(steps[1:] >= steps[:-1]):
            raise refused(name, "is not sorted", "entry-order")
        if np.any(steps[1:] == steps[:-1]):
            raise refused(name, "lists an entry twice", "entry-duplicate")
        last = digests[-1:] if len(digests) else last
        yield digests


def lines(kind: str, digests: Digests) -> Iterator[bytes]:
    """Blocks of the ASCII lines ``kind TAB digest LF``, in the order of the array."""
    head = np.frombuffer(f"{kind}\t".encode("ascii"), dtype=np.uint8)
    wide = digests.dtype.itemsize
    for chunk in chunks(digests):
        sheet = np.empty((len(chunk), len(head) + wide + 1), dtype=np.uint8)
        sheet[:, : len(head)] = head
        sheet[:, len(head) : -1] = np.ascontiguousarray(chunk).view(np.uint8).reshape(len(chunk), wide)
        sheet[:, -1] = ord("\n")
        yield sheet.tobytes()


def are_hex(text: bytes) -> bool:
    """True when all letters are lowercase hexadecimal digits."""
    return bool(_HEX[np.frombuffer(text, dtype=np.uint8)].all())


def _check_form(name: str, file: Any, schema: Any, rows: int) -> None:
    found = file.schema_arrow
    if found.names != schema.names or found.types != schema.types:
        raise refused(name, "does not have the columns of this format", "file-schema")
    if file.metadata.num_rows != rows:
        raise refused(name, "has another number of rows than the manifest says", "file-rows")


def _range(file: Any, names: list[str], start: int, stop: int) -> Iterator[Any]:
    """Record batches of the rows from ``start`` to ``stop``; row groups without any of them are not read."""
    sizes = [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)]
    ends = np.cumsum(sizes, dtype=np.int64)
    groups = [at for at, end in enumerate(ends.tolist()) if end > start and end - sizes[at] < stop]
    if not groups:
        return
    at = int(ends[groups[0]]) - sizes[groups[0]]
    for batch in file.iter_batches(CHUNK, row_groups=groups, columns=names):
        first, last = max(start - at, 0), min(stop - at, batch.num_rows)
        at += batch.num_rows
        if first < last:
            yield batch.slice(first, last - first)


def _string_array(digests: Digests, wide: int) -> Any:
    offsets = np.arange(len(digests) + 1, dtype=np.int32) * np.int32(wide)
    return pa.StringArray.from_buffers(len(digests), pa.py_buffer(offsets), pa.py_buffer(digests.tobytes()))
