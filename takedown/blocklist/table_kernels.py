"""The steps of takedown.blocklist.table for many digests at once, where a long list does not fit the caches.

Each block of questions first asks memory for everything it will need next, and then reads it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from takedown.jit import kernel, prefetch

_BLOCK = 64


@kernel
def sift(heads: Any, shift: Any, bits: Any, out: Any) -> int:
    """Positions of the heads whose bit is set.

    Args:
        heads: uint64 [N].
        shift: uint64, how far the bit's number is shifted in a head.
        bits: uint8, the filter.
        out: int64 [N], written.

    Returns:
        How many there are.
    """
    found = 0
    for first in range(0, len(heads), _BLOCK):
        stop = min(first + _BLOCK, len(heads))
        for i in range(first, stop):
            prefetch(bits, np.int64(heads[i] >> shift >> np.uint64(3)))
        for i in range(first, stop):
            place = heads[i] >> shift
            if bits[np.int64(place >> np.uint64(3))] >> (place & np.uint64(7)) & np.uint64(1):
                out[found] = i
                found += 1
    return found


@kernel
def search(entries: Any, wanted: Any, out: Any) -> None:
    """For each number the place of the first entry that is not smaller, as np.searchsorted gives it.

    Args:
        entries: uint64 [M], ascending, at least one.
        wanted: uint64 [N].
        out: int64 [N], written.
    """
    for first in range(0, len(wanted), _BLOCK):
        stop = min(first + _BLOCK, len(wanted))
        out[first:stop] = 0
        length = len(entries)
        while length > 1:
            half = length >> 1
            ahead = max((length - half) >> 1, 1) - 1
            for i in range(first, stop):
                if entries[out[i] + half - 1] < wanted[i]:
                    out[i] += half
                prefetch(entries, out[i] + ahead)
            length -= half
        for i in range(first, stop):
            out[i] += entries[out[i]] < wanted[i]
