"""Near codes as they grow in number, from memory and from disk, and what that means for billions.

1. At each size: build, open, look-ups in one call and alone, what a look-up touches. A few queries are
   compared with every row (linear.py), and all of them with what was planted.
2. The same with the files out of the page cache and read page by page.
3. At one size: other layouts, comparing with every row, and passing all rows by the queries.
4. From the candidates a layout meets and the rates measured before: a look-up among 5.5 billion rows.
"""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench import codes
from bench.report import agree, at_most, folder_bytes, goals, once, race, table
from takedown.index import PDQ_RADIUS, mih, mih_bulk
from takedown.index.interface import Hits
from takedown.index.linear import Linear
from takedown.index.mih_layout import Layout, expected

#: Queries in one call, queries alone, of those cold, and rows that the oracle compares with.
MANY, ALONE, COLD, ORACLE_ROWS = 4_000, 1_000, 60, 1_000_000

#: Layouts measured beside the one that is chosen, at the size of OTHERS_ROWS.
OTHERS = (Layout(14, 18, 16), Layout(12, 21, 16), Layout(11, 23, 16), Layout(11, 23, 0), Layout(16, 16, 0))
OTHERS_ROWS = 10_000_000

#: Rows of LAION-5B after cleaning.
BILLIONS = 5_526_641_167

#: Bytes of a page, and what it takes to name a row there.
PAGE, ROW_BYTES = 4096, 8


class Grown(NamedTuple):
    """One size, seconds and bytes: what the tables are made of."""

    rows: int
    layout: Layout
    build: float
    bytes: int
    open: float
    many: float
    one: float
    slow: float
    candidates: float
    looked_at: float
    read: float
    first: float
    cold: float
    pages: float


def measure(folder: Path, sizes: Sequence[int]) -> None:
    """Print all tables; memory and disk for the largest size are taken as they are."""
    mih.build(np.zeros((50_000, 32), np.uint8), folder / "compile")  # or read what was compiled before
    grown = []
    passing = 0.0
    for rows in sizes:
        planted = codes.write(folder, rows, MANY)
        grown.append(_grown(folder, planted))
        if rows == OTHERS_ROWS or rows == max(sizes) < OTHERS_ROWS:
            passing = _layouts(folder, planted, grown[-1])
        (folder / f"codes-{rows}.npy").unlink()
    _print_grown(grown)
    _print_billions(grown[-1], passing)


def _grown(folder: Path, planted: codes.Planted) -> Grown:
    rows, out = len(planted.codes), folder / "grown"
    build = once(partial(mih.build, planted.codes, out)).median
    opened = once(partial(mih.open, out)).median
    index = mih.open(out)
    _check(planted, index)
    many, one, slow = _asked(planted, index)
    met = index.count(planted.queries[:50], PDQ_RADIUS)
    agree("bands are not used at this size", met is not None)
    assert met is not None  # noqa: S101 - said above
    layout = index.layout
    del index
    first, cold, pages = _cold(out, planted)
    kept = folder_bytes(out)
    shutil.rmtree(out)
    each = (met.candidates / 50, met.looked_at / 50, met.bytes / 50)
    return Grown(rows, layout, build, kept, opened, many, one, slow, *each, first, cold, pages)


def _check(planted: codes.Planted, index: mih.Mih) -> None:
    """All queries find what was planted and nothing else; a few, what the oracle finds."""
    hits = index.search(planted.queries, PDQ_RADIUS)
    agree("rows other than those planted were found", _pairs(hits) == planted.within(PDQ_RADIUS))
    asked = planted.queries[:8]
    wanted = Linear(np.ascontiguousarray(planted.codes[:ORACLE_ROWS])).search(asked, PDQ_RADIUS)
    found = index.search(asked, PDQ_RADIUS)
    agree("the oracle found other rows", _pairs(wanted) == {p for p in _pairs(found) if p[1] < ORACLE_ROWS})


def _asked(planted: codes.Planted, index: mih.Mih) -> tuple[float, float, float]:
    """Seconds a look-up: many in a call, one in a call, and the 95th percentile of those."""
    times = race({"": lambda: index.search(planted.queries, PDQ_RADIUS)}, seconds=6, most=9)
    alone = [_alone(planted, index, number) for _ in range(2) for number in range(ALONE)][ALONE:]
    return times[""].median / MANY, statistics.median(alone), statistics.quantiles(alone, n=20)[-1]


def _alone(planted: codes.Planted, index: mih.Mih, number: int) -> float:
    asked = planted.queries[number : number + 1]
    return once(partial(index.search, asked, PDQ_RADIUS)).median


