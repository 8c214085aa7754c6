"""Writes a multi-index hash in bounded memory, with the same bytes for the same codes.

1. Copy the codes, a block at a time, and cut each into the values of its bands.
2. For each band count its keys: that gives the table of buckets.
3. Put the row numbers, and the signatures beside them, where the table says: a counting sort, rows ascending
   within a bucket. A band that does not fit is done in pieces, each a range of buckets.

Two bands are sorted at a time while the finished one is written. The values of all bands are kept in memory
when they take less than half of what may be used, else in a temporary file in the folder.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.index import files, mih_bands
from takedown.index.mih_layout import ORDER, Layout, row_type

STRUCTURE = "mih"
VERSION = 1

#: Codes cut at a time, by each thread.
_BLOCK = 1 << 18

#: Bands sorted at a time.
_THREADS = 2

#: Signatures are compared so many at a time, so that many more may be read behind the last.
PADDING = 32


class Piece(NamedTuple):
    """Some buckets of one band, sorted: rows, their signatures, and with the first piece the band's table."""

    table: NDArray[Any] | None
    rows: NDArray[Any]
    signatures: NDArray[Any]


def write(codes: NDArray[np.uint8], out: Path, layout: Layout, memory_bytes: int) -> None:
    """Write the folder ``out``, which must not exist."""
    out.mkdir(parents=True)
    count, width = codes.shape
    with ExitStack() as stack:
        keys = _keys(codes, out, layout, memory_bytes, stack)
        largest = _write_bands(keys, out, layout, memory_bytes) if layout.bands else 0
    (out / "keys.tmp").unlink(missing_ok=True)
    facts = {"count": count, "width": width, "order": ORDER, "largest": largest, **layout._asdict()}
    files.write_header(out, STRUCTURE, VERSION, **facts)


def _keys(
    codes: NDArray[np.uint8], out: Path, layout: Layout, memory_bytes: int, stack: ExitStack
) -> NDArray[Any]:
    """Write the codes; returns the values of their bands, [bands, N]."""
    kind, shape = mih_bands.key_type(layout), (layout.bands, len(codes))
    keys: NDArray[Any]
    if shape[0] * shape[1] * kind.itemsize <= memory_bytes // 2:
        keys = np.empty(shape, dtype=kind)
    else:
        keys = np.memmap(out / "keys.tmp", dtype=kind, mode="w+", shape=shape)
    spool = stack.enter_context(files.Spool(out / "codes", "<u1", codes.shape[1]))

    def cut(start: int) -> NDArray[np.uint8]:
        block = mih_bands.contiguous(codes[start : start + _BLOCK], codes.shape[1])
        if layout.bands:
            keys[:, start : start + _BLOCK] = mih_bands.cut(block, layout)
        return block

    with ThreadPoolExecutor(_THREADS) as pool:
        for block in _in_order(pool, cut, range(0, len(codes), _BLOCK)):
            spool.append(block)
    return keys


