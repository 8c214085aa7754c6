"""The steps of exact.py, compiled: the functions of exact_plain.py with the same answers to the bit.

What makes a look-up fast is that memory is asked for many things at once, and that the processor has no
branch to guess. Queries go in blocks, and each step is done for the whole block:

1. ask for the queries' buckets, then read them;
2. ask for a few records around the place where a uniformly spread key would be; where the key is not among
   them, all records of the bucket to that side take their place;
3. halve these ranges without a branch, all of them once, then all once more, until none is left.

So keys that are not spread uniformly cost the logarithm of their bucket.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.jit import kernel, prefetch

Keys = NDArray[np.uint64]
Places = NDArray[np.int64]

#: Queries of a block: about as many as there can be requests to memory at once.
_BLOCK = 32

#: Records around the guess. In a bucket of n keys it is off by sqrt(n) / 2 at most, on average.
_WINDOW = 8

#: Values of a byte.
_RADIX = 256


@kernel
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
    """Where each wanted key's records begin and end, and what candidates would give, if there is room."""
    mask = (np.uint64(1) << np.uint64(64 - bits)) - np.uint64(1)
    row_mask = (np.uint64(1) << np.uint64(row_bits)) - np.uint64(1)
    fall = np.uint64(down)
    begin, stop = np.empty(_BLOCK, dtype=np.int64), np.empty(_BLOCK, dtype=np.int64)
    ends = np.empty(_BLOCK, dtype=np.int64)
    found = np.int64(0)
    for start in range(0, len(wanted), _BLOCK):
        size = min(_BLOCK, len(wanted) - start)
        block = wanted[start : start + size]
        _enter(block, buckets, top, bits, begin, stop, ends)
        most = _close_in(block, top, mask, fall, begin, stop, ends)
        while most > 0:
            _halve(block, top, mask, fall, begin, stop)
            most >>= 1
        for number in range(size):
            place, end, part = begin[number], ends[number], block[number] & mask
            within = min(place, len(top) - 1)
            equal = np.int64(top[within] >> fall == part) & np.int64(place < end)
            past = place + equal
            if equal and past < end and top[past] >> fall == part:
                past = _past(top, fall, part, past, end)
            if len(first):
                first[start + number], last[start + number] = place, past
            if found < len(query):  # written always, kept when found: no branch to guess
                query[found], row[found] = start + number, np.int64(low[within] & row_mask)
            for other in range(place + 1, past):
                found += 1
                if found < len(query):
                    query[found], row[found] = start + number, np.int64(low[other] & row_mask)
            found += equal
    return int(found)


