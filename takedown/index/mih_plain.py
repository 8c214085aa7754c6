"""Probe and verify in plain NumPy: what runs without numba, and the readable form of the kernels.

For every band: flip the bits of the queries' values in all allowed ways, look the buckets up, keep the
candidates whose signature is near enough, count the bits of their codes that differ, and keep a hit only
in the first band that lets it through.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.index import mih_bands
from takedown.index.mih_layout import Budget, Layout

#: Candidates looked at together: bounds memory whatever a bucket holds.
_TOGETHER = 1 << 20


class Arrays(NamedTuple):
    """The files of an index: uint8[N, W]; flat by band: buckets, rows, signatures (empty where there are none)."""

    codes: NDArray[np.uint8]
    buckets: NDArray[Any]
    signatures: NDArray[Any]
    rows: NDArray[Any]


class Cost(NamedTuple):
    """What some look-ups did, summed up.

    Attributes:
        probes: buckets opened.
        candidates: rows found in them.
        looked_at: rows whose code was read.
        pages: 4 KiB pages of all files that were touched, each counted once for a probe or row.
    """

    probes: int
    candidates: int
    looked_at: int
    pages: int


def search(
    arrays: Arrays, layout: Layout, budget: Budget, queries: NDArray[np.uint8], radius: int
) -> NDArray[np.int64]:
    """Hits int64[H, 3] of query, row and distance, each once, in no order."""
    found = [np.empty((0, 3), dtype=np.int64)]
    for band, query, place in candidates(arrays, layout, budget, queries):
        row = arrays.rows[place].astype(np.int64)
        apart = arrays.codes[row] ^ queries[query]
        distance = np.bitwise_count(apart).sum(axis=1, dtype=np.int64)
        near = np.flatnonzero(distance <= radius)
        near = near[_first_band(apart[near], layout, budget) == band]
        found.append(np.stack([query[near], row[near], distance[near]], axis=1))
    return np.concatenate(found)


def candidates(
    arrays: Arrays, layout: Layout, budget: Budget, queries: NDArray[np.uint8]
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Band, query and place of what the signatures let through."""
    keys = mih_bands.cut(queries, layout)
    signed = mih_bands.signatures(keys, layout)
    for band in range(layout.bands):
        for query, flipped, start, count in _ranges(arrays, layout, budget, keys, band):
            before = np.cumsum(count) - count
            probe = np.repeat(np.arange(len(count)), count)
            place = np.arange(len(probe)) - before[probe] + start[probe]
            if layout.signature:
                apart = np.bitwise_count(arrays.signatures[place] ^ signed[band, query[probe]])
                near = np.flatnonzero(apart <= budget.within[band] - flipped[probe])
                probe, place = probe[near], place[near]
            yield band, query[probe], place


def count(arrays: Arrays, layout: Layout, budget: Budget, queries: NDArray[np.uint8]) -> Cost:
    """What look-ups cost: for figures, not for answers."""
    probes = met = pages = 0
    keys = mih_bands.cut(queries, layout)
    entry = layout.signature // 8 or arrays.rows.itemsize
    for band in range(layout.bands):
        for query, _, start, size in _ranges(arrays, layout, budget, keys, band):
            probes += len(query)
            met += int(size.sum())
            full = size > 0
            last = start + np.maximum(size, 1) - 1
            pages += len(query) + int((last * entry // 4096 - start * entry // 4096 + 1)[full].sum())
    looked_at = sum(len(place) for _, _, place in candidates(arrays, layout, budget, queries))
    pages += looked_at * (2 if layout.signature else 1)
    return Cost(probes, met, looked_at, pages)


def _ranges(
    arrays: Arrays, layout: Layout, budget: Budget, keys: NDArray[Any], band: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Query, flips, first place and length of some buckets; a bucket too long is handed out in parts."""
    masks = budget.masks[: budget.counts[band]]
    base, rows = band * ((1 << layout.bits) + 1), band * len(arrays.codes)
    for query, key in enumerate(keys[band]):
        slot = base + (key ^ masks).astype(np.int64)
        start = arrays.buckets[slot].astype(np.int64)
        size = arrays.buckets[slot + 1].astype(np.int64) - start
        flips = budget.flipped[: len(masks)].astype(np.int64)
        for part in range(0, max(int(size.max(initial=0)), 1), _TOGETHER):
            length = np.clip(size - part, 0, _TOGETHER)
            for group in _groups(length):
                yield np.full(len(group), query), flips[group], start[group] + rows + part, length[group]


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
    return through.argmax(axis=0)
