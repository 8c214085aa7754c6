"""All rows of one version of a dataset as digests on disk, cut into parts that fit into memory.

1. Each row becomes 65 bytes: SHA-256 of its address, SHA-256 of address and caption, and what it has.
2. They go to one of 256 files by the first byte of the address's digest, so that equal addresses of two
   versions meet in files of the same number. Rows without an address go by the other digest.

50 million rows take 3.3 GB of disk for each version, and a part of them 13 MB of memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from takedown.dataset import RowBatch, open_sources
from takedown.errors import BadDataset
from takedown.publish.cover import Counts
from takedown.sha256 import Texts

PARTS = 256

#: A row: its digests; whether it has an address that is not empty (1), and a cell that is not null (2).
ROW = np.dtype([("url", "S32"), ("pair", "S32"), ("has", "u1")])
HAS_URL, HAS_CELL = 1, 2

Rows = NDArray[Any]
Digests = NDArray[np.bytes_]
Tell = Callable[[int], None]


class Version(NamedTuple):
    """One version of a dataset, on disk.

    Attributes:
        folder: holds the parts.
        rows: in all of them.
        captions: every shard has a column for captions, so that pairs can be compared.
    """

    folder: Path
    rows: int
    captions: bool

    def part(self, number: int) -> Rows:
        """The rows whose digest begins with this byte."""
        return np.fromfile(self.folder / f"{number:02x}", ROW)


class Counted:
    """A version as cover.py wants to count it: by the beginning of a digest."""

    def __init__(self, name: str, version: Version) -> None:
        self.name = name
        self.rows = version.rows
        self._version = version

    def count(self, kind: str, prefixes: Sequence[str]) -> Counts | None:
        """Rows, and different digests, under each prefix of at most 16 digits, sorted."""
        field = {"url_sha256": "url", "row_sha256": "pair"}.get(kind)
        if field is None or not len(prefixes):
            return None
        shift = np.uint64(64 - 4 * len(prefixes[0]))
        wanted = np.array([int(prefix, 16) for prefix in prefixes], np.uint64)
        rows, digests = (np.zeros(len(wanted), np.int64) for _ in range(2))
        for number in range(PARTS):
            part = self._version.part(number)
            found = np.ascontiguousarray(part[field][named(part, field)])
            cut = _heads(found) >> shift
            at = np.minimum(np.searchsorted(wanted, cut), len(wanted) - 1)
            hit = np.flatnonzero(wanted[at] == cut)
            rows += np.bincount(at[hit], minlength=len(wanted))
            numbers = number_equal(found[hit])
            once = np.unique(numbers, return_index=True)[1]
            digests += np.bincount(at[hit][once], minlength=len(wanted))
        return Counts(rows, digests)


def count_rows(source: str | Path) -> int:
    """Rows of a source, as far as a footer tells. Raises BadDataset."""
    datasets, _ = open_sources([source])
    return sum(shard.known_rows or 0 for dataset in datasets for shard in dataset.shards)


def write_version(source: str | Path, folder: Path, tell: Tell) -> Version:
    """Read every row of a source once and write the parts.

    Args:
        source: a Parquet file, a tar shard or a folder of them.
        folder: for the parts; it must not exist.
        tell: called with the rows of each batch.

    Raises:
        BadDataset: damaged, without an address column, or with files of a layout that is not known.
    """
    datasets, _ = open_sources([source])
    for dataset in datasets:
        if dataset.unread:
            raise BadDataset(
                f"{dataset.unread[0]} is of no known layout, so nobody can say which rows it holds; move it "
                "away, or give the folder that holds the rows alone.",
                slug="dataset-unread",
            )
    folder.mkdir(parents=True)
    rows, captions = 0, True
    with ExitStack() as stack:
        files = [stack.enter_context(open(folder / f"{number:02x}", "wb")) for number in range(PARTS)]
        for batch in _batches(datasets):
            captions &= batch.caption_bytes is not None
            _write(_rows(batch), files)
            rows += batch.num_rows
            tell(batch.num_rows)
    return Version(folder, rows, captions)


def _batches(datasets: Sequence[Any]) -> Iterator[RowBatch]:
    for dataset in datasets:
        for shard in dataset.shards:
            yield from shard.rows(columns=("url", "caption"))


def _rows(batch: RowBatch) -> Rows:
    rows = np.zeros(batch.num_rows, ROW)
    urls, captions = _cells(batch.url_bytes, batch), _cells(batch.caption_bytes, batch)
    every = np.arange(batch.num_rows, dtype=np.int64)
    rows["url"] = _digests(urls, every)
    rows["pair"] = _digests(
        pc.binary_join_element_wise(urls, captions, pa.scalar(b"\n", pa.large_binary())), every
    )
    # An empty address names nothing: such a row is told apart by its caption alone.
    has_url = pc.greater(pc.binary_length(urls), 0).to_numpy(zero_copy_only=False)
    rows["has"] = has_url * HAS_URL
    for column in (batch.url_bytes, batch.caption_bytes):
        if column is not None:
            rows["has"] |= column.is_valid().to_numpy(zero_copy_only=False) * np.uint8(HAS_CELL)
    return rows


def _write(rows: Rows, files: Sequence[BinaryIO]) -> None:
    first = np.where(rows["has"] & HAS_URL, _first_byte(rows["url"]), _first_byte(rows["pair"]))
    order = np.argsort(first, kind="stable")
    ends = np.searchsorted(first[order], np.arange(PARTS + 1))
    data = rows[order]
    for number, file in enumerate(files):
        if ends[number] < ends[number + 1]:
            file.write(data[ends[number] : ends[number + 1]].tobytes())


def named(rows: Rows, field: str) -> NDArray[np.bool_]:
    """Which rows can be named by their address (url), or by address and caption (pair)."""
    return (rows["has"] & (HAS_URL if field == "url" else HAS_CELL)) > 0


def number_equal(digests: Digests) -> NDArray[np.int64]:
    """A number for each digest, from 0 without gaps: the same for equal ones, another for others.

    Sorting by 8 bytes is enough unless two different digests share them; then all 32 decide.
    """
    words = np.ascontiguousarray(digests).view("<u8").reshape(-1, 4)
    order = np.argsort(words[:, 0])
    other = _steps(words[order])
    heads = words[order, 0]
    if np.any(other & (heads[1:] == heads[:-1])):
        order = np.lexsort(words.T)
        other = _steps(words[order])
    numbers = np.zeros(len(words), np.int64)
    numbers[order[1:]] = np.cumsum(other)
    return numbers


def _steps(words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which rows differ from the one before, without the first."""
    return np.asarray((words[1:] != words[:-1]).any(axis=1))


def _heads(digests: Digests) -> NDArray[np.uint64]:
    """The first 64 bits of each digest."""
    return (
        np.ascontiguousarray(digests.view(np.uint8).reshape(-1, 32)[:, :8])
        .view(">u8")
        .reshape(-1)
        .astype(np.uint64)
    )


def _cells(column: Any, batch: RowBatch) -> Any:
    """The cells as bytes, empty where null or where there is no such column."""
    if column is None:
        return pa.array([b""] * batch.num_rows, pa.large_binary())
    return column.fill_null(b"") if column.null_count else column


def _digests(cells: Any, every: NDArray[np.int64]) -> Digests:
    return np.ascontiguousarray(Texts.of(cells).digests(every)).view("S32").reshape(-1)


def _first_byte(digests: Digests) -> NDArray[np.uint8]:
    return np.ascontiguousarray(digests).view(np.uint8).reshape(-1, 32)[:, 0]
