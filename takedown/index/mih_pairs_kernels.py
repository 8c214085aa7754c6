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
    count = keep(row, query, through, count, stored.codes, asked.codes, terms.words, terms.radius)
    apart = np.empty(len(terms.positions), np.int64)
    for step in range(count):
        row_word, query_word = row[step] * terms.words, query[step] * terms.words
        if not found_before(
            stored.codes, row_word, asked.codes, query_word, through[step], budget, terms, apart
        ):
            distance = gap(stored.codes, row_word, asked.codes, query_word, terms.words, terms.radius)
            hits = room(hits, found)
            hits[found, 0], hits[found, 1], hits[found, 2] = query[step], row[step], distance
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
) -> int:
    """Move the pairs within the radius to the front; returns how many there are."""
    kept = 0
    for step in range(count):
        if gap(codes, row[step] * words, queries, query[step] * words, words, radius) <= radius:
            row[kept], query[kept], through[kept] = row[step], query[step], through[step]
            kept += 1
    return kept


@kernel
def gap(codes: Words, at: int, queries: Words, other: int, words: int, radius: int) -> int:
    """Bits that differ, or some number above the radius as soon as it is sure to be above."""
    distance = 0
    for word in range(words):
        distance += int(popcount(codes[at + word] ^ queries[other + word]))
        if word == 1 and distance > radius:
            break
    return distance


@kernel
def found_before(
    codes: Words, at: int, queries: Words, other: int, band: int, budget: Budget, terms: Terms, apart: Places
) -> bool:
    """Whether a band before ``band`` lets this pair through as well."""
    ring, count = terms.bands * terms.bits, 0
    for word in range(terms.words):
        rest = codes[at + word] ^ queries[other + word]
        while rest:
            position = terms.positions[word * 64 + np.int64(trailing_zeros(rest))]
            if position < ring:
                apart[count] = position
                count += 1
            rest &= rest - np.uint64(1)
    for number in range(band):
        inside, beside = 0, 0
        for step in range(count):
            offset = (apart[step] - number * terms.bits + ring) % ring
            inside += offset < terms.bits
            beside += terms.bits <= offset < terms.bits + terms.signature
        if inside <= budget.flips[number] and (
            not terms.signature or inside + beside <= budget.within[number]
        ):
            return True
    return False


@kernel
def compare_all(codes: Words, queries: Words, words: int, first: int, last: int, radius: int) -> Hits:
    """Compare rows [first, last) with every query: int64[H, 3] of query, row, distance."""
    hits, found = np.empty((64, 3), np.int64), 0
    near = np.empty(_BLOCK, np.int64)
    for start in range(first, last, _BLOCK):
        stop = min(start + _BLOCK, last)
        for query in range(len(queries) // words):
            count = within(codes, queries, words, start, stop, query, radius, near)
            for step in range(count):
                hits = room(hits, found)
                distance = gap(codes, near[step] * words, queries, query * words, words, radius)
                hits[found, 0], hits[found, 1], hits[found, 2] = query, near[step], distance
                found += 1
    return hits[:found]


@kernel
def within(
    codes: Words, queries: Words, words: int, start: int, stop: int, query: int, radius: int, near: Places
) -> int:
    """Write down which rows of a block are within the radius of one query; returns how many."""
    count = 0
    for row in range(start, stop):
        near[count] = row
        count += gap(codes, row * words, queries, query * words, words, radius) <= radius
    return count


@kernel
def room(hits: Hits, found: int) -> Hits:
    """The hits, or a copy with twice the room when they are full."""
    if found < len(hits):
        return hits
    more = np.empty((2 * found, 3), np.int64)
    more[:found] = hits
    return more
