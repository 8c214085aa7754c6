"""URL lists, as img2dataset takes them: .txt, .csv, .tsv, .jsonl and .ndjson, each also packed with gzip.

What of a list stays after `rewrite` stays byte for byte (list_records.py). A packed list is packed anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from takedown.dataset import columns as cols
from takedown.dataset.atomic import Pending
from takedown.dataset.interface import BATCH_ROWS, Kind, Piece, RowBatch, Shard, Stamp
from takedown.dataset.list_records import Cell, ListReader, ListWriter, Records, opened, readable
from takedown.dataset.names import is_packed, list_form
from takedown.dataset.parquet import batch_rows
from takedown.dataset.parquet_put_back import check_places, not_fitting
from takedown.errors import BadDataset
from takedown.keys import Row

#: Bytes at the beginning of a .txt in a folder by which it is known for a list.
_LOOK = 64 * 1024
_NUMBERS = frozenset({"pdq_quality", "width", "height"})


class UrlList(Shard):
    """One list.

    Args:
        path: the file, whose name says its form.
        name: relative to its dataset.

    Raises:
        BadDataset: no column holds the address, no whole gzip file, or UTF-16 text.
    """

    kind: Kind = "urls"

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self._form = list_form(path) or "txt"
        self._rows: int | None = None
        with self._reader():
            pass

    @property
    def num_rows(self) -> int:
        if self._rows is None:
            self._rows = sum(len(records.raw) for records in self._records())
        return self._rows

    @property
    def known_rows(self) -> int | None:
        return self._rows

    def rows(
        self,
        batch_size: int = BATCH_ROWS,
        columns: Collection[str] | None = None,
        piece: Piece | None = None,
    ) -> Iterator[RowBatch]:
        first = 0
        for records in self._records(batch_size):
            wanted = {ours: c for ours, c in records.cells.items() if columns is None or ours in columns}
            if records.raw:
                yield self._batch(first, wanted, len(records.raw))
            first += len(records.raw)
        self._rows = first

    def read_rows(self, numbers: Sequence[int], columns: Collection[str] | None = None) -> list[Row]:
        found: dict[int, Row] = {}
        wanted = np.unique(np.asarray(numbers, np.int64))
        first = 0
        for records in self._records():
            low, high = np.searchsorted(wanted, (first, first + len(records.raw)))
            chosen = wanted[low:high].tolist()
            cells = {
                ours: [column[number - first] for number in chosen]
                for ours, column in records.cells.items()
                if columns is None or ours in columns
            }
            batch = self._batch(0, cells, len(chosen))
            found.update(zip(chosen, batch_rows(batch, self.name, chosen), strict=True))
            first += len(records.raw)
        if len(found) != len(wanted):
            raise BadDataset(
                f"{self.path} has no row of that number; it changed since.", slug="dataset-no-such-row"
            )
        return [found[int(number)] for number in numbers]

    def stamp(self) -> Stamp:
        with readable(self.path), self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Stamp(self.path.stat().st_size, digest)

    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def rewrite(self, removed: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        return self._copy(removed, folder, pending, 0o666, aside=False)

    def set_aside(self, removed: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        return self._copy(removed, folder, pending, 0o600, aside=True)

    def put_back(self, aside: Shard, places: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        if not isinstance(aside, UrlList) or aside._form != self._form:
            raise not_fitting(self.path)
        check_places(places, aside.num_rows, self.num_rows + aside.num_rows, self.path)
        # How many of our own records come before each that goes in.
        before = places - np.arange(len(places))
        theirs = (raw for records in aside._records() for raw in records.raw)
        first = 0
        with self._reader() as ours, self._writer(ours, folder, pending) as writer:
            for raw in (records.raw for records in ours.records(BATCH_ROWS)):
                low, high = np.searchsorted(before, (first, first + len(raw)))
                at = 0
                for point in (before[low:high] - first).tolist():
                    writer.add(raw[at:point])
                    writer.add([next(theirs)])
                    at = point
                writer.add(raw[at:])
                first += len(raw)
            writer.add(list(theirs))
            return writer.size()

    def _copy(
        self, removed: NDArray[np.int64], folder: Path, pending: Pending, mode: int, *, aside: bool
    ) -> int:
        """Write the records that are in `removed`, or those that are not."""
        first = 0
        with self._reader() as reader, self._writer(reader, folder, pending, mode) as writer:
            for raw in (records.raw for records in reader.records(BATCH_ROWS)):
                gone = removed[slice(*np.searchsorted(removed, (first, first + len(raw))))] - first
                chosen = gone if aside else np.delete(np.arange(len(raw)), gone)
                writer.add([raw[number] for number in chosen.tolist()])
                first += len(raw)
            if len(removed) and removed[-1] >= first:
                raise BadDataset(
                    f"{self.path} has fewer rows than when it was read; run the command again.",
                    slug="dataset-row-count",
                )
            return writer.size()

    def _records(self, size: int = BATCH_ROWS) -> Iterator[Records]:
        with self._reader() as reader:
            yield from reader.records(size)

    @contextmanager
    def _reader(self) -> Iterator[ListReader]:
        with opened(self.path, packed=is_packed(self.path)) as source:
            yield ListReader(self.path, self._form, source)

    @contextmanager
    def _writer(
        self, reader: ListReader, folder: Path, pending: Pending, mode: int = 0o666
    ) -> Iterator[ListWriter]:
        with (
            pending.writing(folder / self.path.name, mode) as sink,
            closing(ListWriter(sink, reader.head, packed=is_packed(self.path))) as writer,
        ):
            yield writer

    def _batch(self, first: int, cells: dict[str, list[Cell]], rows: int) -> RowBatch:
        values = {
            f"{ours}_bytes" if ours in ("url", "caption") else ours: self._column(ours, column)
            for ours, column in cells.items()
        }
        return RowBatch(first, rows, **values)

    def _column(self, ours: str, cells: list[Cell]) -> pa.Array:
        if ours in _NUMBERS:
            return cols.integers(pa.array([_number(cell) for cell in cells], pa.float64()))
        return cols.read(ours, pa.array(cells, pa.large_binary()), self.path)


def _number(cell: Cell) -> float | None:
    try:
        number = None if cell is None else float(cell)
    except ValueError:
        return None
    return number if number is not None and abs(number) < 2**53 else None


def may_hold_addresses(path: Path) -> bool:
    """Whether a .json may be a list of addresses: objects in an array or in lines, with a column for them.

    What says something about a whole dataset is one object, over several lines.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_LOOK).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError:
        return True  # to be named
    one_by_one = head.startswith(b"[") or (head.startswith(b"{") and head[1:2] not in b"\r\n")
    return one_by_one and b'"url"' in head.lower() and b"://" in head


def looks_like_list(path: Path) -> bool:
    """Whether a file found in a folder is a URL list: a .txt only when it begins with an address.

    Notes and captions are .txt as well. What does not count here is named as unread, never passed over.
    """
    form = list_form(path)
    if form != "txt" or path.name.startswith(("README", "LICENSE", "LICENCE", "NOTICE")):
        return form is not None and form != "txt"
    try:
        with opened(path, packed=is_packed(path)) as source, readable(path):
            first = source.read(_LOOK).removeprefix(b"\xef\xbb\xbf").lstrip()
    except BadDataset:
        return True  # to be named as damaged
    return b"://" in first.split(None, 1)[0] if first else True
