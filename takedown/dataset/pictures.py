"""A folder of pictures as one shard: a row is a file, in the order of the relative names; no addresses."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from takedown.dataset.interface import BATCH_ROWS, Kind, Piece, RowBatch, Shard, Stamp
from takedown.dataset.webdataset import MAX_PICTURE_BYTES, PICTURES
from takedown.errors import BadDataset
from takedown.keys import Row


class PictureFolder(Shard):
    """All pictures under one folder.

    Args:
        path: the folder.
        names: relative names of the pictures, forward slashes, sorted.
    """

    kind: Kind = "images"

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path = path
        self.name = path.name or "pictures"
        self.names = list(names)

    @property
    def num_rows(self) -> int:
        return len(self.names)

    def pieces(self, rows: int) -> list[Piece]:
        """A tenth as many files: a picture costs far more than a row."""
        step, total = max(rows // 10, 1), self.num_rows
        return [Piece(first, min(first + step, total)) for first in range(0, total, step)] or [Piece(0, 0)]

    def rows(
        self,
        batch_size: int = BATCH_ROWS,
        columns: Collection[str] | None = None,
        piece: Piece | None = None,
    ) -> Iterator[RowBatch]:
        start, stop = piece or (0, len(self.names))
        for first in range(start, stop, batch_size):
            chosen = self.names[first : min(first + batch_size, stop)]
            yield RowBatch(first, len(chosen), key=pa.array(chosen, pa.large_string()))

    def pictures(self, piece: Piece | None = None) -> Iterator[tuple[int, bytes]]:
        first, stop = piece or (0, len(self.names))
        for number in range(first, stop):
            file = self.path / self.names[number]
            try:
                if file.stat().st_size > MAX_PICTURE_BYTES:
                    raise BadDataset(f"{file} is larger than 256 MB; leave it out.", slug="picture-too-large")
                content = file.read_bytes()
            except OSError as error:
                raise BadDataset(
                    f"{file} cannot be read ({error.strerror}); leave it out.", slug="dataset-unreadable"
                ) from error
            yield number, content

    def read_rows(self, numbers: Sequence[int], columns: Collection[str] | None = None) -> list[Row]:
        if any(not 0 <= number < len(self.names) for number in numbers):
            raise BadDataset(
                f"{self.path} has no picture of that number; it changed since.", slug="dataset-no-such-row"
            )
        return [Row(number, self.names[number], number) for number in numbers]

    def stamp(self) -> Stamp:
        hasher = hashlib.sha256()
        total = 0
        for name, file in zip(self.names, self.files(), strict=True):
            size = file.stat().st_size
            total += size
            hasher.update(f"{name}\t{size}\n".encode("utf-8", "surrogateescape"))
        return Stamp(total, hasher.hexdigest())

    def files(self) -> tuple[Path, ...]:
        return tuple(self.path / name for name in self.names)


def is_picture(path: Path) -> bool:
    """Whether the name looks like a picture's."""
    return path.suffix.lower().removeprefix(".") in PICTURES