@kernel
def _enter(
    block: Keys, buckets: NDArray[Any], top: Keys, bits: int, begin: Places, stop: Places, ends: Places
) -> None:
    """Step 1: where the bucket of each query begins and ends, and the window around where it should be."""
    shift = np.uint64(64 - bits)
    mask = (np.uint64(1) << shift) - np.uint64(1)
    scale = 1.0 / np.float64(np.uint64(1) << shift)
    for key in block:
        prefetch(buckets, np.int64(key >> shift))
    for number in range(len(block)):
        bucket = np.int64(block[number] >> shift)
        # A damaged table must not lead outside the array.
        end = np.int64(min(np.uint64(buckets[bucket + 1]), np.uint64(len(top))))
        edge = min(np.int64(min(np.uint64(buckets[bucket]), np.uint64(len(top)))), end)
        guess = edge + np.int64(np.float64(block[number] & mask) * scale * np.float64(end - edge))
        begin[number] = edge
        stop[number] = max(guess - _WINDOW // 2, edge)
        ends[number] = end
        prefetch(top, max(stop[number] - 1, 0))
        prefetch(top, min(stop[number] + _WINDOW, len(top) - 1))


@kernel
def _close_in(
    block: Keys, top: Keys, mask: np.uint64, fall: np.uint64, begin: Places, stop: Places, ends: Places
) -> int:
    """Step 2: the window, or what lies to one side of it. Returns the most records that remain."""
    most = 0
    for number in range(len(block)):
        low, high, part = stop[number], ends[number], block[number] & mask
        upper = min(low + _WINDOW, high)
        if low > begin[number] and top[low - 1] >> fall >= part:
            upper = low - 1
        elif upper < high and top[upper] >> fall < part:
            begin[number], upper = upper + 1, high
        else:
            begin[number] = low
        stop[number] = upper
        most = max(most, upper - begin[number])
    return most


@kernel
def _halve(block: Keys, top: Keys, mask: np.uint64, fall: np.uint64, begin: Places, stop: Places) -> None:
    """Step 3, once: halve each range in which the first place whose key is not below the wanted one lies."""
    for number in range(len(block)):
        low, size = begin[number], stop[number] - begin[number]
        half = size >> 1
        middle = min(low + half, len(top) - 1)  # where nothing is left this may be the end
        some = np.int64(size > 0)
        below = np.int64(top[middle] >> fall < (block[number] & mask)) & some
        begin[number] = low + below * (half + 1)
        stop[number] -= (some - below) * (size - half)


@kernel
def _past(top: Keys, fall: np.uint64, part: np.uint64, low: int, high: int) -> int:
    """First place in [low, high) whose key is above ``part``, in doubling steps, then by halving."""
    step = 1
    while low + step <= high and top[low + step - 1] >> fall <= part:
        low += step
        step *= 2
    high = min(high, low + step - 1)
    while low < high:
        middle = (low + high) >> 1
        if top[middle] >> fall <= part:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def candidates(first: Places, last: Places, low: Keys, row_bits: int, query: Places, row: Places) -> None:
    """Spread ranges of records into pairs of a query's number and a row."""
    mask = (np.uint64(1) << np.uint64(row_bits)) - np.uint64(1)
    at = 0
    for number in range(len(first)):
        for place in range(first[number], last[number]):
            query[at] = number
            row[at] = np.int64(low[place] & mask)
            at += 1


@kernel
def histogram(keys: Keys, base: int, right: int, counts: Places) -> None:
    """Count the values of a digit."""
    lowest, down = np.uint64(base), np.uint64(right)
    for key in keys:
        counts[np.int64((key - lowest) >> down)] += 1


@kernel
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
    """Deal pairs out to groups, keeping their order within a group."""
    lowest, down = np.uint64(base), np.uint64(right)
    for number in range(len(keys)):
        key = keys[number]
        belongs = group[np.int64((key - lowest) >> down)]
        place = starts[belongs]
        starts[belongs] = place + 1
        out_keys[place] = key
        out_rows[place] = rows[number]


@kernel
def sort_pairs(keys: Keys, rows: NDArray[Any]) -> None:
    """Sort by key, in place: one pass for each byte in which keys differ, the lowest first."""
    count = len(keys)
    differ = np.uint64(0)
    for number in range(count):
        differ |= keys[number] ^ keys[0]
    other_keys, other_rows = np.empty_like(keys), np.empty_like(rows)
    source_keys, source_rows, swapped = keys, rows, False
    for byte in range(8):
        down = np.uint64(8 * byte)
        if (differ >> down) & np.uint64(_RADIX - 1):
            starts = np.zeros(_RADIX + 1, dtype=np.int64)
            for number in range(count):
                starts[np.int64((source_keys[number] >> down) & np.uint64(_RADIX - 1)) + 1] += 1
            for value in range(_RADIX):
                starts[value + 1] += starts[value]
            for number in range(count):
                key = source_keys[number]
                digit = np.int64((key >> down) & np.uint64(_RADIX - 1))
                place = starts[digit]
                starts[digit] = place + 1
                other_keys[place] = key
                other_rows[place] = source_rows[number]
            source_keys, other_keys = other_keys, source_keys
            source_rows, other_rows = other_rows, source_rows
            swapped = not swapped
    if swapped:
        other_keys[:] = source_keys
        other_rows[:] = source_rows


@kernel
def pack(
    keys: Keys, rows: NDArray[Any], bits: int, row_bits: int, width: int, out: NDArray[np.uint8]
) -> None:
    """Write the records of some pairs into uint8[N, width]."""
    mask = (np.uint64(1) << np.uint64(64 - bits)) - np.uint64(1)
    up, down = np.uint64(row_bits), np.uint64(64 - row_bits)
    for number in range(len(keys)):
        part = keys[number] & mask
        lowest, highest = (part << up) | np.uint64(rows[number]), part >> down
        for byte in range(8):
            out[number, byte] = np.uint8(lowest >> np.uint64(8 * byte))
        for byte in range(8, width):
            out[number, byte] = np.uint8(highest >> np.uint64(8 * (byte - 8)))


@kernel
def count_buckets(keys: Keys, bits: int, counts: Places) -> None:
    """Add sorted keys to the number of keys in each bucket."""
    shift = np.uint64(64 - bits)
    for key in keys:
        counts[np.int64(key >> shift)] += 1
