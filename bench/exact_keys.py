"""Exact keys: building and asking beside a sorted NumPy array and SQLite, all of them answering alike.

1. Build: keys in random order, to files that are synced. The peers: an argsort in memory, and a table filled
   in the order of its keys; SQLite is left out where that would take minutes.
2. One key a call, cold: the files have left the page cache, and pages are counted from what the process read
   from disk (Linux). With the advice to the system that places are read here and there, and without.
3. A batch in one call, half of it absent; and counting the rows under many prefixes in one call.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from bench.report import Timing, agree, at_least, at_most, folder_bytes, goals, once, race, ratio, table
from takedown.index import exact, exact_plain, exact_steps, files

LOOKUPS = 200_000
ALONE = 2_000  # look-ups of one key each, warm
COLD = 200  # the same, cold
PREFIXES = 20_000
MOST_IN_SQLITE = 10_000_000

_PAGE = 4096

Keys = NDArray[np.uint64]


class Contender(NamedTuple):
    """How long it took to build, in seconds, how it is asked, and the bytes it takes."""

    build: float
    ask: Callable[[], Any]
    bytes: int


def measure(folder: Path, size: int) -> None:
    """Print the tables for ``size`` random keys."""
    rng = np.random.default_rng(size)
    keys = rng.integers(0, 1 << 64, size, dtype=np.uint64)
    absent = rng.integers(0, 1 << 64, LOOKUPS // 2, dtype=np.uint64)
    wanted = rng.permutation(np.concatenate([rng.choice(keys, LOOKUPS // 2), absent]))
    out = folder / f"exact-{size}"
    exact.build(keys[:100_000], folder / f"compile-{size}")  # or read what was compiled before
    build = once(partial(exact.build, keys, out)).median
    alone, opening = _alone(out, wanted)
    ours = exact.open(out)
    contenders = {
        "takedown exact": Contender(build, lambda: ours.search(wanted)[1], folder_bytes(out)),
        "the same without numba": Contender(build, lambda: _plainly(ours, wanted), folder_bytes(out)),
    } | _peers(folder, keys, wanted)
    answers = [np.sort(contender.ask()) for contender in contenders.values()]
    agree("the exact indexes found other rows", all(np.array_equal(answers[0], other) for other in answers))
    times = race({name: contender.ask for name, contender in contenders.items()}, seconds=15, most=9)
    _print(size, contenders, times)
    table("one look-up a call", ("", "microseconds", "pages read"), alone)
    _prefixes(ours, np.sort(keys))
    goals(
        at_least("keys/s built", size / build, 5e6),
        at_least("look-ups/s in a batch", LOOKUPS / times["takedown exact"].median, 5e6),
        at_most("bytes a key", folder_bytes(out) / size, 13),
        at_most("ms to open", opening * 1e3, 1_000),
    )


def _print(size: int, contenders: dict[str, Contender], times: dict[str, Timing]) -> None:
    ours = times["takedown exact"].median
    rows = [
        (name, size / c.build, LOOKUPS / times[name].median, ratio(times[name].median, ours), c.bytes / size)
        for name, c in contenders.items()
    ]
    head = ("", "build keys/s", "look-ups/s", "time, x ours", "bytes/key")
    table(f"{size:,} exact keys, {LOOKUPS:,} look-ups in one call", head, rows)


def _alone(out: Path, wanted: Keys) -> tuple[list[tuple[object, ...]], float]:
    """Rows for the table of single look-ups, and the seconds it took to open the files cold."""
    with mock.patch.object(files, "advise_random", new=_no_advice):
        without = _cold(out, wanted[:COLD])
    cold = _cold(out, wanted[COLD : 2 * COLD])
    ours = exact.open(out)
    each = [wanted[number : number + 1] for number in range(ALONE)]
    warm = race({"": lambda: [ours.search(key) for key in each]}, most=5)[""].median / ALONE
    rows: list[tuple[object, ...]] = [
        ("warm", warm * 1e6, 0),
        ("cold", cold[0] * 1e6, cold[1]),
        ("cold, with read-ahead", without[0] * 1e6, without[1]),
    ]
    return rows, cold[2]


def _no_advice(_array: NDArray[Any]) -> None:
    """A mock would keep the arrays, and so the pages, that it was called with."""


def _cold(out: Path, wanted: Keys) -> tuple[float, float, float]:
    """Median seconds and mean pages read of one look-up, and the seconds to open."""
    for path in out.iterdir():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    started = time.perf_counter()
    ours = exact.open(out)
    opening = time.perf_counter() - started
    before, seconds = _bytes_read(), []
    for number in range(len(wanted)):
        started = time.perf_counter()
        ours.search(wanted[number : number + 1])
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds)), (_bytes_read() - before) / _PAGE / len(wanted), opening


def _bytes_read() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("read_bytes"))


def _plainly(ours: exact.Exact, wanted: Keys) -> NDArray[np.int64]:
    with mock.patch.object(exact_steps, "steps", exact_plain):
        return ours.search(wanted)[1]


def _peers(folder: Path, keys: Keys, wanted: Keys) -> dict[str, Contender]:
    made: dict[str, Any] = {}
    build = once(lambda: made.update(ordered=_sorted(keys))).median
    peers = {
        "np.searchsorted": Contender(build, lambda: _in_sorted(*made["ordered"], wanted), 12 * len(keys)),
    }
    if len(keys) <= MOST_IN_SQLITE:
        file = folder / f"keys-{len(keys)}.sqlite"
        build = once(lambda: made.update(connection=_sqlite(file, keys))).median
        ask = partial(_in_sqlite, made["connection"], wanted)
        peers["SQLite"] = Contender(build, ask, file.stat().st_size)
    return peers


def _sorted(keys: Keys) -> tuple[Keys, NDArray[np.uint32]]:
    order = np.argsort(keys)
    return keys[order], order.astype(np.uint32)


def _in_sorted(ordered: Keys, rows: NDArray[np.uint32], wanted: Keys) -> NDArray[Any]:
    """Rows of the keys; random 64-bit keys do not repeat, so the first place is the only one."""
    place: NDArray[np.int64] = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    found: NDArray[Any] = rows[place[ordered[place] == wanted]]
    return found


def _sqlite(file: Path, keys: Keys) -> sqlite3.Connection:
    """Sorted first and keyed by the key itself: SQLite at its fastest and smallest."""
    order = np.argsort(keys.view(np.int64), kind="stable")
    connection = sqlite3.connect(file)
    connection.executescript("PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF; PRAGMA cache_size=-500000;")
    connection.execute("CREATE TABLE keys (key INTEGER PRIMARY KEY, row INTEGER)")
    pairs = zip(keys.view(np.int64)[order].tolist(), order.tolist(), strict=True)
    connection.executemany("INSERT INTO keys VALUES (?, ?)", pairs)
    connection.commit()
    return connection


def _in_sqlite(connection: sqlite3.Connection, wanted: Keys) -> list[int]:
    select = connection.cursor().execute
    answers = (select("SELECT row FROM keys WHERE key = ?", (key,)) for key in wanted.view(np.int64).tolist())
    return [row for answer in answers for (row,) in answer]


def _prefixes(ours: exact.Exact, ordered: Keys) -> None:
    """Count the rows under prefixes of 6 hex digits, as planning a release does."""
    lows = np.random.default_rng(1).integers(0, 1 << 24, PREFIXES, dtype=np.uint64) << np.uint64(40)
    highs = lows + np.uint64((1 << 40) - 1)
    calls: dict[str, Callable[[], Any]] = {
        "takedown exact": lambda: ours.counts_between(lows, highs),
        "np.searchsorted": lambda: np.searchsorted(ordered, highs, "right") - np.searchsorted(ordered, lows),
    }
    agree("the counts under prefixes differ", np.array_equal(*[call() for call in calls.values()]))
    times = race(calls, seconds=5)
    own = times["takedown exact"].median
    rows = [(name, PREFIXES / t.median, ratio(t.median, own)) for name, t in times.items()]
    table(f"rows under {PREFIXES:,} prefixes, counted in one call", ("", "prefixes/s", "time, x ours"), rows)