def _cold(out: Path, planted: codes.Planted) -> tuple[float, float, float]:
    """Seconds of the first look-up and the median after the files left the page cache; pages read by each."""
    for file in out.iterdir():
        with file.open("rb") as held:
            os.fsync(held.fileno())
            os.posix_fadvise(held.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    index = mih.open(out, on_disk=True)
    before = _read()
    times = [_alone(planted, index, number) for number in range(COLD)]
    return times[0], statistics.median(times), (_read() - before) / COLD / PAGE


def _read() -> int:
    """Bytes this process had read from a disk."""
    return int(Path("/proc/self/io").read_text().partition("\nread_bytes:")[2].split()[0])


def _layouts(folder: Path, planted: codes.Planted, chosen: Grown) -> float:
    """Print other layouts and the two ways without bands; returns the seconds for a row that passes by."""
    rows, lines = len(planted.codes), [_line(chosen.layout, chosen.bytes, chosen.many, chosen.one, chosen)]
    for layout in OTHERS:
        out = folder / "layout"
        mih.build(planted.codes, out, layout=layout)
        index = mih.open(out)
        _check(planted, index)
        many, one, _ = _asked(planted, index)
        met = index.count(planted.queries[:20], PDQ_RADIUS)
        each = (met.candidates / 20, met.looked_at / 20) if met else (0, 0)
        lines.append((_name(layout), folder_bytes(out) / rows, 1 / many, one * 1e3, *each))
        del index
        shutil.rmtree(out)
    held = np.ascontiguousarray(planted.codes)
    for queries in (planted.queries, planted.queries[:8]):  # or read what was compiled before
        mih_bulk.search(held[:1000], queries, PDQ_RADIUS)
    passing = once(partial(mih_bulk.search, held, planted.queries, PDQ_RADIUS)).median
    lines.append((f"{MANY:,} queries indexed, rows pass by", 32.0, MANY / passing, "", "", ""))
    every = once(partial(mih_bulk.search, held, planted.queries[:8], PDQ_RADIUS)).median / 8
    lines.append(("every row compared", 32.0, 1 / every, every * 1e3, rows, rows))
    head = ("", "bytes/row", "look-ups/s, many a call", "ms, one a call", "candidates", "codes read")
    table(f"{rows:,} PDQ codes, radius {PDQ_RADIUS}: layouts, all with the same answers", head, lines)
    return passing / rows


def _line(layout: Layout, kept: int, many: float, one: float, met: Grown) -> tuple[object, ...]:
    return _name(layout), kept / met.rows, 1 / many, one * 1e3, met.candidates, met.looked_at


def _name(layout: Layout) -> str:
    beside = f"+ {layout.signature} bits" if layout.signature else "only"
    return f"{layout.bands} bands of {layout.bits} {beside}"


def _print_grown(grown: Sequence[Grown]) -> None:
    title = f"PDQ codes, radius {PDQ_RADIUS}, as they grow; recall 1, no false hit"
    head = ("rows", "layout", "build rows/s", "bytes/row", "open ms", "look-ups/s, many", "ms, one", "p95")
    lines = [(f"{g.rows:,}", *_built(g), 1 / g.many, g.one * 1e3, g.slow * 1e3) for g in grown]
    table(title, head, lines)
    head = ("rows", "candidates", "codes read", "KB read", "cold: first ms", "median ms", "pages read")
    lines = [
        (f"{g.rows:,}", g.candidates, g.looked_at, g.read / 1e3, g.first * 1e3, g.cold * 1e3, g.pages)
        for g in grown
    ]
    table("what a look-up touches, from memory and from disk", head, lines)


def _built(grown: Grown) -> tuple[object, ...]:
    rows = grown.rows
    return _name(grown.layout), rows / grown.build, grown.bytes / rows, grown.open * 1e3


def _print_billions(last: Grown, passing: float) -> None:
    """What follows for BILLIONS of rows at the pages a second that the last size was read with."""
    rate = last.pages / last.cold
    lines = [
        _billions(layout, rate) for layout in (Layout(11, 23, 32), Layout(16, 16, 32), Layout(11, 23, 0))
    ]
    seconds = BILLIONS * passing
    lines.append((f"no index: {MANY:,} queries, rows pass by", 32.0, "", "", "", f"{seconds / 60:.0f} min"))
    head = ("", "bytes/row", "candidates", "codes read", "pages read", "s a look-up")
    table(f"{BILLIONS:,} rows, extrapolated with {rate:,.0f} pages a second", head, lines)
    chosen = mih.plan(BILLIONS, 32)
    pages = _pages(chosen.layout)
    goals(
        at_most("bytes/row at 5.5 billion", chosen.bytes_per_row, 250),
        at_most("s a look-up at 100,000 pages/s", pages / 1e5, 0.2),
        at_most("bytes/row at 100 million", mih.plan(100_000_000, 32).bytes_per_row, 80),
        at_most("ms to open, the largest of these", last.open * 1e3, 1000),
    )


def _billions(layout: Layout, rate: float) -> tuple[object, ...]:
    met, kept = expected(layout, BILLIONS, PDQ_RADIUS), mih.plan(BILLIONS, 32, layout)
    pages = _pages(layout)
    return _name(layout), kept.bytes_per_row, met.candidates, met.looked_at, pages, pages / rate


def _pages(layout: Layout) -> float:
    """Pages read by a look-up among BILLIONS: bounds of buckets, what is passed over in them, rows, codes."""
    met = expected(layout, BILLIONS, PDQ_RADIUS)
    entry = layout.signature // 8 or ROW_BYTES
    return met.probes * 2 + met.candidates * entry / PAGE + met.looked_at * (2 if layout.signature else 1)


def _pairs(hits: Hits) -> set[tuple[int, int]]:
    return set(zip(hits.query.tolist(), hits.row.tolist(), strict=True))
