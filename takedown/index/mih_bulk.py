"""Codes without an index against many queries: the queries are indexed, and the codes pass by once.

1. Cut the queries into bands of 16 bits, and put each under every value that it may have flipped into: the
   16 small tables of a group of queries stay in the processor's cache.
2. For each code and band, the queries under its value are candidates; the signature passes over most.
3. What remains is compared, and counts in the first band that finds it.

So each code is read once, in order, whether from memory or from a disk. Budgets, signatures and the answer
are those of the index (mih_layout.py). Where there are so few queries, or so large a radius, that comparing
each pair is cheaper, each pair is compared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.index import mih_bands, mih_plain, mih_search
from takedown.index.interface import Hits
from takedown.index.mih_bands import Asked, Stored
from takedown.index.mih_layout import SCAN_COST, Budget, Layout, allot, budget, patterns

meeting: Any
try:
    from takedown.index import mih_bulk_kernels as meeting
except ImportError:  # numba is an optional part
    meeting = None

#: Codes that pass by together: so many that fetching the tables of a band is paid for.
_BLOCK = 1 << 18

#: Entries of the tables of a group of queries, for each band.
_ENTRIES = 1 << 19

#: Nanoseconds, measured: cut a code, look up one of its bands, pass an entry by its signature.
_CUT_COST, _BAND_COST, _ENTRY_COST = 70.0, 2.0, 2.0

#: Entries are compared so many at a time.
_PADDING = 32


class Table(NamedTuple):
    """The entries of one band, ordered by value: where each value begins, and of each entry the signature,
    the most its bits may differ, and the query."""

    starts: NDArray[np.uint32]
    signatures: NDArray[np.uint16]
    limits: NDArray[np.uint8]
    queries: NDArray[np.uint32]


class Group(NamedTuple):
    """Some queries, uint8[Q, W], the number of the first of them, and their tables by band."""

    first: int
    queries: NDArray[np.uint8]
    asked: Asked
    tables: list[tuple[int, Table]]


def search(
    codes: NDArray[np.uint8] | Iterable[NDArray[np.uint8]], queries: NDArray[np.uint8], radius: int
) -> Hits:
    """Find every code within a radius of each query, without an index.

    Args:
        codes: uint8[N, W], or such arrays one after the other; may be mapped from files.
        queries: uint8[Q, W].
        radius: largest number of differing bits that still counts.

    Returns:
        All pairs, ordered by query, then row.
    """
    asked = mih_bands.contiguous(queries, queries.shape[1])
    blocks = _blocks([codes] if isinstance(codes, np.ndarray) else codes)
    if not len(asked) or radius < 0:
        return mih_search.ordered(np.empty((0, 3), dtype=np.int64))
    layout = _layout(asked.shape[1])
    if cost(1, asked.shape[1], len(asked), radius) >= SCAN_COST * len(asked):
        return mih_search.ordered(
            _in_order(blocks, lambda block: mih_search.compare_part(block, asked, 0, len(block), radius))
        )
    terms = budget(layout, radius)
    groups = list(_groups(asked, layout, terms))
    return mih_search.ordered(_in_order(blocks, lambda block: _meet(block, groups, layout, terms, radius)))


def cost(rows: int, width: int, queries: int, radius: int) -> float:
    """Expected nanoseconds, on one core."""
    layout = _layout(width)
    entries = sum(patterns(16, int(flips)) for flips in allot(layout, radius)) * queries
    rounds = -(-entries // layout.bands // _ENTRIES)
    each = rounds * (_CUT_COST + layout.bands * _BAND_COST) + entries / 2**16 * _ENTRY_COST
    return rows * min(each, SCAN_COST * queries)


def _layout(width: int) -> Layout:
    return Layout(width // 2, 16, 16)


def _groups(queries: NDArray[np.uint8], layout: Layout, terms: Budget) -> Iterator[Group]:
    step = max(_ENTRIES // int(terms.counts.max()), 1)
    for first in range(0, len(queries), step):
        part = queries[first : first + step]
        keys = mih_bands.cut(part, layout)
        signed = mih_bands.signatures(keys, layout)
        bands = np.flatnonzero(terms.counts).tolist()
        tables = [(band, _table(keys[band], signed[band], terms, band)) for band in bands]
        yield Group(first, part, mih_bands.asked(part, layout), tables)


def _table(keys: NDArray[Any], signed: NDArray[Any], terms: Budget, band: int) -> Table:
    """Put every query under each value that its own may have been flipped into."""
    masks, flipped = terms.masks[: terms.counts[band]], terms.flipped[: terms.counts[band]]
    values = (keys[:, None] ^ masks[None, :].astype(np.uint16)).reshape(-1)
    order = np.argsort(values, kind="stable")
    query, mask = np.divmod(order, len(masks))
    starts = np.concatenate([[0], np.cumsum(np.bincount(values, minlength=1 << 16))]).astype(np.uint32)
    limits = np.minimum(terms.within[band] - flipped.astype(np.int64), 16).astype(np.uint8)
    padded = np.concatenate([signed[query], np.zeros(_PADDING, signed.dtype)])
    return Table(starts, padded, limits[mask], query.astype(np.uint32))


def _meet(
    codes: NDArray[np.uint8], groups: list[Group], layout: Layout, terms: Budget, radius: int
) -> NDArray[np.int64]:
    """All hits among a block of codes."""
    keys = mih_bands.cut(codes, layout)
    nothing = np.empty(0, np.uint32)
    stored = Stored(codes.view(np.uint64).reshape(-1), nothing, nothing, nothing)
    found = []
    for group in groups:
        setting = mih_bands.terms(layout, len(group.queries), len(codes), codes.shape[1], radius)
        for band, table in group.tables:
            signed = mih_bands.signature(keys, layout, band)
            if mih_bands.kernels is not None:
                hits = meeting.meet(keys[band], signed, band, table, stored, group.asked, terms, setting)
            else:
                row, query = _met(keys[band], signed, table)
                hits = mih_plain.settle(stored, layout, terms, group.queries, band, query, row, radius)
            hits[:, 0] += group.first
            found.append(hits)
    return mih_search.gathered(found)


def _met(
    keys: NDArray[Any], signed: NDArray[Any], table: Table
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and queries of the entries whose signature is near enough: the kernel ``meet`` in NumPy."""
    start = table.starts[keys].astype(np.int64)
    length = table.starts[keys.astype(np.int64) + 1] - start
    row = np.repeat(np.arange(len(keys)), length)
    entry = np.arange(len(row)) - (np.cumsum(length) - length)[row] + start[row]
    near = np.bitwise_count(table.signatures[entry] ^ signed[row]) <= table.limits[entry]
    return row[near], table.queries[entry[near]].astype(np.int64)


def _blocks(arrays: Iterable[NDArray[np.uint8]]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Blocks of codes, each with the number of its first row."""
    row = 0
    for array in arrays:
        for start in range(0, len(array), _BLOCK):
            block = mih_bands.contiguous(array[start : start + _BLOCK], array.shape[1])
            yield row, block
            row += len(block)


def _in_order(blocks: Iterable[tuple[int, NDArray[np.uint8]]], call: Any) -> NDArray[np.int64]:
    """Hits of all blocks; only a few are under way at a time."""
    found, waiting = [], deque[tuple[int, Future[NDArray[np.int64]]]]()

    def take() -> None:
        first, future = waiting.popleft()
        hits = future.result()
        hits[:, 1] += first
        if len(hits):
            found.append(hits)

    with ThreadPoolExecutor(mih_search.cores()) as pool:
        for first, block in blocks:
            waiting.append((first, pool.submit(call, block)))
            if len(waiting) > 2 * mih_search.cores():
                take()
        while waiting:
            take()
    return mih_search.gathered(found)
