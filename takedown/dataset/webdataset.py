"""img2dataset shards: NNNNN.tar, its sidecar NNNNN.parquet, NNNNN_stats.json, and NNNNN.idx if any.

Rows come from the sidecar, which also lists the downloads that failed; pictures come from the tar and find
their row by key. A tar without a sidecar gives its own `.json` members as rows. Digests in the sidecar are
of the file as downloaded: the jpg in the tar is a re-encoded one and is never hashed for them.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from takedown.dataset import samples
from takedown.dataset.atomic import Pending
from takedown.dataset.interface import BATCH_ROWS, Kind, Piece, RowBatch, Shard, Stamp
from takedown.dataset.names import INDEX, TABLE, TAR, partner
from takedown.dataset.parquet import ParquetShard, batch_rows
from takedown.dataset.tar import bad, known_members, members
from takedown.errors import BadDataset
from takedown.keys import Row

#: Extensions of members that are the picture of their sample.
PICTURES = frozenset({"jpg", "jpeg", "png", "webp", "gif", "avif", "heic"})
#: Largest picture that is read, in bytes. Fingerprinting has a lower limit of its own.
MAX_PICTURE_BYTES = 256 * 1024 * 1024

_EDGE = 64 * 1024  # bytes at each end of a tar that its stamp covers


class Img2datasetShard(Shard):
    """One tar with the files beside it.

    Args:
        path: the tar.
        name: relative to its dataset.

    Raises:
        BadDataset: the sidecar is damaged or lacks the address or the key, or there are two of them.
    """

    kind: Kind = "img2dataset"

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        partner(path, TAR)  # two tars that differ in case would share a sidecar
        sidecar = partner(path, TABLE)
        self.sidecar = ParquetShard(sidecar, name) if sidecar else None
        self.stats = path.with_name(f"{path.stem}_stats.json")
        self.index = partner(path, INDEX)
        if self.sidecar and "key" not in self.sidecar.columns:
            raise BadDataset(
                f"{sidecar} has no column named key, so its rows cannot be found in {path.name}; "
                "download the shard again with img2dataset, or leave it out.",
                slug="dataset-no-key-column",
            )
        self._unaided_rows: int | None = None

    @property
    def num_rows(self) -> int:
        if self.sidecar:
            return self.sidecar.num_rows
        if self._unaided_rows is None:
            self._unaided_rows = len(samples.samples(self.path))
        return self._unaided_rows

    @property
    def known_rows(self) -> int | None:
        return self.sidecar.num_rows if self.sidecar else self._unaided_rows

    def rows(
        self,
        batch_size: int = BATCH_ROWS,
        columns: Collection[str] | None = None,
        piece: Piece | None = None,
    ) -> Iterator[RowBatch]:
        if self.sidecar:
            yield from self.sidecar.rows(batch_size, columns)
        else:
            yield from samples.batches(self.path, min(batch_size, 8192))

    def pictures(self, piece: Piece | None = None) -> Iterator[tuple[int, bytes]]:
        numbers = self.row_of_key()
        with self.path.open("rb") as file:
            for member in members(self.path):
                if member.extension not in PICTURES:
                    continue
                if member.size > MAX_PICTURE_BYTES:
                    raise bad(self.path, "holds a picture of more than 256 MB", "tar-member-too-large")
                if member.key not in numbers:
                    raise bad(self.path, "holds a picture that its sidecar does not list", "tar-unknown-key")
                file.seek(member.data)
                yield numbers[member.key], file.read(member.size)

    def row_of_key(self) -> dict[str, int]:
        """Key -> number of its row. Raises BadDataset when a key is missing or occurs twice."""
        numbers: dict[str, int] = {}
        for batch in self.rows(columns=("url", "key")):
            keys = batch.key.to_pylist() if batch.key is not None else []
            numbers.update(zip(keys, range(batch.first, batch.first + len(keys)), strict=True))
        if len(numbers) != self.num_rows or None in numbers:
            raise bad(self.path, "has a sidecar whose keys are not unique", "dataset-keys-not-unique")
        return numbers

    def read_rows(self, numbers: Sequence[int], columns: Collection[str] | None = None) -> list[Row]:
        if self.sidecar:
            return self.sidecar.read_rows(numbers, columns)
        return batch_rows(samples.chosen_rows(self.path, numbers), self.name, numbers)

    def stamp(self) -> Stamp:
        hasher = hashlib.sha256(self.sidecar.stamp().digest.encode() if self.sidecar else b"")
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            hasher.update(file.read(_EDGE))
            file.seek(max(0, size - _EDGE))
            hasher.update(file.read(_EDGE))
        # The stats hold no rows, and people edit them: an index outlives that.
        beside = self.sidecar.path.stat().st_size if self.sidecar else 0
        return Stamp(size + beside, hasher.hexdigest())

    def files(self) -> tuple[Path, ...]:
        beside = (self.sidecar.path,) if self.sidecar else ()
        index = (self.index,) if self.index else ()
        return (self.path, *beside, *((self.stats,) if self.stats.is_file() else ()), *index)

    def strays(self, folder: Path) -> list[Path]:
        place, ours = folder / self.path.name, {file.name for file in self.files()}
        beside = (partner(place, TABLE), folder / self.stats.name, partner(place, INDEX))
        return [file for file in beside if file is not None and file.is_file() and file.name not in ours]

    def scan_bytes(self, columns: Collection[str]) -> int:
        return self.sidecar.scan_bytes(columns) if self.sidecar else self.path.stat().st_size

    def verify(self) -> None:
        if self.sidecar:
            deque(known_members(self.path, self.row_of_key()), maxlen=0)

    def rewrite(self, removed: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        from takedown.dataset.webdataset_rewrite import rewrite

        return rewrite(self, removed, folder, pending)

    def set_aside(self, removed: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        from takedown.dataset.webdataset_rewrite import set_aside

        return set_aside(self, removed, folder, pending)

    def put_back(self, aside: Shard, places: NDArray[np.int64], folder: Path, pending: Pending) -> int:
        from takedown.dataset.webdataset_put_back import put_back

        return put_back(self, aside, places, folder, pending)
