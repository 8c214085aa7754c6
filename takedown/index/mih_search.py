"""Chooses how a search runs, cuts it among threads, and puts the hits in order.

* A few queries: one after the other, on the calling thread.
* Many: a band at a time, its buckets in order, so that the index is read front to back.
* Where a query's buckets hold a good part of all rows, or a radius asks for most buckets: compare with
  every row.
* An index that does not fit into memory: every band on a thread of its own, which waits for the disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.index import mih_bands, mih_plain
from takedown.index.interface import Hits
from takedown.index.linear import Linear
from takedown.index.mih_bands import Stored
from takedown.index.mih_layout import Budget, Layout

pairs: Any
probes: Any
try:
    from takedown.index import mih_pairs_kernels as pairs
    from takedown.index import mih_probe_kernels as probes
except ImportError:  # numba is an optional part
    pairs = probes = None

Found = NDArray[np.int64]
Job = Callable[[], Found]

#: Fewer queries than this are looked up on the calling thread.
FEW = 64

#: From here on a batch opens its buckets in order.
MANY = 1024

#: Probes of a batch that are in memory at a time, for each thread (14 bytes each).
_PROBES = 1 << 22

#: A query whose buckets hold more than this part of all rows, and more than is usual by so many times, is
#: compared with every row: at worst that takes twice as long, at best a twentieth.
_HEAVY_SHARE, _HEAVY_TIMES = 20, 4

#: Threads that wait for the disk at a time.
_WAITING = 16


def by_bands(
    stored: Stored,
    layout: Layout,
    budget: Budget,
    queries: NDArray[np.uint8],
    radius: int,
    *,
    largest: int = 0,
    on_disk: bool = False,
) -> Found:
    """Hits of contiguous queries uint8[Q, W], in no order. ``largest``: rows in the fullest bucket."""
    if mih_bands.kernels is None:
        return mih_plain.search(stored, layout, budget, queries, radius)
    count, rows = len(queries), len(stored.codes) // (queries.shape[1] // 8)
    terms = mih_bands.terms(layout, count, rows, queries.shape[1], radius)
    asked = mih_bands.asked(queries, layout)
    usual = int(budget.counts.sum()) * rows / 2**layout.bits
    much = int(max(rows // _HEAVY_SHARE, _HEAVY_TIMES * usual))
    if largest * int(budget.counts.sum()) > much:
        totals = np.empty(count, dtype=np.int64)
        probes.weigh(stored, asked, budget, terms, totals)
        if (totals > much).any():
            return _apart(stored, layout, budget, queries, radius, totals > much, on_disk=on_disk)
    common = (stored, asked, budget, terms)
    if count < FEW and not on_disk:
        found: Found = probes.look_up(0, count, *common)
        return found
    if count < MANY and not on_disk:
        return in_threads([_job(probes.look_up, *part, *common) for part in pairwise(_cuts(count))])
    step = max(_PROBES // int(budget.counts.max()), 1)
    parts = [(start, min(start + step, count)) for start in range(0, count, step)]
    bands = np.flatnonzero(budget.counts).tolist()
    jobs = [_job(probes.look_up_sorted, *part, band, *common) for part in parts for band in bands]
    return in_threads(jobs, _WAITING if on_disk else None)


def compare_all(codes: NDArray[np.uint8], queries: NDArray[np.uint8], radius: int) -> Found:
    """Hits by comparing every code with every query."""
    cuts = _cuts(len(codes)) if len(codes) * len(queries) > 1 << 18 else [0, len(codes)]
    return in_threads([_job(compare_part, codes, queries, *part, radius) for part in pairwise(cuts)])


def compare_part(
    codes: NDArray[np.uint8], queries: NDArray[np.uint8], first: int, last: int, radius: int
) -> Found:
    """Hits by comparing codes [first, last) with every query, on this thread."""
    if mih_bands.kernels is None:
        hits = np.stack(Linear(codes[first:last]).search(queries, radius), axis=1)
        hits[:, 1] += first
        return hits
    words = codes.shape[1] // 8
    rows, asked = codes.view(np.uint64).reshape(-1), queries.view(np.uint64).reshape(-1)
    found: Found = pairs.compare_all(rows, asked, words, first, last, radius)
    return found


def ordered(found: Found) -> Hits:
    """Hits by query, then row."""
    query, row, distance = np.ascontiguousarray(found.T)
    if len(found) > 1:
        order = np.lexsort((row, query))
        query, row, distance = query[order], row[order], distance[order]
    return Hits(query, row, distance)


def in_threads(jobs: Sequence[Job], threads: int | None = None) -> Found:
    """Hits of all jobs, in the order of the jobs."""
    threads = min(threads or cores(), len(jobs))
    if threads < 2:
        return gathered(job() for job in jobs)
    with ThreadPoolExecutor(threads) as pool:
        return gathered(pool.map(lambda job: job(), jobs))


def gathered(found: Iterable[Found]) -> Found:
    return np.concatenate([np.empty((0, 3), dtype=np.int64), *found])


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _apart(
    stored: Stored,
    layout: Layout,
    budget: Budget,
    queries: NDArray[np.uint8],
    radius: int,
    heavy: NDArray[np.bool_],
    *,
    on_disk: bool,
) -> Found:
    """The heavy queries by comparing with every row, the others by bands."""
    codes = stored.codes.view(np.uint8).reshape(-1, queries.shape[1])
    found = []
    for chosen in (np.flatnonzero(heavy), np.flatnonzero(~heavy)):
        part = mih_bands.contiguous(queries[chosen], queries.shape[1])
        if heavy[chosen].any():
            hits = compare_all(codes, part, radius)
        else:
            hits = by_bands(stored, layout, budget, part, radius, on_disk=on_disk)
        hits[:, 0] = chosen[hits[:, 0]]
        found.append(hits)
    return gathered(found)


def _cuts(count: int) -> list[int]:
    """Where to cut so many things into a part for each processor."""
    cuts: list[int] = np.linspace(0, count, cores() + 1).astype(int).tolist()
    return cuts


def _job(call: Callable[..., Found], *arguments: Any) -> Job:
    return lambda: call(*arguments)