def _write_bands(keys: NDArray[Any], out: Path, layout: Layout, memory_bytes: int) -> int:
    """Write all bands; returns how many rows the fullest bucket of all holds."""
    largest = 0
    number = row_type(keys.shape[1])
    signed = mih_bands.signature_type(layout)
    most = max(memory_bytes // 8 // (number.itemsize + signed.itemsize), 1)
    with (
        files.Spool(out / "buckets", number.str) as buckets,
        files.Spool(out / "rows", number.str) as rows,
        files.Spool(out / "signatures", signed.str) as beside,
        ThreadPoolExecutor(_THREADS) as pool,
    ):
        work = ((keys, layout, band, most) for band in range(layout.bands))
        for pieces in _in_order(pool, _sorted_band, work):
            for piece in pieces:
                if piece.table is not None:
                    buckets.append(piece.table)
                    largest = max(largest, int(np.diff(piece.table).max()))
                rows.append(piece.rows)
                beside.append(piece.signatures)
        if layout.signature:
            beside.append(np.zeros(PADDING, dtype=signed))
    return largest


def _sorted_band(work: tuple[NDArray[Any], Layout, int, int]) -> Iterator[Piece]:
    """Sort one band: at once if it is a single piece, else each piece when it is taken."""
    keys, layout, band, most = work
    counts = _counts(keys[band], layout)
    table = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    pieces = _pieces(keys, layout, band, table, most)
    return iter([next(pieces)]) if keys.shape[1] <= most else pieces


def _pieces(
    keys: NDArray[Any], layout: Layout, band: int, table: NDArray[np.int64], most: int
) -> Iterator[Piece]:
    first: NDArray[Any] | None = table.astype(row_type(keys.shape[1]))
    low, end = 0, 1 << layout.bits
    while low < end:
        high = int(np.searchsorted(table, table[low] + most, side="right")) - 1
        high = min(max(high, low + 1), end)
        if table[high] - table[low] > most:
            yield from _one_bucket(keys, layout, band, low, first)
            low, first = high, None
            continue
        rows, beside = _sorted_range(keys, layout, band, table[low : high + 1], low)
        yield Piece(first, rows, beside)
        low, first = high, None


def _one_bucket(
    keys: NDArray[Any], layout: Layout, band: int, bucket: int, first: NDArray[Any] | None
) -> Iterator[Piece]:
    """A bucket that does not fit into memory: its rows are in order already."""
    for start in range(0, keys.shape[1], 4 * _BLOCK):
        block = keys[:, start : start + 4 * _BLOCK]
        line = np.flatnonzero(block[band] == bucket)
        beside = mih_bands.signature(block[:, line], layout, band) if layout.signature else line[:0]
        yield Piece(first, (line + start).astype(row_type(keys.shape[1])), beside)
        first = None


def _sorted_range(
    keys: NDArray[Any], layout: Layout, band: int, table: NDArray[np.int64], low: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows and signatures of some buckets of a band, by bucket, then row."""
    total = int(table[-1] - table[0])
    rows = np.empty(total, dtype=row_type(keys.shape[1]))
    beside = np.empty(total if layout.signature else 0, dtype=mih_bands.signature_type(layout))
    places = table[:-1] - table[0]
    high = low + len(places)
    for start in range(0, keys.shape[1], 4 * _BLOCK):
        block = keys[:, start : start + 4 * _BLOCK]
        own, following = np.asarray(block[band]), beside[:0]
        if layout.signature:
            following = mih_bands.signature(block, layout, band)
        if mih_bands.kernels is not None:
            mih_bands.kernels.place(own, following, start, low, high, places, rows, beside)
        else:
            _place(own, following, start, low, high, places, rows, beside)
    return rows, beside


def _place(
    own: NDArray[Any],
    following: NDArray[Any],
    start: int,
    low: int,
    high: int,
    places: NDArray[np.int64],
    rows: NDArray[Any],
    beside: NDArray[Any],
) -> None:
    """The kernel ``place`` in NumPy: lines whose key is in [low, high) go where ``places`` says."""
    line = np.flatnonzero((own >= low) & (own < high))
    line = line[np.argsort(own[line], kind="stable")]
    bucket = own[line].astype(np.int64) - low
    value, first, count = np.unique(bucket, return_index=True, return_counts=True)
    to = places[bucket] + np.arange(len(bucket)) - np.repeat(first, count)
    rows[to] = line + start
    if len(beside):
        beside[to] = following[line]
    places[value] += count


def _counts(keys: NDArray[Any], layout: Layout) -> NDArray[np.int64]:
    counts = np.zeros(1 << layout.bits, dtype=np.int64)
    for start in range(0, len(keys), 4 * _BLOCK):
        block = np.asarray(keys[start : start + 4 * _BLOCK])
        if mih_bands.kernels is not None:
            mih_bands.kernels.histogram(block, counts)
        else:
            counts += np.bincount(block, minlength=1 << layout.bits)
    return counts


def _in_order(pool: ThreadPoolExecutor, call: Any, work: Any) -> Iterator[Any]:
    """Results in the order of the work, with only a few pieces of it under way or waiting."""
    waiting: deque[Future[Any]] = deque()
    for item in work:
        waiting.append(pool.submit(call, item))
        if len(waiting) > _THREADS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
