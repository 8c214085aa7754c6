"""Find codes within a Hamming distance without comparing with all of them, exactly: multi-index hashing.

build(codes, out)                      a folder of raw arrays, in bounded memory
index = open(out)                      mapped; shared by processes, used by any number of threads
index.search(queries, radius)          the same hits as linear.Linear gives, for any radius
plan(rows, width)                      bands and bytes beforehand

On disk, in a folder of its own (little-endian; mih_layout.py says what bands, order and signatures are):

* ``codes``       uint8[N, W];
* ``buckets``     by band: where the rows of each value of the band begin, and the end;
* ``rows``        by band: row numbers, ordered by the value of the band, then by row;
* ``signatures``  beside ``rows``: the bits that follow the band, then 32 entries of padding.

A look-up opens, band by band, the buckets of all values near enough, passes over their signatures, and
compares whole codes only for the few rows that remain. Where that is expected to cost more than comparing
with every row, it compares with every row; and where a batch is so large that passing all rows by the
queries is cheaper, it does that (mih_bulk.py).
"""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.index import files, mih_bands, mih_build, mih_bulk, mih_plain, mih_search
from takedown.index.interface import Hits
from takedown.index.mih_layout import ORDER, SCAN_COST, Budget, Layout, budget, choose, cost, row_type, size

plan = size

#: An index larger than this part of the machine's memory is read as from disk: only the pages it needs.
_MEMORY_SHARE = 2


class Mih:
    """An opened index; its arrays are mapped, so opening reads none of them.

    Attributes:
        codes: uint8[N, W], as they were given to :func:`build`.
        layout: its bands.
        on_disk: whether look-ups reckon with waiting for the disk.
    """

    def __init__(
        self,
        codes: NDArray[np.uint8],
        stored: mih_bands.Stored,
        layout: Layout,
        largest: int,
        *,
        on_disk: bool,
    ) -> None:
        self.codes, self.layout, self.on_disk = codes, layout, on_disk
        self._stored, self._largest = stored, largest
        self._budgets: dict[int, tuple[Budget | None, float]] = {}

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
        queries = mih_bands.contiguous(codes, self.codes.shape[1])
        if not len(queries) or not len(self) or radius < 0:
            return mih_search.ordered(np.empty((0, 3), dtype=np.int64))
        asked, alone = self._budget(radius)
        if len(queries) > 1 and mih_bulk.cost(
            len(self), self.codes.shape[1], len(queries), radius
        ) < alone * len(queries):
            return mih_bulk.search(self.codes, queries, radius)
        if asked is None:
            return mih_search.ordered(mih_search.compare_all(self.codes, queries, radius))
        found = mih_search.by_bands(
            self._stored, self.layout, asked, queries, radius, largest=self._largest, on_disk=self.on_disk
        )
        return mih_search.ordered(found)

    def count(self, codes: NDArray[np.uint8], radius: int) -> mih_plain.Cost | None:
        """What look-ups by bands touch, for figures; None where every row is compared."""
        asked, _ = self._budget(radius)
        queries = mih_bands.contiguous(codes, self.codes.shape[1])
        return asked and mih_plain.count(self._stored, self.layout, asked, queries)

    def _budget(self, radius: int) -> tuple[Budget | None, float]:
        """What to ask the bands for a radius, or None where comparing with every row is cheaper; its cost."""
        if radius not in self._budgets:
            every = SCAN_COST * len(self)
            probing = cost(self.layout, len(self), radius) if self.layout.bands else every
            asked = budget(self.layout, radius) if probing < every else None
            self._budgets[radius] = asked, min(probing, every)
        return self._budgets[radius]


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


def open(out: Path, *, on_disk: bool | None = None) -> Mih:  # noqa: A001 - the pair of build
    """Map an index.

    Args:
        out: the folder.
        on_disk: read only the pages that are needed, and wait for several at a time; by default for an index
            larger than half of this machine's memory.

    Raises:
        BadIndex: a file is missing, of another length or of another version.
    """
    header = files.read_header(out, mih_build.STRUCTURE, mih_build.VERSION)
    count, width = files.number(header, "count"), files.number(header, "width")
    layout = Layout(*(files.number(header, name) for name in Layout._fields))
    if header.get("order") != ORDER or not width or width % 8 or not layout.fits(width):
        raise files.damaged(files.HEADER)
    number = row_type(count)
    if on_disk is None:
        on_disk = size(count, width, layout).bytes > _memory() // _MEMORY_SHARE
    buckets = layout.bands * ((1 << layout.bits) + 1) if layout.bands else 0
    signed = layout.bands * count + mih_build.PADDING if layout.signature else 0
    codes = _mapped(out / "codes", "<u1", count * width, on_disk=on_disk)
    stored = mih_bands.Stored(
        codes.view("<u8"),
        _mapped(out / "buckets", number, buckets, on_disk=on_disk),
        _mapped(out / "signatures", mih_bands.signature_type(layout), signed, on_disk=on_disk),
        _mapped(out / "rows", number, layout.bands * count, on_disk=on_disk),
    )
    return Mih(codes.reshape(count, width), stored, layout, files.number(header, "largest"), on_disk=on_disk)


def _mapped(path: Path, kind: Any, count: int, *, on_disk: bool) -> NDArray[Any]:
    """A mapped array, seen as a plain one: kernels take that faster.

    A small index is read in large pieces, so that all of it is in memory soon, in large pages where the
    system has such. Of a large one only the pages that are needed are read.
    """
    if not count:
        return np.empty(0, dtype=kind)
    array = files.map_array(path, kind, count)
    advice = getattr(mmap, "MADV_RANDOM" if on_disk else "MADV_HUGEPAGE", None)
    if isinstance(array, np.memmap) and advice is not None:
        with suppress(OSError):  # a system without large pages
            array._mmap.madvise(advice)  # type: ignore[attr-defined]
    return np.asarray(array)


def _memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
