"""Pairs of a row and a query, compared: the last stage of every search, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from takedown.index.mih_bands import Asked, Stored, Terms
from takedown.index.mih_bits_kernels import popcount, trailing_zeros
from takedown.index.mih_layout import Budget
from takedown.jit import kernel

Places = NDArray[np.int64]
Words = NDArray[np.uint64]
Hits = NDArray[np.int64]

#: Rows that stay in the cache while all queries are compared with them.
_BLOCK = 512


@kernel
def settle(
    row: Places,
    query: Places,
    through: Places,
    count: int,
    stored: Stored,
    asked: Asked,
    budget: Budget,
    terms: Terms,
    hits: Hits,
    found: int,
) -> tuple[Hits, int]:
    """Put the pairs within the radius behind the hits, each only where its band is the first that finds it.

    ``row``, ``query`` and ``through`` (the band) are overwritten.
    """
    codes, queries, words = stored.codes, asked.codes, terms.words
    positions, flips, most = terms.positions, budget.flips, budget.within
    shape = (terms.bands, terms.bits, terms.signature)
    apart, distance = np.empty(len(positions), np.int64), np.empty(count, np.int64)
    count = keep(row, query, through, count, codes, queries, words, terms.radius, distance)
    for step in range(count):
        differ = differing(codes, row[step] * words, queries, query[step] * words, words, positions, apart)
        if not found_before(apart, differ, through[step], shape, flips, most):
            hits = room(hits, found)
            hits[found, 0], hits[found, 1], hits[found, 2] = query[step], row[step], distance[step]
            found += 1
    return hits, found


@kernel
def keep(
    row: Places,
    query: Places,
    through: Places,
    count: int,
    codes: Words,
    queries: Words,
    words: int,
    radius: int,
    distance: Places,
) -> int:
    """Move the pairs within the radius to the front, and their distances; returns how many there are."""
    kept = 0
    for step in range(count):
        at, other, total = row[step] * words, query[step] * words, 0
        for word in range(words):
            total += int(popcount(codes[at + word] ^ queries[other + word]))
            if word == 1 and total > radius:  # most pairs are too far apart after half of the code
                break
        if total <= radius:
            row[kept], query[kept], through[kept], distance[kept] = (
                row[step],
                query[step],
                through[step],
                total,
            )
            kept += 1
    return kept


@kernel
def differing(
    codes: Words, at: int, queries: Words, other: int, words: int, positions: Places, apart: Places
) -> int:
    """Write down where in the order of bits two codes differ; returns in how many places."""
    count = 0
    for word in range(words):
        rest = codes[at + word] ^ queries[other + word]
        while rest:
            apart[count] = positions[word * 64 + np.int64(trailing_zeros(rest))]
            count += 1
            rest &= rest - np.uint64(1)
    return count


@kernel
def found_before(
    apart: Places, count: int, band: int, shape: tuple[int, int, int], flips: Places, most: Places
) -> bool:
    """Whether a band before ``band`` lets a pair through as well that differs in these places."""
    bands, bits, signature = shape
    ring = bands * bits
    for number in range(band):
        inside, beside = 0, 0
        for step in range(count):
            if apart[step] < ring:
                offset = (apart[step] - number * bits + ring) % ring
                inside += offset < bits
                beside += bits <= offset < bits + signature
        if inside <= flips[number] and (not signature or inside + beside <= most[number]):
            return True
    return False


@kernel
def compare_all(codes: Words, queries: Words, words: int, first: int, last: int, radius: int) -> Hits:
    """Compare rows [first, last) with every query: int64[H, 3] of query, row, distance."""
    hits, found = np.empty((64, 3), np.int64), 0
    near, distance = np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.int64)
    for start in range(first, last, _BLOCK):
        stop = min(start + _BLOCK, last)
        for query in range(len(queries) // words):
            count = within(codes, start, stop, queries, query, words, radius, near, distance)
            for step in range(count):
                hits = room(hits, found)
                hits[found, 0], hits[found, 1], hits[found, 2] = query, near[step], distance[step]
                found += 1
    return hits[:found]


@kernel
def within(
    codes: Words,
    start: int,
    stop: int,
    queries: Words,
    query: int,
    words: int,
    radius: int,
    near: Places,
    distance: Places,
) -> int:
    """Write down which of the rows are within the radius of one query, and how far; returns how many."""
    count = 0
    for row in range(start, stop):
        total = 0
        for word in range(words):
            total += int(popcount(codes[row * words + word] ^ queries[query * words + word]))
            if word == 1 and total > radius:
                break
        near[count], distance[count] = row, total
        count += total <= radius
    return count


@kernel
def room(hits: Hits, found: int) -> Hits:
    """The hits, or a copy with twice the room when they are full."""
    if found < len(hits):
        return hits
    more = np.empty((2 * found, 3), np.int64)
    for at in range(found):  # in one assignment it takes seconds longer to compile
        more[at, 0], more[at, 1], more[at, 2] = hits[at, 0], hits[at, 1], hits[at, 2]
    return more
