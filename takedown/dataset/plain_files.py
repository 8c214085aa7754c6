"""img2dataset's layout of plain files: a folder NNNNN of samples beside NNNNN.parquet and NNNNN_stats.json.

    00000.parquet          the rows, downloads that failed included
    00000_stats.json
    00000/000000000.jpg    the samples: every file whose name begins with the key of a row
    00000/000000000.txt
    00000/000000000.json

A file that stays is linked (or copied) as it is; one of a removed row is left out, and taken away where an
earlier run had put it.

In place, the names of samples that go or come back are first noted in 00000/.unlisted. The sidecar is
replaced last, so a kill before that, or an end of it by someone else, leaves samples that no row lists: those
noted there are no part of the shard, and `verify` deletes them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from takedown import disk
from takedown.dataset import parquet_rewrite
from takedown.dataset.atomic import Pending
from takedown.dataset.interface import BATCH_ROWS, Kind, Piece, RowBatch, Shard, Stamp
from takedown.dataset.parquet import ParquetShard
from takedown.dataset.parquet_put_back import check_places, not_fitting
from takedown.dataset.parquet_put_back import put_back as put_rows_back
from takedown.dataset.tar import split_name
from takedown.dataset.webdataset import MAX_PICTURE_BYTES, PICTURES
from takedown.dataset.webdataset_stats import Ends, ends_of, recount
from takedown.errors import BadDataset
from takedown.keys import Row

#: Samples that may stand in the folder without a row.
_UNLISTED = ".unlisted"


def samples_beside(table: Path) -> bool:
    """Whether this Parquet file is the sidecar of a folder of samples. Raises BadDataset."""
    if not table.with_suffix("").is_dir():
        return False
    return "key" in ParquetShard(table, table.name, need_url=False).columns


class PlainFilesShard(Shard):
    """One folder of samples with the files beside it.

    Args:
        path: the sidecar.
        name: relative to its dataset.

    Raises:
        BadDataset: the sidecar is damaged or lacks the address.
    """

    kind: Kind = "files"

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.sidecar = ParquetShard(path, name)
        self.folder = path.with_suffix("")
        self.stats = path.with_name(f"{path.stem}_stats.json")

    @property
    def num_rows(self) -> int:
        return self.sidecar.num_rows

    def rows(
        self,
        batch_size: int = BATCH_ROWS,
        columns: Collection[str] | None = None,
        piece: Piece | None = None,
    ) -> Iterator[RowBatch]:
        return self.sidecar.rows(batch_size, columns, piece)

    def pictures(self, piece: Piece | None = None) -> Iterator[tuple[int, bytes]]:
        for file, number in self._samples():
            if number is None or split_name(file.name)[1] not in PICTURES:
                continue
            if file.stat().st_size > MAX_PICTURE_BYTES:
                raise BadDataset(f"{file} is larger than 256 MB; leave it out.", slug="picture-too-large")
            yield number, file.read_bytes()

    def read_rows(self, numbers: Sequence[int], columns: Collection[str] | None = None) -> list[Row]:
        return self.sidecar.read_rows(numbers, columns)

    def stamp(self) -> Stamp:
        size, digest = self.sidecar.stamp()
        hasher = hashlib.sha256(digest.encode())
        for file in self._files_of_samples():
            length = file.stat().st_size
            size += length
            hasher.update(f"{file.name}\t{length}\n".encode("utf-8", "surrogateescape"))
        return Stamp(size, hasher.hexdigest())

    def files(self) -> tuple[Path, ...]:
        stats = (self.stats,) if self.stats.is_file() else ()
        return (self.path, *stats, *self._files_of_samples())

    def relative_files(self) -> tuple[Path, ...]:
        return tuple(file.relative_to(self.path.parent) for file in self.files())

    def main_files(self) -> tuple[Path, ...]:
        return self.files()[: 2 if self.stats.is_file() else 1]

    def strays(self, folder: Path) -> list[Path]:
        there = folder / self.folder.name
        ours = set(self.relative_files())
        names = [name.name for name in there.iterdir() if name.is_file()] if there.is_dir() else []
        inside = [Path(there.name, name) for name in sorted(names) if name[0] != "."]
        return [folder / name for name in (*inside, Path(self.stats.name)) if name not in ours]

    def scan_bytes(self, columns: Collection[str]) -> int:
        return self.sidecar.scan_bytes(columns)

    def verify(self) -> None:
        listed = {file.name for file, _ in self._samples()}
        noted = self.folder / _UNLISTED
        for name in _noted(noted):
            if name not in listed:
                (self.folder / name).unlink(missing_ok=True)
        if noted.exists():
            noted.unlink()

    def rewrite(self, removed: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        chosen, samples = set(removed.tolist()), list(self._samples())
        gone = [file for file, number in samples if number in chosen]
        self._note(gone, folder)
        for file in gone:
            pending.remove(self._place(folder, file))
        stay = (file for file, number in samples if number not in chosen)
        written = sum(pending.link_or_copy(file, self._place(folder, file)) for file in stay)
        written += parquet_rewrite.rewrite(self.path, removed, folder / self.path.name, pending)
        return written + self._recounted(ends_of(self.path, removed), -1, folder, pending)

    def set_aside(self, removed: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        chosen, written = set(removed.tolist()), 0
        for file, number in self._samples():
            if number in chosen:
                written += _copy(file, self._place(folder, file), pending, 0o600)
        # Without any sample, too: the folder says of what layout this is.
        (folder / self.folder.name).mkdir(parents=True, exist_ok=True)
        return written + parquet_rewrite.set_aside(self.path, removed, folder / self.path.name, pending)

    def put_back(self, aside: Shard, places: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        if not isinstance(aside, PlainFilesShard):
            raise not_fitting(self.path)
        check_places(places, aside.num_rows, self.num_rows + aside.num_rows, self.path)
        ours = [file for file, _ in self._samples()]
        theirs = [file for file, _ in aside._samples()]
        if not {file.name for file in ours}.isdisjoint(file.name for file in theirs):
            raise not_fitting(self.path)
        written = sum(pending.link_or_copy(file, self._place(folder, file)) for file in ours)
        self._note(theirs, folder)
        with Pending() as now:
            written += sum(_copy(file, self._place(folder, file), now) for file in theirs)
            now.place()
        written += put_rows_back(self.path, aside.path, places, folder / self.path.name, pending)
        ends = ends_of(aside.path, np.arange(aside.num_rows))
        return written + self._recounted(ends, 1, folder, pending)

    def _recounted(self, ends: Ends, sign: int, folder: Path, pending: Pending) -> int:
        (folder / self.folder.name).mkdir(parents=True, exist_ok=True)
        if not self.stats.is_file():
            return 0
        return recount(self.stats, ends, sign, folder / self.stats.name, pending)

    def _note(self, samples: Sequence[Path], folder: Path) -> None:
        """In place, note samples that go or come, before the first does."""
        if samples and folder.resolve() == self.path.parent.resolve():
            names = sorted({*_noted(self.folder / _UNLISTED), *(file.name for file in samples)})
            disk.write(self.folder / _UNLISTED, json.dumps(names).encode(), mode=0o600)

    def _place(self, folder: Path, file: Path) -> Path:
        return folder / self.folder.name / file.name

    def _files_of_samples(self) -> list[Path]:
        with os.scandir(self.folder) as found:
            names = sorted(entry.name for entry in found if entry.is_file() and entry.name[0] != ".")
        return [self.folder / name for name in names]

    def _samples(self) -> Iterator[tuple[Path, int | None]]:
        """Every file with the number of its row; None for one that belongs to no sample, such as a README.

        Raises:
            BadDataset: keys are not unique, or a sample has none of them.
        """
        numbers, noted = self._row_of_key(), set(_noted(self.folder / _UNLISTED))
        for file in self._files_of_samples():
            key, _ = split_name(file.name)
            number = numbers.get(key, numbers.get(file.name))
            if number is None and file.name in noted:
                continue
            if key and number is None and not file.name.startswith(("README", "LICENSE")):
                raise BadDataset(
                    f"{file} is a sample that {self.path.name} does not list; fetch the folder again, or "
                    "leave it out.",
                    slug="files-unknown-key",
                )
            yield file, number

    def _row_of_key(self) -> dict[str, int]:
        numbers: dict[str, int] = {}
        for batch in self.rows(columns=("key",)):
            keys = batch.key.to_pylist() if batch.key is not None else []
            numbers.update(zip(keys, range(batch.first, batch.first + len(keys)), strict=True))
        if len(numbers) != self.num_rows or None in numbers:
            raise BadDataset(
                f"{self.path} has keys that are not unique; fetch it again, or leave it out.",
                slug="dataset-keys-not-unique",
            )
        return numbers


def _noted(path: Path) -> list[str]:
    """Names noted by `_note`; those that lead elsewhere do not count."""
    try:
        names = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return []
    found = names if isinstance(names, list) else []
    return [name for name in found if isinstance(name, str) and name == Path(name).name]


def _copy(source: Path, target: Path, pending: Pending, mode: int = 0o666) -> int:
    with source.open("rb") as file, pending.writing(target, mode) as sink:
        shutil.copyfileobj(file, sink, 1 << 20)
        return sink.tell()
