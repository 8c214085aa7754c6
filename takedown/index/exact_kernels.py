"""The steps of exact.py, compiled: the functions of exact_plain.py with the same answers to the bit.

What makes a look-up fast is that memory is asked for many things at once. Queries go in blocks: first all
their buckets are read, then for all of them the record at the place where a uniformly spread key would be,
and only then is each search finished, a few records to one side of that place. The steps double, so keys
that are not spread uniformly cost the logarithm of their bucket.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.jit import kernel

Keys = NDArray[np.uint64]
Places = NDArray[np.int64]

#: Queries of a block; the processor keeps about as many reads in flight.
_BLOCK = 32

#: Values of a byte.
_RADIX = 256


@kernel
def _past(top: Keys, down: np.uint64, part: np.uint64, low: int, high: int, equal: bool) -> int:
    """First place in [low, high) whose key is not below (``equal``: is above) ``part``, in doubling steps."""
    step = 1
    while low + step <= high:
        found = top[low + step - 1] >> down
        if found < part or (equal and found == part):
            low += step
            step *= 2
        else:
            high = low + step - 1
            break
    return _between(top, down, part, low, high, equal)


@kernel
def _between(top: Keys, down: np.uint64, part: np.uint64, low: int, high: int, equal: bool) -> int:
    """The same within [low, high), by halving."""
    while low < high:
        middle = (low + high) >> 1
        found = top[middle] >> down
        if found < part or (equal and found == part):
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _near(
    top: Keys, down: np.uint64, part: np.uint64, low: int, high: int, guess: int, found: np.uint64
) -> int:
    """First place in [low, high) whose key is not below ``part``, from a guess where ``found`` stands."""
    if found < part:
        return _past(top, down, part, guess + 1, high, False)
    step = 1
    while guess - step >= low:
        if top[guess - step] >> down < part:
            return _between(top, down, part, guess - step + 1, guess, False)
        guess -= step
        step *= 2
    return _between(top, down, part, low, guess, False)


@kernel
def bounds(
    wanted: Keys, buckets: NDArray[Any], top: Keys, bits: int, down: int, first: Places, last: Places
) -> None:
    """Where each wanted key's records begin and end."""
    shift, fall = np.uint64(64 - bits), np.uint64(down)
    mask = (np.uint64(1) << shift) - np.uint64(1)
    scale = 1.0 / np.float64(np.uint64(1) << shift)
    count = np.uint64(len(top))
    guess, found = np.empty(_BLOCK, dtype=np.int64), np.empty(_BLOCK, dtype=np.uint64)
    for start in range(0, len(wanted), _BLOCK):
        size = min(_BLOCK, len(wanted) - start)
        for number in range(start, start + size):
            bucket = np.int64(wanted[number] >> shift)
            # A damaged table must not lead outside the array.
            first[number] = min(np.uint64(buckets[bucket]), count)
            last[number] = min(np.uint64(buckets[bucket + 1]), count)
        for number in range(size):
            low, high = first[start + number], last[start + number]
            if low < high:
                ahead = np.float64(wanted[start + number] & mask) * scale * np.float64(high - low)
                guess[number] = min(low + np.int64(ahead), high - 1)
                found[number] = top[guess[number]] >> fall
        for number in range(size):
            low, high = first[start + number], last[start + number]
            if low < high:
                part = wanted[start + number] & mask
                low = _near(top, fall, part, low, high, guess[number], found[number])
                first[start + number] = low
                last[start + number] = _past(top, fall, part, low, high, True)
            else:
                last[start + number] = low


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
