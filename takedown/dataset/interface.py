"""What every source of rows looks like, whatever the files are.

A *dataset* is what a person names on the command line; it is cut into *shards*; a shard yields *rows* in
batches of columns, and its *pictures* where it has any. Nothing here reads a file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from takedown.dataset.atomic import Pending
from takedown.dataset.columns import valid_text
from takedown.errors import BadDataset
from takedown.keys import Row

Kind = Literal["parquet", "img2dataset", "files", "urls", "images", "fingerprints"]

#: Rows in one batch unless the caller asks otherwise.
BATCH_ROWS = 65_536

#: Columns a batch can carry. `rows(columns=...)` takes names from here.
COLUMNS = (
    "url",
    "caption",
    "url_sha256",
    "sha256",
    "md5",
    "sha1",
    "pdq",
    "pdq_quality",
    "phash",
    "width",
    "height",
    "key",
    "status",
)


class Stamp(NamedTuple):
    """Tells cheaply whether a shard changed: bytes of all its files, and a digest of footers and names."""

    size: int
    digest: str


class Piece(NamedTuple):
    """Consecutive rows of a shard, ``first`` to ``stop - 1``, that can be read on their own."""

    first: int
    stop: int


@dataclass(frozen=True)
class RowBatch:
    """Consecutive rows of one shard, column by column. A column is None where the shard does not have it.

    Attributes:
        first: number in the shard of the first row.
        num_rows: length of every column present.
        url_bytes, caption_bytes: pa.large_binary, the cells exactly as stored (publishing hashes these).
        url_sha256, sha256, md5, sha1, pdq, phash: pa.binary of 32, 32, 16, 20, 32, 8 raw bytes; null where
            the cell is null or malformed.
        pdq_quality, width, height: pa.int64.
        key, status: pa.large_string.
    """

    first: int
    num_rows: int
    url_bytes: pa.Array | None = None
    caption_bytes: pa.Array | None = None
    url_sha256: pa.Array | None = None
    sha256: pa.Array | None = None
    md5: pa.Array | None = None
    sha1: pa.Array | None = None
    pdq: pa.Array | None = None
    pdq_quality: pa.Array | None = None
    phash: pa.Array | None = None
    width: pa.Array | None = None
    height: pa.Array | None = None
    key: pa.Array | None = None
    status: pa.Array | None = None

    @cached_property
    def url(self) -> pa.Array | None:
        """The addresses as pa.large_string; a cell that is not UTF-8 is null here."""
        return None if self.url_bytes is None else valid_text(self.url_bytes)

    @cached_property
    def caption(self) -> pa.Array | None:
        """The captions as pa.large_string; a cell that is not UTF-8 is null here."""
        return None if self.caption_bytes is None else valid_text(self.caption_bytes)


class Shard(ABC):
    """One file (or one tar with its sidecars, or one folder of pictures) of a dataset copy.

    Attributes:
        name: relative to the dataset's folder, with forward slashes; unique in its dataset.
        path: the main file.
        kind: how it is laid out.
    """

    name: str
    path: Path
    kind: Kind

    @property
    @abstractmethod
    def num_rows(self) -> int:
        """Rows in the shard, failed downloads included. Raises BadDataset."""

    @property
    def known_rows(self) -> int | None:
        """`num_rows` where it costs no more than a footer, else None."""
        return self.num_rows

    def pieces(self, rows: int) -> list[Piece]:
        """Cut the shard into pieces of at least ``rows`` rows where its layout allows; the last may be less.

        What several processes read at a time, and what is done once and for all when it is done.
        """
        return [Piece(0, self.num_rows)]

    @abstractmethod
    def rows(
        self,
        batch_size: int = BATCH_ROWS,
        columns: Collection[str] | None = None,
        piece: Piece | None = None,
    ) -> Iterator[RowBatch]:
        """Every row once, in order.

        Args:
            batch_size: most rows in a batch.
            columns: names of COLUMNS to read; all of them when None.
            piece: one of ``pieces(...)``; the whole shard when None.

        Raises:
            BadDataset: the file is damaged, hostile, or lacks a column that it must have.
        """

    def pictures(self, piece: Piece | None = None) -> Iterator[tuple[int, bytes]]:
        """(row in the shard, bytes of the picture file), in file order; nothing where there are none."""
        return iter(())

    @abstractmethod
    def read_rows(self, numbers: Sequence[int], columns: Collection[str] | None = None) -> list[Row]:
        """The rows with these numbers in the shard, in the order asked for, for display.

        Args:
            numbers: of the rows.
            columns: names of COLUMNS that are enough; all of them when None.

        Reads only the row groups needed. `Row.row` holds the number in the shard; an index puts its own
        there.

        Raises:
            BadDataset: damaged file, or a number that is not in the shard.
        """

    @abstractmethod
    def stamp(self) -> Stamp:
        """Size and cheap digest, so that an index notices when its source changed."""

    @abstractmethod
    def files(self) -> tuple[Path, ...]:
        """Every file that belongs to the shard, the main one first."""

    def relative_files(self) -> tuple[Path, ...]:
        """Where each of `files()` goes in a copy, relative to the folder of the main one."""
        return tuple(Path(file.name) for file in self.files())

    def main_files(self) -> tuple[Path, ...]:
        """Those of `files()` that say what is in the shard; `rewrite` puts them in place last."""
        return self.files()

    def strays(self, folder: Path) -> list[Path]:
        """Files that an earlier result in this folder has, and that the shard no longer has."""
        return []

    def scan_bytes(self, columns: Collection[str]) -> int:
        """How many bytes `rows(columns=columns)` reads, from footers."""
        return sum(file.stat().st_size for file in self.files())

    def verify(self) -> None:
        """Whether the files of the shard belong together, where there are several.

        Raises:
            BadDataset: damaged, or one holds samples that the other does not know.
        """
        return

    def keep_for_rewrite(self) -> None:  # noqa: B027 - nothing to keep is no fault
        """Keep what the next scan of the whole shard reads, where that makes a rewrite after it cheaper."""

    def forget(self) -> None:  # noqa: B027
        """Keep nothing any more."""

    def rewrite(self, removed: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        """Write the shard without some rows; everything else stays as it is.

        Args:
            removed: numbers in the shard of the rows to leave out, ascending, unique.
            folder: where the files go, under their own file names.
            pending: takes them; nothing is in place before the caller says so.

        Returns:
            Bytes written.

        Raises:
            BadDataset: the shard cannot be rewritten or turned out to be damaged.
        """
        raise self._not_rewritable()

    def set_aside(self, removed: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        """Write only these rows, so that `put_back` can undo a `rewrite` without them.

        Args:
            removed: as for `rewrite`.
            folder: where the files go, under the shard's own file names, readable by their owner alone.
            pending: takes them.

        Returns:
            Bytes written.

        Raises:
            BadDataset: as `rewrite`.
        """
        raise self._not_rewritable()

    def put_back(self, aside: Shard, places: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        """Write the shard with rows that were set aside back among its own.

        Args:
            aside: what `set_aside` wrote, or a part of it.
            places: for each row of `aside` its number in the result, ascending, unique.
            folder, pending: as for `rewrite`.

        Returns:
            Bytes written.

        Raises:
            BadDataset: damaged, or `aside` does not fit this shard or the places.
        """
        raise self._not_rewritable()

    def _not_rewritable(self) -> BadDataset:
        return BadDataset(
            f"{self.path} is a folder of pictures without rows, and nothing can be removed from it here; "
            "give Parquet files or an img2dataset folder.",
            slug="dataset-not-rewritable",
        )


@dataclass(frozen=True)
class Dataset:
    """What one source on the command line turned out to be.

    Attributes:
        path: as given.
        kind: of its shards.
        shards: in a fixed order (sorted by name).
        unread: files in the folder that may hold rows or pictures and are of no known layout.
        failed: shards that could not be opened, each with its error; empty unless asked for.
    """

    path: Path
    kind: Kind
    shards: tuple[Shard, ...]
    unread: tuple[Path, ...] = ()
    failed: tuple[tuple[Path, BadDataset], ...] = ()

    @property
    def num_rows(self) -> int:
        """Rows of all shards. Raises BadDataset."""
        return sum(shard.num_rows for shard in self.shards)
