"""Lists of digests between Parquet and memory, read as strictly as they are written.

In memory a list is a NumPy array of fixed-width ASCII (dtype ``S64`` for full SHA-256): 64 bytes a digest,
sorts and joins without a Python object each. On disk it is a Parquet column of lowercase hex.
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

#: Values in one Arrow chunk, and digests checked at once: bounds memory, stays under Arrow's 2 GB an array.
CHUNK = 1 << 20

_HEX = np.zeros(256, dtype=bool)
_HEX[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = True


def refused(name: str, why: str, slug: str) -> VerificationFailed:
    """The error for a list file that breaks the format."""
    sentence = f"The list file {name} {why}; it was thrown away. Get the release again or tell the publisher."
    return VerificationFailed(sentence, slug=slug)


def strings(digests: Digests) -> list[Any]:
    """The digests as Arrow string arrays of at most CHUNK values, without a Python object each."""
    wide = digests.dtype.itemsize
    return [_string_array(digests[at : at + CHUNK], wide) for at in range(0, len(digests), CHUNK)]


def write_table(path: Path, schema: Any, columns: Sequence[Any]) -> None:
    """Write one Parquet file (zstd) whole: temporary file, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    table = pa.Table.from_arrays(list(columns), schema=schema)
    names = [name for name in schema.names if name != "digest"]
    pq.write_table(
        table, part, compression="zstd", use_dictionary=names, row_group_size=CHUNK, store_schema=False
    )
    with open(part, "rb") as file:
        disk.sync_file(file.fileno())
    disk.rename(part, path)


def read_table(path: Path, schema: Any, rows: int) -> Any:
    """Read one Parquet file that must have exactly this schema and number of rows, and no null.

    Raises:
        VerificationFailed: slugs ``file-unreadable``, ``file-schema``, ``file-rows``, ``entry-null``.
    """
    try:
        with pq.ParquetFile(path) as file:
            found = file.schema_arrow
            if found.names != schema.names or found.types != schema.types:
                raise refused(path.name, "does not have the columns of this format", "file-schema")
            if file.metadata.num_rows != rows:
                raise refused(path.name, "has another number of rows than the manifest says", "file-rows")
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise refused(path.name, "is not a readable Parquet file", "file-unreadable") from error
    if any(column.null_count for column in table.columns):
        raise refused(path.name, "has an empty cell", "entry-null")
    return table


def digests_of(column: Any, wide: int, name: str) -> Digests:
    """A column of hex digests as a strictly sorted array of fixed width.

    Args:
        column: Arrow string column without nulls.
        wide: hexadecimal digits each digest must have.
        name: of the file, for the sentence.

    Raises:
        VerificationFailed: slugs ``entry-width``, ``entry-hex``, ``entry-order``, ``entry-duplicate``.
    """
    parts = [_fixed(array, wide, name) for array in column.chunks if len(array)]
    digests = np.concatenate(parts) if parts else np.empty(0, dtype=f"S{wide}")
    check_sorted(digests, name)
    return digests


def check_sorted(digests: Digests, name: str) -> None:
    """Nothing when every digest is greater than the one before it.

    Raises:
        VerificationFailed: slugs ``entry-order``, ``entry-duplicate``.
    """
    if not np.all(digests[1:] >= digests[:-1]):
        raise refused(name, "is not sorted", "entry-order")
    if np.any(digests[1:] == digests[:-1]):
        raise refused(name, "lists an entry twice", "entry-duplicate")


def lines(kind: str, digests: Digests) -> Iterator[bytes]:
    """Blocks of the ASCII lines ``kind TAB digest LF``, in the order of the array."""
    head = np.frombuffer(f"{kind}\t".encode("ascii"), dtype=np.uint8)
    wide = digests.dtype.itemsize
    for at in range(0, len(digests), CHUNK):
        block = np.ascontiguousarray(digests[at : at + CHUNK])
        sheet = np.empty((len(block), len(head) + wide + 1), dtype=np.uint8)
        sheet[:, : len(head)] = head
        sheet[:, len(head) : -1] = block.view(np.uint8).reshape(len(block), wide)
        sheet[:, -1] = ord("\n")
        yield sheet.tobytes()


def _string_array(digests: Digests, wide: int) -> Any:
    offsets = np.arange(len(digests) + 1, dtype=np.int32) * np.int32(wide)
    return pa.StringArray.from_buffers(len(digests), pa.py_buffer(offsets), pa.py_buffer(digests.tobytes()))


def _fixed(array: Any, wide: int, name: str) -> Digests:
    """One Arrow string array as fixed-width bytes, through its buffers."""
    _, offset_buffer, data = array.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    if np.any(np.diff(offsets) != wide):
        raise refused(name, "has a digest of the wrong length", "entry-width")
    letters = np.frombuffer(data, dtype=np.uint8)[offsets[0] : offsets[-1]]
    blocks = range(0, len(letters), CHUNK)
    if not all(_HEX[letters[at : at + CHUNK]].all() for at in blocks):
        raise refused(name, "has a digest that is not lowercase hexadecimal", "entry-hex")
    return letters.view(f"S{wide}")
