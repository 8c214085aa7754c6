"""Sorts keys of any number into an exact index, in bounded memory.

1. Count how many keys have each value of a digit: up to 12 bits of the key, first the leading ones.
2. Neighbouring values form groups of about equal size. Deal the pairs of key and row out to them in memory,
   in their order, and sort each group by itself, small enough for the processor's cache.
3. Where the pairs do not fit in memory, the groups are as large as memory allows and are dealt out to a file;
   each is then read back and treated from step 1 on, with a digit from the bits that its keys do not share.
   Keys that are all equal need no sorting, so whatever the keys, this comes to an end.

Every step keeps the order of pairs with equal keys, so rows come out ascending, and the bytes written depend
on keys and rows alone, not on memory, threads, or whether numba is there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from takedown.index import exact_steps, files
from takedown.index.exact_layout import Layout, bucket_type, layout_for
from takedown.index.exact_pairs import GivenPairs, Pairs, Spill

#: Bits of the digit that groups are made by.
_DIGIT_BITS = 12
#: Pairs of a group that is sorted in memory: with its copy about as large as a second-level cache.
_GROUP = 64_000
#: Pairs that are read at a time.
_PIECE = 1 << 15
#: Groups that are sorted or wait to be written.
_AHEAD = 2 * exact_steps.THREADS
#: Bytes that a group needs beside the dealt pairs: a copy to sort with and its records.
_PER_PAIR_IN_WORK = 32

_ALL = (0, (1 << 64) - 1)

T = TypeVar("T")
R = TypeVar("R")


class Digit:
    """Which bits of the keys decide: ``(key - base) >> right`` for keys between low and high, inclusive."""

    def __init__(self, low: int, high: int) -> None:
        self.base = low
        self.right = max((high - low).bit_length() - _DIGIT_BITS, 0)
        self.size = ((high - low) >> self.right) + 1

    def range(self, first: int, last: int) -> tuple[int, int]:
        """The lowest and the highest key whose digit is between first and last, inclusive."""
        low = self.base + (first << self.right)
        return low, min(self.base + ((last + 1) << self.right) - 1, _ALL[1])


class Sorter:
    """Yields keys in order with their records, block by block.

    Args:
        layout: of the records.
        scratch: a folder for what does not fit in memory.
        memory: bytes that may be used.
    """

    def __init__(self, pool: ThreadPoolExecutor, layout: Layout, scratch: Path, memory: int) -> None:
        self._pool, self._layout, self._scratch, self._memory = pool, layout, scratch, memory

    def blocks(
        self, pairs: Pairs, within: tuple[int, int] = _ALL
    ) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint8]]]:
        """Sorted keys and their records, uint8[N, width].

        Args:
            pairs: keys with rows.
            within: no key is below the first or above the second of these.
        """
        if not len(pairs):
            return
        digit = Digit(*within)
        counts = self._count(pairs, digit)
        if counts.max() == len(pairs):  # as good as no digit: look at what the keys really are
            low, high = self._extremes(pairs)
            if low == high:
                yield from (self._packed(*pairs.read(piece)) for piece in _pieces(slice(0, len(pairs))))
                return
            digit = Digit(low, high)
            counts = self._count(pairs, digit)
        if self._fits(pairs, int(counts.max())):
            yield from self._sort(pairs, digit, _groups(counts, _GROUP))
        else:
            yield from self._spill(pairs, digit, counts)

    def _fits(self, pairs: Pairs, most: int) -> bool:
        """Whether pairs of which so many at most share a digit's value can be sorted in memory."""
        in_work = min(_AHEAD * max(most, _GROUP), len(pairs))
        needed = len(pairs) * pairs.width + in_work * _PER_PAIR_IN_WORK
        return needed <= self._memory or len(pairs) <= self._room(pairs)

    def _room(self, pairs: Pairs) -> int:
        """How many pairs can be sorted in memory whatever their keys."""
        return max(self._memory // (pairs.width + _PER_PAIR_IN_WORK), _GROUP)

    def _sort(
        self, pairs: Pairs, digit: Digit, group: NDArray[np.uint16]
    ) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint8]]]:
        """Step 2."""
        keys, rows, edges = self._deal(pairs, slice(0, len(pairs)), digit, group)
        yield from self._in_order(
            lambda ends: self._sorted(keys[slice(*ends)], rows[slice(*ends)]), pairwise(edges)
        )

    def _spill(
        self, pairs: Pairs, digit: Digit, counts: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint8]]]:
        """Step 3."""
        room = self._room(pairs)
        group = _groups(counts, room)
        sizes = np.bincount(group, weights=counts).astype(np.int64)
        firsts = np.searchsorted(group, np.arange(len(sizes)))
        lasts = np.append(firsts[1:], len(counts)) - 1
        with Spill(self._scratch, sizes, pairs.row_type) as spill:
            for start in range(0, len(pairs), room):
                chunk = slice(start, min(start + room, len(pairs)))
                spill.write(*self._deal(pairs, chunk, digit, group))
            for number, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
                yield from self.blocks(spill.group(number), digit.range(first, last))

    def _deal(
        self, pairs: Pairs, chunk: slice, digit: Digit, group: NDArray[np.uint16]
    ) -> tuple[NDArray[np.uint64], NDArray[Any], list[int]]:
        """Keys and rows of a chunk, by group, and where each group begins, with the end."""
        size = chunk.stop - chunk.start
        groups = int(group[-1]) + 1
        shares = [slice(chunk.start + s.start, chunk.start + s.stop) for s in _shares(size)]
        counted = list(self._pool.map(lambda share: _counted(pairs, share, digit), shares))
        # Within a group, what the first thread deals comes before what the second does.
        sizes = np.array([np.bincount(group, weights=counts, minlength=groups) for counts in counted])
        ends = np.cumsum(sizes.astype(np.int64).T.ravel()).reshape(groups, len(shares))
        starts = np.ascontiguousarray((ends - sizes.astype(np.int64).T).T)
        keys, rows = np.empty(size, dtype=np.uint64), np.empty(size, dtype=pairs.row_type)

        def deal(share: slice, places: NDArray[np.int64]) -> None:
            for piece in _pieces(share):
                exact_steps.steps.scatter(
                    *pairs.read(piece), np.uint64(digit.base), digit.right, group, places, keys, rows
                )

        list(self._pool.map(deal, shares, starts.copy()))
        return keys, rows, [*starts[0].tolist(), size]

    def _count(self, pairs: Pairs, digit: Digit) -> NDArray[np.int64]:
        counted = self._pool.map(lambda share: _counted(pairs, share, digit), _shares(len(pairs)))
        total: NDArray[np.int64] = np.sum(list(counted), axis=0)
        return total

    def _extremes(self, pairs: Pairs) -> tuple[int, int]:
        """The lowest and the highest key."""
        pieces = (pairs.read_keys(piece) for piece in _pieces(slice(0, len(pairs))))
        found = [(int(keys.min()), int(keys.max())) for keys in pieces]
        return min(low for low, _ in found), max(high for _, high in found)

    def _sorted(
        self, keys: NDArray[np.uint64], rows: NDArray[Any]
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        exact_steps.steps.sort_pairs(keys, rows)
        return self._packed(keys, rows)

    def _packed(
        self, keys: NDArray[np.uint64], rows: NDArray[Any]
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        width = self._layout.width
        records = np.empty((len(keys), width), dtype=np.uint8)
        exact_steps.steps.pack(keys, rows, self._layout.bits, self._layout.row_bits, width, records)
        return keys, records

    def _in_order(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Results in the order of the items, a few ahead of who takes them."""
        waiting: deque[Future[R]] = deque()
        for item in items:
            waiting.append(self._pool.submit(work, item))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def write(
    keys: NDArray[np.uint64], out: Path, rows: NDArray[Any] | None, memory: int, structure: str, version: int
) -> None:
    """What exact.build does."""
    pairs = GivenPairs(keys, rows)
    layout = layout_for(len(pairs), pairs.highest_row)
    places = np.zeros((1 << layout.bits) + 1, dtype=np.int64)
    out.mkdir(parents=True)
    with (
        ThreadPoolExecutor(exact_steps.THREADS) as pool,
        files.Spool(out / "records", "|u1", layout.width) as records,
    ):
        for block, packed in Sorter(pool, layout, out, memory).blocks(pairs):
            exact_steps.steps.count_buckets(block, layout.bits, places[1:])
            records.append(packed)
    files.write_array(out / "buckets", np.cumsum(places, out=places), bucket_type(len(pairs)))
    files.write_header(out, structure, version, count=len(pairs), bits=layout.bits, row_bits=layout.row_bits)


def _counted(pairs: Pairs, share: slice, digit: Digit) -> NDArray[np.int64]:
    counts = np.zeros(digit.size, dtype=np.int64)
    for piece in _pieces(share):
        exact_steps.steps.histogram(pairs.read_keys(piece), np.uint64(digit.base), digit.right, counts)
    return counts


def _groups(counts: NDArray[np.int64], size: int) -> NDArray[np.uint16]:
    """The group of each value of a digit: at most ``size`` keys, or one value that more keys have."""
    groups, number, filled = [], 0, 0
    for count in counts.tolist():
        if filled and filled + count > size:
            number, filled = number + 1, 0
        filled += count
        groups.append(number)
    return np.array(groups, dtype=np.uint16)


def _shares(count: int) -> list[slice]:
    return exact_steps.parts(count, exact_steps.THREADS)


def _pieces(share: slice) -> Iterator[slice]:
    for start in range(share.start, share.stop, _PIECE):
        yield slice(start, min(start + _PIECE, share.stop))
