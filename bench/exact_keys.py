"""Exact keys: building and asking beside a sorted NumPy array and SQLite, all of them answering alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.report import Timing, agree, folder_bytes, once, race, ratio, table
from takedown.index import exact

LOOKUPS = 200_000
ALONE = 500  # look-ups of one key each


def measure(folder: Path, size: int) -> None:
    """Print the table for ``size`` random keys. Half of the look-ups are for keys that are not there."""
    rng = np.random.default_rng(size)
    keys = rng.integers(0, 1 << 64, size, dtype=np.uint64)
    absent = rng.integers(0, 1 << 64, LOOKUPS // 2, dtype=np.uint64)
    wanted = rng.permutation(np.concatenate([rng.choice(keys, LOOKUPS // 2), absent]))
    out, file = folder / f"exact-{size}", folder / f"keys-{size}.sqlite"
    made: dict[str, Any] = {}
    builds = [
        once(partial(exact.build, keys, out)),
        once(lambda: made.update(keys_and_rows=_sorted(keys))),
        once(lambda: made.update(connection=_sqlite(file, keys))),
    ]
    ours = exact.open(out)
    calls: dict[str, Callable[[], Any]] = {
        "takedown exact": lambda: ours.search(wanted)[1],
        "np.searchsorted": lambda: _in_sorted(made["keys_and_rows"], wanted),
        "SQLite": lambda: _in_sqlite(made["connection"], wanted),
    }
    answers = [sorted(map(int, call())) for call in calls.values()]
    agree("the exact indexes found different rows", answers[0] == answers[1] == answers[2])
    times = race(calls, most=9)
    alone = race({"": lambda: [ours.search(wanted[n : n + 1]) for n in range(ALONE)]}, most=9)[""]
    made["connection"].close()
    _print(size, builds, times, (folder_bytes(out), 12 * size, file.stat().st_size))
    table("one look-up a call", ("", "microseconds"), [("takedown exact", alone.median / ALONE * 1e6)])
    file.unlink()


def _print(size: int, builds: Sequence[Timing], times: dict[str, Timing], bytes_: Sequence[int]) -> None:
    ours = times["takedown exact"].median
    rows = [
        (name, size / build.median, LOOKUPS / asked.median, ratio(asked.median, ours), stored / size)
        for (name, asked), build, stored in zip(times.items(), builds, bytes_, strict=True)
    ]
    head = ("", "build keys/s", "look-ups/s", "time, x ours", "bytes/key")
    table(f"{size:,} exact keys, {LOOKUPS:,} look-ups in one call", head, rows)


def _sorted(keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    order = np.argsort(keys, kind="stable")
    return keys[order], order.astype(np.uint32)


def _in_sorted(
    keys_and_rows: tuple[NDArray[np.uint64], NDArray[np.uint32]], wanted: NDArray[np.uint64]
) -> NDArray[Any]:
    """Rows of the keys; random 64-bit keys do not repeat, so the first place is the only one."""
    keys, rows = keys_and_rows
    place: NDArray[np.int64] = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found: NDArray[Any] = rows[place[keys[place] == wanted]]
    return found


def _sqlite(file: Path, keys: NDArray[np.uint64]) -> sqlite3.Connection:
    """Sorted first and keyed by the key itself: SQLite at its fastest and smallest."""
    order = np.argsort(keys.view(np.int64), kind="stable")
    connection = sqlite3.connect(file)
    connection.executescript("PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF; PRAGMA cache_size=-500000;")
    connection.execute("CREATE TABLE keys (key INTEGER PRIMARY KEY, row INTEGER)")
    pairs = zip(keys.view(np.int64)[order].tolist(), order.tolist(), strict=True)
    connection.executemany("INSERT INTO keys VALUES (?, ?)", pairs)
    connection.commit()
    return connection


def _in_sqlite(connection: sqlite3.Connection, wanted: NDArray[np.uint64]) -> list[int]:
    select = connection.cursor().execute
    answers = (select("SELECT row FROM keys WHERE key = ?", (key,)) for key in wanted.view(np.int64).tolist())
    return [row for answer in answers for (row,) in answer]
