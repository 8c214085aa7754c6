"""A list of codes against all rows in one call, beside DuckDB joining on bands of the codes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench import codes
from bench.report import agree, at_most, goals, once, race, ratio, table
from takedown.index import PDQ_RADIUS, mih

#: Two codes within 31 bits of each other agree in one of 11 bands, but for 2 bits at most.
BANDS, BITS, FLIPS = 11, 23, 2

#: Rows and codes for which the goal is set.
GOAL_ROWS, LISTED = 5_000_000, 1_000

OURS, DUCKDB = "takedown mih", f"DuckDB band join, {BANDS}x{BITS}, {FLIPS} flips"


def measure(folder: Path, rows: int) -> None:
    """Print how long it takes to find every row near one of LISTED codes; both must find the same."""
    planted, out = codes.write(folder, rows, LISTED), folder / f"mih-{rows}"
    with duckdb.connect() as connection:
        made = {
            OURS: once(partial(mih.build, planted.codes, out)).median,
            DUCKDB: once(partial(_load, connection, planted.codes)).median,
        }
        ours = mih.open(out)
        ways: dict[str, Callable[[], Any]] = {
            OURS: lambda: ours.search(planted.queries, PDQ_RADIUS),
            DUCKDB: lambda: _joined(connection, planted.queries),
        }
        hits, found = (way() for way in ways.values())
        pairs = set(zip(hits.query.tolist(), hits.row.tolist(), strict=True))
        agree("the band join found other rows", pairs == found == planted.within(PDQ_RADIUS))
        times = race(ways, most=5)
    shutil.rmtree(out)
    first = times[OURS].median
    lines = [(name, made[name], t.median, ratio(t.median, first)) for name, t in times.items()]
    head = ("", "s to load or build", "s for the list", "time, x ours")
    table(f"{LISTED:,} codes against {rows:,} rows, radius {PDQ_RADIUS}", head, lines)
    if rows == GOAL_ROWS:
        goals(at_most("seconds for the list", first, 1), at_most("building included", first + made[OURS], 1))


def _load(connection: duckdb.DuckDBPyConnection, held: NDArray[np.uint8]) -> None:
    """The codes as a table in DuckDB's memory, four words each."""
    connection.register("loaded", pa.table({"row": np.arange(len(held)), **_words(held)}))
    connection.execute("CREATE TABLE held AS SELECT * FROM loaded")


def _joined(connection: duckdb.DuckDBPyConnection, asked: NDArray[np.uint8]) -> set[tuple[int, int]]:
    """Pairs of query and row: join on each band, with all values within the flips, then count bits."""
    bits = np.unpackbits(asked, axis=1, bitorder="little")
    near = np.array([sum(1 << bit for bit in some) for some in _flips()], np.uint32)
    again = {"query": np.arange(len(asked)), **_words(asked)}
    rest = {name: np.repeat(column, len(near)) for name, column in again.items()}
    for band in range(BANDS):
        own = bits[:, band * BITS : (band + 1) * BITS] @ (1 << np.arange(BITS, dtype=np.uint32))
        values = (own[:, None] ^ near).astype(np.uint32).reshape(-1)
        connection.register("probes", pa.table({"band": values, **rest}))
        connection.execute(f"CREATE OR REPLACE TABLE probes{band} AS SELECT * FROM probes")
    differing = " + ".join(f"bit_count(xor(held.word{n}, asked.word{n}))::INTEGER" for n in range(4))
    joins = " UNION ALL ".join(
        f"SELECT query, row FROM held JOIN probes{band} AS asked ON {_band(band * BITS)} = asked.band "
        f"WHERE {differing} <= {PDQ_RADIUS}"
        for band in range(BANDS)
    )
    found = connection.execute(f"SELECT DISTINCT query, row FROM ({joins})").fetchnumpy()
    return set(zip(found["query"].tolist(), found["row"].tolist(), strict=True))


def _flips() -> list[tuple[int, ...]]:
    return [some for count in range(FLIPS + 1) for some in combinations(range(BITS), count)]


def _band(start: int) -> str:
    """SQL of the band that begins at a bit, which may lie in two words."""
    word, shift = divmod(start, 64)
    inside = min(BITS, 64 - shift)
    low = f"((held.word{word} >> {shift}) & {(1 << inside) - 1})"
    if inside == BITS:
        return f"{low}::UINTEGER"
    high = f"((held.word{word + 1} & {(1 << (BITS - inside)) - 1}) << {inside})"
    return f"({low} | {high})::UINTEGER"


def _words(held: NDArray[np.uint8]) -> dict[str, NDArray[np.uint64]]:
    words = np.ascontiguousarray(held).view("<u8")
    return {f"word{n}": words[:, n] for n in range(4)}
