"""Near codes, lists, addresses and exact keys beside faiss, python-threatexchange, DuckDB and SQLite.

1. Near codes beside other indexes of near codes (contest.py), at 10 million.
2. A list of 1,000 codes against 5 million rows, with an index and without (band_join.py).
3. Addresses: an index of LAION-shaped Parquet, end to end (url_index.py), at 4 million.
4. Exact keys (exact_keys.py), at 10 and 100 million.
5. Near codes as they grow in number (near_codes.py).
6. Share of edited pictures that are found (edits.py).

Builds run once. Files were just written and lie in the page cache: these are warm figures unless a table says
otherwise. What is compiled at first use is compiled before it is timed. A part that may not end in time is
left out with a sentence. ``BENCH_SMALL=1`` runs all of it at a hundredth of the size, to see that it works.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench import band_join, contest, edits, exact_keys, near_codes, url_index
from bench.report import say

#: No part begins that is expected to end after so many seconds.
LIMIT = 20 * 60


class Sizes(NamedTuple):
    """Rows or codes in each part."""

    near: int
    listed: int
    urls: int
    exact: tuple[int, ...]
    grown: tuple[int, ...]


FULL = Sizes(
    near=10_000_000,
    listed=5_000_000,
    urls=4_000_000,
    exact=(10_000_000, 100_000_000),
    grown=(10**6, 10**7, 5 * 10**7),
)
SMALL = Sizes(near=100_000, listed=50_000, urls=40_000, exact=(100_000,), grown=(100_000,))


class Part(NamedTuple):
    """What it is called, the seconds it takes at full size on two cores, and the call that does it."""

    name: str
    seconds: float
    measure: Callable[[Path], None]


def run(folder: Path) -> None:
    small = bool(os.environ.get("BENCH_SMALL"))
    started = time.perf_counter()
    for part in _parts(SMALL if small else FULL):
        spent = time.perf_counter() - started
        if not small and spent + part.seconds > LIMIT:
            say(f"\n{part.name}: left out, because {spent / 60:.0f} of {LIMIT // 60} minutes are over.")
            continue
        with tempfile.TemporaryDirectory(dir=folder) as own:
            part.measure(Path(own))
        say(f"\n({part.name}: {time.perf_counter() - started - spent:.0f} s)")


def _parts(sizes: Sizes) -> list[Part]:
    return [
        Part("near codes beside others", 400, partial(contest.measure, rows=sizes.near)),
        Part("a list of codes", 30, partial(band_join.measure, rows=sizes.listed)),
        Part("addresses", 60, partial(url_index.measure, rows=sizes.urls)),
        *(
            Part(f"{size:,} exact keys", 30 + size / 10**6, partial(exact_keys.measure, size=size))
            for size in sizes.exact
        ),
        Part("near codes as they grow", 240, partial(near_codes.measure, sizes=sizes.grown)),
        Part("edited pictures", 90, edits.measure),
    ]
