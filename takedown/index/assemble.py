"""Makes the arrays of a part from its units: joins them in order, then sorts one kind of key at a time.

What is joined goes through temporary files where it is large, so that memory stays within the limit
whatever the number of rows.

In a part's folder:

* ``exact/<kind>/``     see exact.py: addresses and digests;
* ``near/<kind>/``      ``rows`` uint32[n], ascending, and ``mih/``, see mih.py;
* ``columns/<kind>/``   see columns.py: whole digests, and PDQ's quality.

Row numbers count from the part's first row.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.index import addresses, exact, files, mih
from takedown.index.columns import ColumnWriter
from takedown.index.interface import Coverage
from takedown.index.units import DIGESTS, MORE, NEAR, VALUES, UnitArrays

COLUMNS = (*DIGESTS, "pdq_quality")

#: Told (rows sorted, rows to sort, of which kind).
TellSorting = Callable[[int, int, str], None]


def assemble(
    units: Sequence[UnitArrays], out: Path, work: Path, memory_bytes: int, tell: TellSorting
) -> Coverage:
    """Write the arrays of a part.

    Args:
        units: finished ones, in the order of their rows.
        out: the part's folder, which exists.
        work: for temporary files.
        memory_bytes: most memory for joining and sorting.

    Returns:
        What the part's rows can be found by; ``rows`` is left at 0.
    """
    assembly = _Assembly(units, work, memory_bytes)
    kinds = [kind for kind in (*addresses.KINDS, *COLUMNS, *NEAR, MORE) if assembly.count(kind)]
    for done, kind in enumerate(kinds):
        tell(done, len(kinds), kind)
        if kind in (*NEAR, MORE):
            assembly.near(kind, out / "near" / kind)
        elif kind in COLUMNS:
            assembly.column(kind, out)
        else:
            assembly.exact(kind, out / "exact" / kind)
    tell(len(kinds), len(kinds), "")
    reached = {kind: assembly.distinct(kind) for kind in (*DIGESTS, *NEAR)}
    return Coverage(url=assembly.count("url_sha256"), **reached)


class _Assembly:
    """Some units, seen as one."""

    def __init__(self, units: Sequence[UnitArrays], work: Path, memory_bytes: int) -> None:
        self._units, self._work = units, work
        # Of keys and rows, at most an eighth each. Larger ones are mapped from files, which the system counts
        # as this process's memory as long as it has room: sorting gets no more than leaves them theirs.
        self._joining, self._memory = memory_bytes // 8, memory_bytes * 5 // 16
        sizes = np.array([one.total for one in units], dtype=np.int64)
        self._offsets = np.cumsum(sizes) - sizes

    def count(self, kind: str) -> int:
        return sum(one.count(kind) for one in self._units)

    def distinct(self, kind: str) -> int:
        """Rows that have a value: a row may have several."""
        return sum(len(np.unique(one.rows(kind))) for one in self._units if one.count(kind))

    def exact(self, kind: str, out: Path) -> None:
        """Addresses: keys straight from the units."""
        keys = self._join(kind, "keys", np.dtype("<u8"), None, lambda one, _: one.data(kind))
        exact.build(keys, out, rows=self._rows(kind), memory_bytes=self._memory)
        self._forget()

    def column(self, kind: str, out: Path) -> None:
        """Digests: the whole value as a column, and its beginning as a key."""
        writer = ColumnWriter(out / "columns" / kind, VALUES[kind])
        for one, offset in zip(self._units, self._offsets.tolist(), strict=True):
            if one.count(kind):
                writer.append(one.rows(kind).astype(np.int64) + offset, one.data(kind))
        column = writer.close()
        if kind in DIGESTS:
            keys = self._join(
                kind, "keys", np.dtype("<u8"), None, lambda one, _: exact.prefixes(one.data(kind))
            )
            exact.build(keys, out / "exact" / kind, rows=column.rows, memory_bytes=self._memory)
            self._forget()

    def near(self, kind: str, out: Path) -> None:
        """Perceptual hashes."""
        out.mkdir(parents=True)
        rows = self._rows(kind)
        files.write_array(out / "rows", rows, "<u4")
        codes = self._join(kind, "values", np.dtype("u1"), VALUES[kind], lambda one, _: one.data(kind))
        mih.build(codes, out / "mih", memory_bytes=self._memory)
        self._forget()

    def _rows(self, kind: str) -> NDArray[Any]:
        return self._join(
            kind, "rows", np.dtype("<u4"), None, lambda one, offset: one.rows(kind) + np.uint32(offset)
        )

    def _join(
        self,
        kind: str,
        what: str,
        dtype: np.dtype[Any],
        width: int | None,
        read: Callable[[UnitArrays, int], NDArray[Any]],
    ) -> NDArray[Any]:
        """One array of all units, in memory or, where it is large, in a temporary file."""
        count = self.count(kind)
        shape = (count,) if width is None else (count, width)
        pieces = (
            read(one, offset)
            for one, offset in zip(self._units, self._offsets.tolist(), strict=True)
            if one.count(kind)
        )
        if count * (width or 1) * dtype.itemsize >= self._joining:
            return self._in_file(self._work / f"{kind}.{what}", pieces, dtype, shape)
        joined = np.empty(shape, dtype)
        place = 0
        for piece in pieces:
            joined[place : place + len(piece)] = piece
            place += len(piece)
        return joined

    def _in_file(
        self, path: Path, pieces: Iterable[NDArray[Any]], dtype: np.dtype[Any], shape: tuple[int, ...]
    ) -> NDArray[Any]:
        """Written, then mapped: a disk that fills up is an error when written to, and the end when mapped."""
        with path.open("wb") as file:
            for piece in pieces:
                file.write(np.ascontiguousarray(piece, dtype=dtype).data)
        return np.memmap(path, dtype=dtype, mode="r", shape=shape)

    def _forget(self) -> None:
        """Temporary files go as soon as they have been read; what is still mapped stays readable."""
        for path in self._work.iterdir():
            path.unlink()


def total_skipped(units: Sequence[UnitArrays]) -> dict[str, int]:
    """Pictures of all units that gave no perceptual hash, by reason."""
    total: Counter[str] = Counter()
    for one in units:
        total.update(one.skipped())
    return dict(total)


def clear(folder: Path) -> None:
    """An empty folder, whatever was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
