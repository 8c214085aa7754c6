"""The lines of fingerprint tables, laid out to be looked up by address: columns in files, and sorted keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from takedown.dataset.fingerprints import open_fingerprints
from takedown.index import exact
from takedown.index.units import VALUES, fixed_bytes

#: What of a table is joined -> the table's column.
JOINED = {"sha256": "sha256", "md5": "md5", "pdq": "pdq", "phash": "phash", "pdq_quality": "quality"}


class TableLines:
    """The lines of all tables.

    Args:
        folder: to make, for the files.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.lines = 0
        self.ignored = 0
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> TableLines:
        return self

    def __exit__(self, *_error: object) -> None:
        for file in self._files.values():
            file.close()

    def add(self, path: Path) -> None:
        """Take the lines of one table that have an address."""
        for table in open_fingerprints(path):
            for batch in table.batches():
                self._append(batch)
            self.ignored += table.ignored["other_pipeline"]

    def _append(self, batch: pa.RecordBatch) -> None:
        kept = batch.filter(batch.column("url_sha256").is_valid())
        digests = _bytes(kept.column("url_sha256"), 32)
        self._write("url_sha256", digests)
        self._write("key", exact.prefixes(digests))
        for kind, name in JOINED.items():
            column = kept.column(name)
            known = column.is_valid().to_numpy(zero_copy_only=False)
            self._write(kind, _qualities(column) if kind == "pdq_quality" else _bytes(column, VALUES[kind]))
            self._write(f"{kind}.known", known.astype(np.uint8))
        self.lines += kept.num_rows

    def _write(self, name: str, values: NDArray[Any]) -> None:
        if name not in self._files:
            self._files[name] = (self._folder / name).open("wb")
        self._files[name].write(np.ascontiguousarray(values).data)

    def finish(self, memory_bytes: int) -> None:
        """Sort the addresses."""
        self.__exit__()
        self.url: NDArray[np.uint8] = self._map("url_sha256", 32)
        self.values = {kind: self._map(kind, VALUES[kind]) for kind in JOINED}
        self.known = {kind: self._map(f"{kind}.known", 1)[:, 0] for kind in JOINED}
        exact.build(self._map("key", None, np.uint64), self._folder / "keys", memory_bytes=memory_bytes)
        self._keys = exact.open(self._folder / "keys")

    def find(self, digests: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(place, line): for each of some digests (uint8[N, 32]) that the table has, its first line."""
        # Each address is asked for once: rows and lines that both repeat one are many, their pairs too many.
        _, at, which = np.unique(_whole(digests), return_index=True, return_inverse=True)
        distinct = digests[at]
        place, line = self._keys.search(exact.prefixes(distinct))
        same = (distinct[place] == self.url[line]).all(axis=1)
        found, first = np.unique(place[same], return_index=True)
        line_of = np.full(len(distinct), -1, np.int64)
        line_of[found] = line[same][first]
        lines = line_of[which]
        return np.flatnonzero(lines >= 0), lines[lines >= 0]

    def _map(self, name: str, width: int | None, kind: type[np.number[Any]] = np.uint8) -> NDArray[Any]:
        shape = (self.lines,) if width is None else (self.lines, width)
        return np.memmap(self._folder / name, kind, "r", shape=shape) if self.lines else np.empty(shape, kind)


def _whole(digests: NDArray[np.uint8]) -> NDArray[Any]:
    """Each line of uint8[N, W] as one value that can be compared."""
    whole: NDArray[Any] = np.ascontiguousarray(digests).view(np.dtype((np.void, digests.shape[1])))[:, 0]
    return whole


def _bytes(column: pa.Array, width: int) -> NDArray[np.uint8]:
    """Values of pa.binary(width) as uint8[N, width], zero where there is none."""
    return fixed_bytes(column.fill_null(bytes(width)), width)


def _qualities(column: pa.Array) -> NDArray[np.uint8]:
    values = np.clip(column.fill_null(0).to_numpy(zero_copy_only=False), 0, 100)
    qualities: NDArray[np.uint8] = values.astype(np.uint8).reshape(-1, 1)
    return qualities
