"""A folder of pictures as one shard: a row is a file, in the order of the relative names; no addresses."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from takedown.dataset.interface import BATCH_ROWS, Kind, RowBatch, Shard, Stamp
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

    def rows(
        self, batch_size: int = BATCH_ROWS, columns: Collection[str] | None = None
    ) -> Iterator[RowBatch]:
        for first in range(0, len(self.names), batch_size):
            chosen = self.names[first : first + batch_size]
            yield RowBatch(first, len(chosen), key=pa.array(chosen, pa.large_string()))

    def pictures(self) -> Iterator[tuple[int, bytes]]:
        for number, file in enumerate(self.files()):
            try:
                if file.stat().st_size > MAX_PICTURE_BYTES:
                    raise BadDataset(f"{file} is larger than 256 MB; leave it out.", slug="picture-too-large")
                content = file.read_bytes()
            except OSError as error:
                raise BadDataset(
                    f"{file} cannot be read ({error.strerror}); leave it out.", slug="dataset-unreadable"
                ) from error
            yield number, content

    def read_rows(self, numbers: Sequence[int]) -> list[Row]:
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
