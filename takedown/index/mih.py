"""Find codes within a Hamming distance without comparing with all of them, exactly: multi-index hashing.

build(codes, out)                      a folder of raw arrays, in bounded memory
index = open(out)                      mapped; shared by processes, used by any number of threads
index.search(queries, radius)          the same hits as linear.Linear gives, for any radius

On disk, in a folder of its own (little-endian; mih_layout.py says what bands, order and signatures are):

* ``codes``       uint8[N, W];
* ``buckets``     by band: where the rows of each value of the band begin, and the end;
* ``rows``        by band: row numbers, ordered by the value of the band, then by row;
* ``signatures``  beside ``rows``: the bits that follow the band, then 32 entries of padding.

A look-up opens, band by band, the buckets of all values near enough, passes over their signatures, and
compares whole codes only for the few rows that remain. Where that is expected to cost more than comparing
with every row, it compares with every row.
"""

from __future__ import annotations

import mmap
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.index import files, mih_bands, mih_build, mih_plain
from takedown.index.interface import Hits
from takedown.index.linear import Linear
from takedown.index.mih_layout import ORDER, SCAN_COST, Budget, Layout, budget, choose, cost, row_type, size

plan = size

#: Queries looked up one after the other on the calling thread; more are cut among threads.
_FEW = 16

#: From here on the buckets of a batch are opened in order, a band at a time.
_MANY = 128

#: Probes of a batch that are in memory at a time, for each thread (14 bytes each).
_PROBES = 1 << 23


