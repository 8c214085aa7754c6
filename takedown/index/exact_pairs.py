"""Pairs of a key and a row, wherever they are: given by the caller, or dealt out to a file by groups."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

_KEY_BYTES = 8


class Pairs(Protocol):
    """Keys with their rows, read piece by piece into fresh arrays."""

    #: uint32 or uint64.
    row_type: np.dtype[Any]

    def __len__(self) -> int: ...

    @property
    def width(self) -> int:
        """Bytes of a pair in memory."""

    def read_keys(self, piece: slice) -> NDArray[np.uint64]:
        """The keys from piece.start to before piece.stop."""

    def read(self, piece: slice) -> tuple[NDArray[np.uint64], NDArray[Any]]:
        """The same keys, and their rows."""


class GivenPairs:
    """Arrays of the caller, which may be mapped from files.

    Args:
        keys: uint64[N].
        rows: the row of each key, ascending; 0..N-1 when None.
    """

    def __init__(self, keys: NDArray[np.uint64], rows: NDArray[Any] | None) -> None:
        self._keys, self._rows = keys, rows
        self.highest_row = max(len(keys) - 1, 0) if rows is None else int(rows[-1]) if len(rows) else 0
        self.row_type = np.dtype(np.uint64 if self.highest_row >= 1 << 32 else np.uint32)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def width(self) -> int:
        return _KEY_BYTES + self.row_type.itemsize

    def read_keys(self, piece: slice) -> NDArray[np.uint64]:
        return np.array(self._keys[piece], dtype=np.uint64)

    def read(self, piece: slice) -> tuple[NDArray[np.uint64], NDArray[Any]]:
        if self._rows is None:
            return self.read_keys(piece), np.arange(piece.start, piece.stop, dtype=self.row_type)
        # One that came before a smaller one could be too large for the records, and would be cut.
        rows = self._rows[max(piece.start - 1, 0) : piece.stop]
        if np.any(rows[1:] < rows[:-1]):
            raise ValueError("the rows of an index must be given in ascending order")
        return self.read_keys(piece), np.array(self._rows[piece], dtype=self.row_type)


class Spill:
    """Two files, of keys and of rows, in which every group has its place; gone when done.

    Args:
        folder: where they are made.
        sizes: pairs of each group.
        row_type: uint32 or uint64.
    """

    def __init__(self, folder: Path, sizes: NDArray[np.int64], row_type: np.dtype[Any]) -> None:
        self._edges = np.append(0, np.cumsum(sizes))
        self._next = self._edges[:-1].copy()
        self._types = (np.dtype(np.uint64), row_type)
        name = (
            f"spill-{len(list(folder.glob('spill-*.keys')))}"  # a group that is dealt out again has its own
        )
        self._paths = (folder / f"{name}.keys", folder / f"{name}.rows")
        self._files = [path.open("x+b", buffering=0) for path in self._paths]

    def write(self, keys: NDArray[np.uint64], rows: NDArray[Any], edges: list[int]) -> None:
        """Add pairs that lie in order of their groups, each from one of the edges to the next."""
        for number, (start, stop) in enumerate(pairwise(edges)):
            for file, values in zip(self._files, (keys, rows), strict=True):
                file.seek(int(self._next[number]) * values.itemsize)
                values[start:stop].tofile(file)
            self._next[number] += stop - start

    def group(self, number: int) -> SpilledPairs:
        """One group, once all is written."""
        return SpilledPairs(self._paths, self._types, int(self._edges[number]), int(self._edges[number + 1]))

    def __enter__(self) -> Spill:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _t: TracebackType | None) -> None:
        for file, path in zip(self._files, self._paths, strict=True):
            file.close()
            path.unlink()


class SpilledPairs:
    """One group of a Spill."""

    def __init__(
        self, paths: tuple[Path, Path], types: tuple[np.dtype[Any], np.dtype[Any]], start: int, stop: int
    ) -> None:
        self._paths, self._types = paths, types
        self._start, self._stop = start, stop
        self.row_type = types[1]

    def __len__(self) -> int:
        return self._stop - self._start

    @property
    def width(self) -> int:
        return _KEY_BYTES + self.row_type.itemsize

    def read_keys(self, piece: slice) -> NDArray[np.uint64]:
        return self._part(0, piece)

    def read(self, piece: slice) -> tuple[NDArray[np.uint64], NDArray[Any]]:
        return self._part(0, piece), self._part(1, piece)

    def _part(self, which: int, piece: slice) -> NDArray[Any]:
        kind = self._types[which]
        offset = (self._start + piece.start) * kind.itemsize
        return np.fromfile(self._paths[which], dtype=kind, count=piece.stop - piece.start, offset=offset)
