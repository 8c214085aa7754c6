"""The steps of exact.py in plain NumPy: what is done where numba is not installed.

exact_kernels.py has the same functions, compiled, with the same answers to the bit; see there for what runs
faster and why. Arrays for what comes out are given by the caller and filled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Places = NDArray[np.int64]

#: Queries that are searched together: what is known of them stays in the processor's cache.
_BLOCK = 1 << 13


def bounds(
    wanted: Keys,
    buckets: NDArray[Any],
    top: Keys,
    low: Keys,
    bits: int,
    down: int,
    row_bits: int,
    first: Places,
    last: Places,
    query: Places,
    row: Places,
) -> int:
    """Where each wanted key's records begin and end, and what candidates would give, if there is room.

    Args:
        wanted: uint64[Q].
        buckets: places in ``top``, 2^bits + 1 of them.
        top, low: the 8 highest and the 8 lowest bytes of every record, of which there is one at least.
        bits, down, row_bits: of the layout.
        first, last: int64[Q], filled; or int64[0], left alone. Where nothing is found both are the place
            where it would be.
        query, row: int64[P]; as candidates fills them when there are at most P, else not to be used.

    Returns:
        How many candidates there are.
    """
    shift = np.uint64(64 - bits)
    bucket = (wanted >> shift).astype(np.int64)
    part = wanted & ((np.uint64(1) << shift) - np.uint64(1))
    # A damaged table must not lead outside the array.
    begin, end = (np.minimum(buckets[bucket + side], len(top)).astype(np.int64) for side in (0, 1))
    at = _bounded(part, top, down, np.minimum(begin, end), end, past_equal=False)
    past = at.copy()
    equal = np.flatnonzero(at < end)
    equal = equal[top[at[equal]] >> np.uint64(down) == part[equal]]
    past[equal] = _bounded(part[equal], top, down, at[equal] + 1, end[equal], past_equal=True)
    if len(first):
        first[:], last[:] = at, past
    found = int((past - at).sum())
    if 0 < found <= len(query):
        candidates(at, past, low, row_bits, query[:found], row[:found])
    return found


def _bounded(part: Keys, top: Keys, down: int, low: Places, high: Places, *, past_equal: bool) -> Places:
    """First place in [low, high) whose key is not below (or, past_equal, is above) the wanted one."""
    found = np.empty_like(low)
    for start in range(0, len(part), _BLOCK):
        block = slice(start, start + _BLOCK)
        found[block] = _halved(part[block], low[block], high[block], top, down, past_equal)
    return found


def _halved(part: Keys, low: Places, high: Places, top: Keys, down: int, past_equal: bool) -> Places:
    """All ranges are halved as often as the longest needs; picking out the unfinished ones costs more."""
    before = np.less_equal if past_equal else np.less
    for _ in range(int((high - low).max()).bit_length()):
        middle = (low + high) >> 1
        found = top[np.minimum(middle, len(top) - 1)] >> np.uint64(down)
        go_right = before(found, part) & (low < high)
        high = np.where(go_right, high, middle)
        low = np.where(go_right, middle + 1, low)
    return low


def candidates(first: Places, last: Places, low: Keys, row_bits: int, query: Places, row: Places) -> None:
    """Spread ranges of records into pairs of a query's number and a row, both int64 and filled."""
    counts = last - first
    query[:] = np.repeat(np.arange(len(first), dtype=np.int64), counts)
    before = np.cumsum(counts) - counts
    place = np.arange(len(query), dtype=np.int64) + np.repeat(first - before, counts)
    row[:] = low[place] & np.uint64((1 << row_bits) - 1)


def histogram(keys: Keys, base: int, right: int, counts: Places) -> None:
    """Count the values of a digit, which is ``(key - base) >> right``; ``counts`` is added to."""
    counts += np.bincount(_digits(keys, base, right), minlength=len(counts))


def scatter(
    keys: Keys,
    rows: NDArray[Any],
    base: int,
    right: int,
    group: NDArray[np.uint16],
    starts: Places,
    out_keys: Keys,
    out_rows: NDArray[Any],
) -> None:
    """Deal pairs out to groups, keeping their order within a group.

    Args:
        keys, rows: pairs.
        base, right: say which digit decides, as in histogram.
        group: the group of each digit's value.
        starts: where the next pair of each group goes; moved on.
        out_keys, out_rows: filled at these places.
    """
    belongs = group[_digits(keys, base, right)]
    order = np.argsort(belongs, kind="stable")
    counts = np.bincount(belongs, minlength=len(starts))
    place = np.arange(len(keys)) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
    out_keys[place], out_rows[place] = keys[order], rows[order]
    starts += counts


def sort_pairs(keys: Keys, rows: NDArray[Any]) -> None:
    """Sort by key, in place; pairs of one key stay in their order."""
    order = np.argsort(keys, kind="stable")
    keys[:], rows[:] = keys[order], rows[order]


def pack(
    keys: Keys, rows: NDArray[Any], bits: int, row_bits: int, width: int, out: NDArray[np.uint8]
) -> None:
    """Write the records of some pairs into uint8[N, width]."""
    part = keys & np.uint64((1 << (64 - bits)) - 1)
    lowest = (part << np.uint64(row_bits)) | rows.astype(np.uint64)
    highest = part >> np.uint64(64 - row_bits)
    numbers = np.stack([lowest, highest], axis=1).astype("<u8", copy=False)
    out[:] = numbers.view(np.uint8).reshape(-1, 16)[:, :width]


def count_buckets(keys: Keys, bits: int, counts: Places) -> None:
    """Add sorted keys to the number of keys in each bucket."""
    if len(keys):
        bucket = (keys >> np.uint64(64 - bits)).astype(np.int64)
        counts[bucket[0] : bucket[-1] + 1] += np.bincount(bucket - bucket[0])


def _digits(keys: Keys, base: int, right: int) -> Places:
    return ((keys - np.uint64(base)) >> np.uint64(right)).astype(np.int64)