class Mih:
    """An opened index; its arrays are mapped, so opening reads none of them.

    Attributes:
        codes: uint8[N, W], as they were given to :func:`build`.
        layout: its bands.
    """

    def __init__(self, arrays: mih_plain.Arrays, layout: Layout) -> None:
        self.codes, self.layout = arrays.codes, layout
        self._arrays = arrays
        self._index = (arrays.buckets, arrays.signatures, arrays.rows)
        self._words = arrays.codes.view(np.uint64).reshape(-1)
        self._width = arrays.codes.shape[1]
        self._budgets: dict[int, Budget | None] = {}

    def __len__(self) -> int:
        return len(self.codes)

    def search(self, codes: NDArray[np.uint8], radius: int) -> Hits:
        """Find every code within a radius of each query.

        Args:
            codes: uint8[Q, W].
            radius: largest number of differing bits that still counts.

        Returns:
            All pairs, ordered by query, then row.
        """
        queries = np.ascontiguousarray(codes, dtype=np.uint8).reshape(-1, self._width)
        asked = self._budget(radius)
        if not len(queries) or not len(self) or radius < 0:
            return _hits(np.empty((0, 3), dtype=np.int64))
        if mih_bands.kernels is None:
            return self._plainly(queries, radius, asked)
        if asked is None:
            return _hits(self._compare_all(queries, radius))
        return _hits(self._by_bands(queries, radius, asked))

    def count(self, codes: NDArray[np.uint8], radius: int) -> mih_plain.Cost | None:
        """What look-ups by bands touch, for figures; None where every row is compared."""
        asked = self._budget(radius)
        queries = np.ascontiguousarray(codes, dtype=np.uint8).reshape(-1, self._width)
        return asked and mih_plain.count(self._arrays, self.layout, asked, queries)

    def _budget(self, radius: int) -> Budget | None:
        """What to ask the bands for a radius; None where comparing with every row is cheaper."""
        if radius not in self._budgets:
            worth = self.layout.bands and radius >= 0
            worth = worth and cost(self.layout, len(self), radius) < SCAN_COST * len(self)
            self._budgets[radius] = budget(self.layout, radius) if worth else None
        return self._budgets[radius]

    def _plainly(self, queries: NDArray[np.uint8], radius: int, asked: Budget | None) -> Hits:
        if asked is None:
            return Linear(self.codes).search(queries, radius)
        return _hits(mih_plain.search(self._arrays, self.layout, asked, queries, radius))

    def _by_bands(self, queries: NDArray[np.uint8], radius: int, asked: Budget) -> NDArray[np.int64]:
        keys = mih_bands.cut(queries, self.layout)
        common = (
            keys.reshape(-1),
            mih_bands.signatures(keys, self.layout).reshape(-1),
            tuple(asked),
            self._index,
            self._words,
            queries.view(np.uint64).reshape(-1),
            mih_bands.positions(self._width),
            (*self.layout, len(self)),
            radius,
        )
        kernels = mih_bands.kernels
        count = len(queries)
        if count < _FEW:
            found: NDArray[np.int64] = kernels.look_up((0, count), *common)
            return found
        if count < _MANY:
            cuts = np.linspace(0, count, _threads() + 1).astype(int).tolist()
            work = [(kernels.look_up, (of, *common)) for of in pairwise(cuts)]
        else:
            most = max(_PROBES // int(asked.counts.max()), 1)
            work = [
                (kernels.look_up_sorted, ((start, min(start + most, count)), band, *common))
                for start in range(0, count, most)
                for band in range(self.layout.bands)
                if asked.counts[band]
            ]
        return _in_threads(work)

    def _compare_all(self, queries: NDArray[np.uint8], radius: int) -> NDArray[np.int64]:
        words, count = self._width // 8, len(self)
        asked = queries.view(np.uint64).reshape(-1)
        call = mih_bands.kernels.compare_all
        cuts = (
            np.linspace(0, count, _threads() + 1 if count * len(queries) > 1 << 16 else 2)
            .astype(int)
            .tolist()
        )
        return _in_threads([(call, (self._words, asked, words, *part, radius)) for part in pairwise(cuts)])


def build(
    codes: NDArray[np.uint8], out: Path, *, memory_bytes: int = 2 << 30, layout: Layout | None = None
) -> None:
    """Write an index of some codes; the same codes give the same bytes.

    Args:
        codes: uint8[N, W], W a multiple of 8; may be mapped from a file.
        out: the folder to make; it must not exist.
        memory_bytes: most memory used at a time, about.
        layout: the bands; by the number of rows when omitted.
    """
    layout = layout or choose(*codes.shape)
    if not layout.fits(codes.shape[1]):
        raise ValueError(f"codes of {codes.shape[1]} bytes cannot be cut into {layout}")
    mih_build.write(codes, out, layout, memory_bytes)


def open(out: Path) -> Mih:  # noqa: A001 - build and open are the pair of names that callers rely on
    """Map an index.

    Raises:
        BadIndex: a file is missing, of another length or of another version.
    """
    header = files.read_header(out, mih_build.STRUCTURE, mih_build.VERSION)
    count, width = files.number(header, "count"), files.number(header, "width")
    layout = Layout(*(files.number(header, name) for name in Layout._fields))
    if header.get("order") != ORDER or not width or width % 8 or not layout.fits(width):
        raise files.damaged(files.HEADER)
    number = row_type(count)
    buckets = layout.bands * ((1 << layout.bits) + 1) if layout.bands else 0
    signed = layout.bands * count + mih_build.PADDING if layout.signature else 0
    return Mih(
        mih_plain.Arrays(
            _mapped(out / "codes", "<u1", count, width),
            _mapped(out / "buckets", number, buckets),
            _mapped(out / "signatures", mih_bands.signature_type(layout), signed),
            _mapped(out / "rows", number, layout.bands * count),
        ),
        layout,
    )


def _mapped(path: Path, kind: Any, count: int, width: int | None = None) -> NDArray[Any]:
    """A mapped array, as a plain one: kernels take it faster. Reading ahead would read mostly in vain."""
    if not count:
        return np.empty((0,) if width is None else (0, width), dtype=kind)
    array = files.map_array(path, kind, count, width)
    if isinstance(array, np.memmap) and hasattr(mmap, "MADV_RANDOM"):
        array._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]
    return np.asarray(array)


def _hits(found: NDArray[np.int64]) -> Hits:
    query, row, distance = found.T
    if len(found) > 1:
        order = np.lexsort((row, query))
        query, row, distance = query[order], row[order], distance[order]
    return Hits(query, row, distance)


def _threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_threads(work: list[tuple[Any, tuple[Any, ...]]]) -> NDArray[np.int64]:
    """Hits of all calls, in the order of the calls."""
    if len(work) == 1:
        return np.asarray(work[0][0](*work[0][1]))
    with ThreadPoolExecutor(min(_threads(), len(work))) as pool:
        found = list(pool.map(lambda job: job[0](*job[1]), work))
    return np.concatenate(found)
