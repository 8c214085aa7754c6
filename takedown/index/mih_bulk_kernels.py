"""A block of codes against the tables of some queries, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.index.mih_bands import Asked, Stored, Terms
from takedown.index.mih_bits_kernels import LANES, near_lanes, popcount, trailing_zeros
from takedown.index.mih_layout import Budget
from takedown.index.mih_pairs_kernels import settle
from takedown.jit import kernel

Places = NDArray[np.int64]

#: Pairs noted before they are compared; one code may bring up to LANES more.
_NOTED = 2048


@kernel
def meet(
    keys: NDArray[np.uint16],
    signed: NDArray[np.uint16],
    band: int,
    table: Any,
    stored: Stored,
    asked: Asked,
    budget: Budget,
    terms: Terms,
) -> NDArray[np.int64]:
    """Hits that one band finds first, int64[H, 3] of query, row in the block, distance."""
    row, query = np.empty(_NOTED + LANES, np.int64), np.empty(_NOTED + LANES, np.int64)
    through = np.empty(_NOTED + LANES, np.int64)
    hits, found = np.empty((64, 3), np.int64), 0
    most = np.uint16(min(budget.within[band], 16))
    line, entry = 0, int(table.starts[keys[0]])
    while line < len(keys):
        line, entry, count = note(line, entry, keys, signed, table, most, row, query)
        through[:count] = band
        hits, found = settle(row, query, through, count, stored, asked, budget, terms, hits, found)
    return hits[:found]


@kernel
def note(
    line: int,
    entry: int,
    keys: NDArray[np.uint16],
    signed: NDArray[np.uint16],
    table: Any,
    most: np.uint16,
    row: Places,
    query: Places,
) -> tuple[int, int, int]:
    """Note pairs whose signatures are near enough, until enough are noted or all codes are done.

    Returns:
        The code and the entry to go on with, and how many pairs are noted.
    """
    starts, signatures, limits, queries = table.starts, table.signatures, table.limits, table.queries
    count = 0
    while line < len(keys):
        last, value = np.int64(starts[np.int64(keys[line]) + 1]), signed[line]
        while entry < last:
            near = near_lanes(signatures, entry, value, most)
            if last - entry < LANES:
                near &= (np.uint64(1) << np.uint64(last - entry)) - np.uint64(1)
            while near:
                at = entry + np.int64(trailing_zeros(near))
                near &= near - np.uint64(1)
                row[count], query[count] = line, queries[at]
                count += popcount(np.uint64(signatures[at] ^ value)) <= limits[at]
            entry += LANES
            if count >= _NOTED:
                return line, entry, count
        line += 1
        if line < len(keys):
            entry = int(starts[keys[line]])
    return line, entry, count
