"""Probe and verify in plain NumPy: what runs without numba, and the readable form of the kernels.

For every band: flip the bits of the queries' values in all allowed ways, look the buckets up, keep the
candidates whose signature is near enough, count the bits of their codes that differ, and keep a hit only
in the first band that lets it through.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.index import mih_bands
from takedown.index.mih_bands import Stored
from takedown.index.mih_layout import Budget, Layout

#: Candidates looked at together: bounds memory whatever a bucket holds.
_TOGETHER = 1 << 20

_PAGE = 4096


class Cost(NamedTuple):
    """What some look-ups did, summed up.

    Attributes:
        probes: buckets opened.
        candidates: rows found in them.
        looked_at: rows whose code was read.
        bytes: read of bounds, signatures, row numbers and codes.
        pages: the same in 4 KiB pages, each counted once for every bucket or row that lies in it.
    """

    probes: int
    candidates: int
    looked_at: int
    bytes: int
    pages: int


class Ranges(NamedTuple):
    """Some opened buckets of one band: whose, bits flipped, place of the first row in ``rows``, length."""

    query: NDArray[np.int64]
    flipped: NDArray[np.int64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]


def search(
    stored: Stored, layout: Layout, budget: Budget, queries: NDArray[np.uint8], radius: int
) -> NDArray[np.int64]:
    """Hits int64[H, 3] of query, row and distance, each once, in no order."""
    found = [np.empty((0, 3), dtype=np.int64)]
    for band, query, place in _candidates(stored, layout, budget, queries):
        found.append(settle(stored, layout, budget, queries, band, query, stored.rows[place], radius))
    return np.concatenate(found)


def settle(
    stored: Stored,
    layout: Layout,
    budget: Budget,
    queries: NDArray[np.uint8],
    band: int,
    query: NDArray[np.int64],
    rows: NDArray[np.integer],
    radius: int,
) -> NDArray[np.int64]:
    """The pairs within the radius that this band is the first to find."""
    codes, row = stored.codes.reshape(-1, queries.shape[1] // 8), rows.astype(np.int64)
    apart = codes[row] ^ queries.view(np.uint64)[query]
    distance = np.bitwise_count(apart).sum(axis=1, dtype=np.int64)
    near = np.flatnonzero(distance <= radius)
    near = near[_first_band(apart[near].view(np.uint8), layout, budget) == band]
    return np.stack([query[near], row[near], distance[near]], axis=1)


def count(stored: Stored, layout: Layout, budget: Budget, queries: NDArray[np.uint8]) -> Cost:
    """What look-ups cost: for figures, not for answers."""
    number, entry = stored.rows.itemsize, layout.signature // 8
    keys, width = mih_bands.cut(queries, layout), queries.shape[1]
    probes = met = pages = 0
    for band in range(layout.bands):
        for found in _ranges(stored, layout, budget, keys, band):
            probes += len(found.query)
            met += int(found.length.sum())
            first, last = found.start, found.start + found.length - 1
            touched = (last * (entry or number) // _PAGE) - (first * (entry or number) // _PAGE) + 1
            pages += len(found.query) + int(touched[found.length > 0].sum())
    looked_at = sum(len(place) for _, _, place in _candidates(stored, layout, budget, queries))
    read = probes * 2 * number + met * entry + looked_at * (number + width)
    return Cost(probes, met, looked_at, read, pages + looked_at * (2 if entry else 1))


def _candidates(
    stored: Stored, layout: Layout, budget: Budget, queries: NDArray[np.uint8]
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Band, query and place of what the signatures let through."""
    keys = mih_bands.cut(queries, layout)
    signed = mih_bands.signatures(keys, layout)
    for band in range(layout.bands):
        for found in _ranges(stored, layout, budget, keys, band):
            before = np.cumsum(found.length) - found.length
            probe = np.repeat(np.arange(len(before)), found.length)
            place = np.arange(len(probe)) - before[probe] + found.start[probe]
            if layout.signature:
                apart = np.bitwise_count(stored.signatures[place] ^ signed[band, found.query[probe]])
                near = np.flatnonzero(apart <= budget.within[band] - found.flipped[probe])
                probe, place = probe[near], place[near]
            yield band, found.query[probe], place


def _ranges(
    stored: Stored, layout: Layout, budget: Budget, keys: NDArray[np.unsignedinteger], band: int
) -> Iterator[Ranges]:
    """The buckets of all queries in one band; one that is too long is handed out in parts."""
    masks = budget.masks[: budget.counts[band]]
    flipped = budget.flipped[: len(masks)].astype(np.int64)
    base, rows = band * ((1 << layout.bits) + 1), band * (len(stored.rows) // layout.bands)
    for query, key in enumerate(keys[band]):
        slot = base + (key ^ masks).astype(np.int64)
        start = stored.buckets[slot].astype(np.int64)
        size = stored.buckets[slot + 1].astype(np.int64) - start
        for part in range(0, max(int(size.max(initial=0)), 1), _TOGETHER):
            length = np.clip(size - part, 0, _TOGETHER)
            for group in _groups(length):
                whose = np.full(len(group), query)
                yield Ranges(whose, flipped[group], start[group] + rows + part, length[group])


def _groups(length: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """Cut ranges into groups that hold about ``_TOGETHER`` places each."""
    group = np.cumsum(length) // _TOGETHER
    return np.split(np.arange(len(length)), np.flatnonzero(np.diff(group)) + 1) if len(length) else []


def _first_band(apart: NDArray[np.uint8], layout: Layout, budget: Budget) -> NDArray[np.intp]:
    """The first band that lets a pair through, from the XOR of its codes."""
    keys = mih_bands.cut(apart, layout)
    inside = np.bitwise_count(keys).astype(np.int64)
    through = inside <= budget.flips[:, None]
    if layout.signature:
        beside = np.bitwise_count(mih_bands.signatures(keys, layout))
        through &= inside + beside <= budget.within[:, None]
    first: NDArray[np.intp] = through.argmax(axis=0)
    return first
