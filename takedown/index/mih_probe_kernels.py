"""A look-up by bands, compiled: mih_plain.py does the same in NumPy.

It works on a list of probes (bucket, query, how far the signature may be) in stages, so that the processor
waits for many places of memory at once instead of for one after the other:

1. read the bounds of some buckets, and ask for the signatures inside them;
2. compare 32 signatures at a time, and note the places of those that are near enough;
3. when enough is noted, ask for the row numbers, then for the codes, then count the bits that differ.

The inner functions take plain arrays: handing on a bundle of them costs more than what they do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.index.mih_bands import Asked, Stored, Terms
from takedown.index.mih_bits_kernels import LANES, near_lanes, trailing_zeros
from takedown.index.mih_layout import Budget
from takedown.index.mih_pairs_kernels import settle
from takedown.jit import kernel, prefetch

Places = NDArray[np.int64]
Hits = NDArray[np.int64]

#: Probes whose buckets are opened together; a power of two.
_TOGETHER = 64

#: Candidates noted before they are looked at.
_NOTED = 2048

#: Signatures of a bucket that are asked for ahead, and how many a cache line holds at least. The processor
#: sees by itself that the rest is wanted.
_AHEAD, _LINE = 128, 16


@kernel
def look_up(first: int, last: int, stored: Stored, asked: Asked, budget: Budget, terms: Terms) -> Hits:
    """Hits of queries [first, last), one query after the other: int64[H, 3] of query, row, distance."""
    total = budget.counts.sum()
    slot, owner = np.empty(total, np.int64), np.empty(total, np.int32)
    band, limit = np.empty(total, np.uint8), np.empty(total, np.uint8)
    stride = (1 << terms.bits) + 1
    hits, found = np.empty((64, 3), np.int64), 0
    for query in range(first, last):
        at = 0
        for number in range(terms.bands):
            key = np.uint32(asked.keys[number * terms.queries + query])
            for which in range(budget.counts[number]):
                slot[at] = number * stride + np.int64(key ^ budget.masks[which])
                owner[at], band[at] = query, number
                limit[at] = min(budget.within[number] - budget.flipped[which], 255)
                at += 1
        hits, found = sweep(slot, owner, band, limit, stored, asked, budget, terms, hits, found)
    return hits[:found]


@kernel
def look_up_sorted(
    first: int, last: int, number: int, stored: Stored, asked: Asked, budget: Budget, terms: Terms
) -> Hits:
    """Hits of queries [first, last) that one band finds first, its buckets opened in order."""
    total = budget.counts[number] * (last - first)
    slot, owner = np.empty(total, np.int64), np.empty(total, np.int32)
    band, limit = np.full(total, number, np.uint8), np.empty(total, np.uint8)
    stride, shift = (1 << terms.bits) + 1, np.uint32(max(terms.bits - 16, 0))
    keys = asked.keys[number * terms.queries + first : number * terms.queries + last]
    masks = budget.masks[: budget.counts[number]]
    places = starts(keys, masks, shift, 1 << min(terms.bits, 16))
    for line in range(len(keys)):
        for which in range(len(masks)):
            probe = np.uint32(keys[line]) ^ masks[which]
            at = places[np.int64(probe >> shift)]
            places[np.int64(probe >> shift)] = at + 1
            slot[at], owner[at] = number * stride + np.int64(probe), first + line
            limit[at] = min(budget.within[number] - budget.flipped[which], 255)
    hits, found = np.empty((64, 3), np.int64), 0
    hits, found = sweep(slot, owner, band, limit, stored, asked, budget, terms, hits, found)
    return hits[:found]


@kernel
def starts(keys: Places, masks: NDArray[np.uint32], shift: np.uint32, size: int) -> Places:
    """Where the probes of each value begin, when all are sorted by their value shifted right."""
    places = np.zeros(size + 1, np.int64)
    for line in range(len(keys)):
        for which in range(len(masks)):
            places[np.int64((np.uint32(keys[line]) ^ masks[which]) >> shift) + 1] += 1
    for value in range(1, len(places)):
        places[value] += places[value - 1]
    return places


@kernel
def sweep(
    slot: Places,
    owner: NDArray[np.int32],
    band: NDArray[np.uint8],
    limit: NDArray[np.uint8],
    stored: Stored,
    asked: Asked,
    budget: Budget,
    terms: Terms,
    hits: Hits,
    found: int,
) -> tuple[Hits, int]:
    """Stages 1 and 2 of all probes, and stage 3 whenever enough is noted; puts hits behind those found."""
    begin, stop = np.empty(_TOGETHER, np.int64), np.empty(_TOGETHER, np.int64)
    place, probe = np.empty(_NOTED + LANES, np.int64), np.empty(_NOTED + LANES, np.int64)
    query, through = np.empty(_NOTED + LANES, np.int64), np.empty(_NOTED + LANES, np.int64)
    buckets, signatures, rows, codes = stored.buckets, stored.signatures, stored.rows, stored.codes
    own, queries, lines, words, count = asked.signatures, terms.queries, terms.rows, terms.words, 0
    for start in range(0, len(slot), _TOGETHER):
        at, end = start, min(start + _TOGETHER, len(slot))
        enter(slot, band, start, end, buckets, signatures, lines, begin, stop)
        while at < end:
            at, count = note(
                at, end, begin, stop, owner, band, limit, signatures, own, queries, place, probe, count
            )
            if count >= _NOTED or (at == end == len(slot)):
                look(place, probe, count, owner, band, rows, codes, words, query, through)
                hits, found = settle(place, query, through, count, stored, asked, budget, terms, hits, found)
                count = 0
    return hits, found


@kernel
def enter(
    slot: Places,
    band: NDArray[np.uint8],
    start: int,
    end: int,
    buckets: NDArray[Any],
    signatures: NDArray[Any],
    rows: int,
    begin: Places,
    stop: Places,
) -> None:
    """Stage 1: where the rows of some probes begin and end."""
    signed = len(signatures) > 0
    for at in range(start, end):
        base, step = np.int64(band[at]) * rows, at & (_TOGETHER - 1)
        low, high = base + np.int64(buckets[slot[at]]), base + np.int64(buckets[slot[at] + 1])
        begin[step], stop[step] = low, high
        if signed:
            for line in range(low, min(high, low + _AHEAD), _LINE):
                prefetch(signatures, line)


@kernel
def note(
    at: int,
    end: int,
    begin: Places,
    stop: Places,
    owner: NDArray[np.int32],
    band: NDArray[np.uint8],
    limit: NDArray[np.uint8],
    signatures: NDArray[Any],
    own: NDArray[Any],
    queries: int,
    place: Places,
    probe: Places,
    count: int,
) -> tuple[int, int]:
    """Stage 2 until all is done or enough is noted: the probe to go on with, and how many are noted."""
    signed, near = len(signatures) > 0, np.uint64(0)
    value = most = signatures.dtype.type(0)
    while at < end:
        step = at & (_TOGETHER - 1)
        low, high = begin[step], stop[step]
        if signed:
            value = own[np.int64(band[at]) * queries + owner[at]]
            most = signatures.dtype.type(limit[at])
        while low < high:
            near = near_lanes(signatures, low, value, most) if signed else np.uint64((1 << LANES) - 1)
            if high - low < LANES:
                near &= (np.uint64(1) << np.uint64(high - low)) - np.uint64(1)
            while near:
                place[count], probe[count] = low + np.int64(trailing_zeros(near)), at
                count += 1
                near &= near - np.uint64(1)
            low += LANES
            if count >= _NOTED:
                begin[step] = low
                return at, count
        at += 1
    return at, count


@kernel
def look(
    place: Places,
    probe: Places,
    count: int,
    owner: NDArray[np.int32],
    band: NDArray[np.uint8],
    rows: NDArray[Any],
    codes: NDArray[np.uint64],
    words: int,
    query: Places,
    through: Places,
) -> None:
    """Turn noted places into row numbers, and ask for their codes; whose they are and through which band."""
    for step in range(count):
        prefetch(rows, place[step])
    for step in range(count):
        row = np.int64(rows[place[step]])
        prefetch(codes, row * words)
        place[step], query[step], through[step] = row, owner[probe[step]], band[probe[step]]


@kernel
def weigh(stored: Stored, asked: Asked, budget: Budget, terms: Terms, totals: Places) -> None:
    """How many candidates each query has in all its buckets."""
    stride = (1 << terms.bits) + 1
    for query in range(terms.queries):
        total = 0
        for number in range(terms.bands):
            key = np.uint32(asked.keys[number * terms.queries + query])
            for which in range(budget.counts[number]):
                slot = number * stride + np.int64(key ^ budget.masks[which])
                total += int(stored.buckets[slot + 1]) - int(stored.buckets[slot])
        totals[query] = total
