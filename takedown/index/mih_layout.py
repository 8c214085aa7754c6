"""How a multi-index hash cuts its codes: the fixed order of bits, the bands, the flips, the filter.

The bits of a code are put into a fixed order and cut into equal bands of ``bits`` bits (what is left over
belongs to no band). Bands lie on a ring: the last is followed by the first.

*Budgets.* Give each band a number of flips ``t`` so that the sum of ``t + 1`` is radius + 1. Two codes within
the radius then differ in at most ``t`` bits in at least one band, or their distance would be at least the sum
(Norouzi, Punjani, Fleet: Fast exact search in Hamming space with multi-index hashing, 2014; budgets that
differ by band: Qin et al., GPH, 2018). A band with budget -1 is not asked at all.

*Signature.* More is true: there is a band from which every run of following bands keeps within the sum of
its ``t + 1``, less one (the cycle lemma; Qin and Xiao, Pigeonring, 2018). So beside each row number a band
stores the ``signature`` bits that follow it on the ring, and a row is looked at only when band and signature
together stay within that sum. With 16 bands of 16 bits and radius 31 two of a thousand random rows do.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Version of the order of the bits; it is part of the format.
ORDER = 1

#: Below this many rows comparing with each of them is as quick as any bands.
SCAN_ROWS = 1 << 14

#: From here on 11 wide bands find fewer candidates than 16 of 16 bits, and memory is what is short ...
WIDE_ROWS = 1 << 26

#: ... and from here on an index is read from disk, where a signature saves reading most of the codes.
DISK_ROWS = 1 << 29

#: Nanoseconds, measured: open a bucket, pass a candidate by its signature, look at a row, compare with a
#: row when all are compared one after the other.
PROBE_COST, CANDIDATE_COST, LOOK_COST, SCAN_COST = 12.0, 0.1, 25.0, 1.2


class Layout(NamedTuple):
    """The bands of an index.

    Attributes:
        bands: how many, 0 for an index that only compares one by one.
        bits: width of each.
        signature: bits stored beside each row number: 0, 16 or 32.
    """

    bands: int
    bits: int
    signature: int

    @property
    def reach(self) -> int:
        """Bands after its own that a signature touches."""
        return -(-self.signature // self.bits)

    def fits(self, width: int) -> bool:
        """Whether codes of ``width`` bytes can be cut this way."""
        if self.bands == 0:
            return self.bits == self.signature == 0
        whole = self.bands * self.bits <= 8 * width and self.bands > self.reach
        return whole and 1 <= self.bits <= 24 and self.signature in (0, 16, 32)


class Size(NamedTuple):
    """What an index of some rows takes on disk.

    Attributes:
        layout: its bands.
        bytes: of all its files.
        bytes_per_row: the same by row.
    """

    layout: Layout
    bytes: int
    bytes_per_row: float


class Expected(NamedTuple):
    """Buckets opened, rows found in them, and rows whose codes are read, for one query."""

    probes: int
    candidates: float
    looked_at: float


class Budget(NamedTuple):
    """What is asked for one radius.

    Attributes:
        flips: int64[bands], most bits that may differ within a band; -1: the band is not asked.
        within: int64[bands], most bits that may differ in band and signature together.
        masks: uint32[P], the ways to flip bits of a band, fewest flips first.
        flipped: uint8[P], how many bits each of them flips.
        counts: int64[bands], how many of the masks each band uses.
    """

    flips: NDArray[np.int64]
    within: NDArray[np.int64]
    masks: NDArray[np.uint32]
    flipped: NDArray[np.uint8]
    counts: NDArray[np.int64]


def choose(rows: int, width: int) -> Layout:
    """The layout for so many codes of so many bytes."""
    if rows < SCAN_ROWS:
        return Layout(0, 0, 0)
    if rows < WIDE_ROWS:
        return Layout(8 * width // 16, 16, 16)
    bands = round(8 * width / 22.5)
    bits = 8 * width // bands
    return Layout(bands, bits, 32 if rows >= DISK_ROWS and bands > -(-32 // bits) else 0)


def size(rows: int, width: int, layout: Layout | None = None) -> Size:
    """Disk space before anything is built."""
    layout = layout or choose(rows, width)
    number = row_type(rows).itemsize
    tables = layout.bands * ((1 << layout.bits) + 1) * number if layout.bands else 0
    entry = number + layout.signature // 8
    total = rows * (width + layout.bands * entry) + tables
    return Size(layout, total, total / max(rows, 1))


def row_type(rows: int) -> np.dtype[np.unsignedinteger]:
    """The type of row numbers and of places in a band."""
    return np.dtype("<u4" if rows < 1 << 32 else "<u8")


@lru_cache(maxsize=8)
def order(width: int) -> NDArray[np.intp]:
    """The fixed order of the bits of a code of ``width`` bytes: its p-th bit is bit ``order[p]`` of the code.

    Bits of a code count from the highest bit of its first byte. Neighbouring bits of perceptual hashes go
    together, so they are scattered: sorted by SHA-256 of "mih ORDER BIT".
    """
    names = [hashlib.sha256(f"mih {ORDER} {bit}".encode("ascii")).digest() for bit in range(8 * width)]
    return np.array(sorted(range(8 * width), key=names.__getitem__), dtype=np.intp)


def allot(layout: Layout, radius: int) -> NDArray[np.int64]:
    """Flips for each band: as even as possible, since bands are equally wide and each flip costs more."""
    share, left = divmod(radius + 1, layout.bands)
    return share - 1 + (np.arange(layout.bands) < left).astype(np.int64)


def expected(layout: Layout, rows: int, radius: int) -> Expected:
    """What a look-up by bands meets when the codes are spread evenly."""
    probes, candidates, looked_at = 0, 0.0, 0.0
    flips = allot(layout, radius)
    for band, most in enumerate(flips):
        opened = patterns(layout.bits, int(most))
        probes += opened
        candidates += opened * rows / 2**layout.bits
        looked_at += opened * rows / 2**layout.bits * _pass(layout, flips, band)
    return Expected(probes, candidates, looked_at)


def cost(layout: Layout, rows: int, radius: int) -> float:
    """Expected nanoseconds of a look-up by bands, on one core."""
    probes, candidates, looked_at = expected(layout, rows, radius)
    return probes * PROBE_COST + candidates * CANDIDATE_COST + looked_at * LOOK_COST


def budget(layout: Layout, radius: int) -> Budget:
    """Everything a look-up within a radius needs to know of its bands."""
    flips = allot(layout, radius)
    most = int(flips.max())
    masks = [sum(1 << bit for bit in chosen) for t in range(most + 1) for chosen in _choices(layout.bits, t)]
    table = np.array(masks, dtype=np.uint32)
    share = flips + 1
    within = sum((np.roll(share, -step) for step in range(layout.reach + 1)), np.zeros_like(share)) - 1
    counts = np.array([patterns(layout.bits, int(t)) for t in flips], dtype=np.int64)
    return Budget(flips, within, table, np.bitwise_count(table), counts)


def _choices(bits: int, flips: int) -> list[tuple[int, ...]]:
    return list(combinations(range(bits), flips))


def patterns(bits: int, flips: int) -> int:
    """Ways to flip at most so many of so many bits."""
    return sum(comb(bits, count) for count in range(flips + 1))


def _pass(layout: Layout, flips: NDArray[np.int64], band: int) -> float:
    """Share of random candidates whose signature lets them through."""
    following = sum(int(flips[(band + step) % layout.bands]) + 1 for step in range(1, layout.reach + 1))
    return patterns(layout.signature, min(following, layout.signature)) / float(2**layout.signature)
