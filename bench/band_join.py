"""A list of codes against all rows in one call, with an index and without, beside DuckDB joining on bands."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from itertools import combinations
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench import codes
from bench.report import agree, at_most, goals, once, race, ratio, table
from takedown.index import PDQ_RADIUS, mih, mih_bulk
from takedown.index.interface import Hits

#: Two codes within 31 bits of each other agree in one of 11 bands, but for 2 bits at most.
BANDS, BITS, FLIPS = 11, 23, 2

#: Rows and codes for which the goal is set.
GOAL_ROWS, LISTED = 5_000_000, 1_000

OURS, PASSING = "takedown mih, with an index", "takedown mih_bulk, without one"
DUCKDB = f"DuckDB band join, {BANDS}x{BITS}, {FLIPS} flips"


def measure(folder: Path, rows: int) -> None:
    """Print how long it takes to find every row near one of LISTED codes; both must find the same."""
    planted, out = codes.write(folder, rows, LISTED), folder / f"mih-{rows}"
    mih.build(planted.codes[:50_000], folder / "compile")  # or read what was compiled before
    with duckdb.connect() as connection:
        made = {
            OURS: once(partial(mih.build, planted.codes, out)).median,
            PASSING: 0.0,
            DUCKDB: once(partial(_load, connection, planted.codes)).median,
        }
        ours = mih.open(out)
        ways: dict[str, Callable[[], set[tuple[int, int]]]] = {
            OURS: lambda: _pairs(ours.search(planted.queries, PDQ_RADIUS)),
            PASSING: lambda: _pairs(mih_bulk.search(planted.codes, planted.queries, PDQ_RADIUS)),
            DUCKDB: lambda: _joined(connection, planted.queries),
        }
        found = [way() for way in ways.values()]
        agree("a list found other rows than those planted", found == [planted.within(PDQ_RADIUS)] * len(ways))
        times = {name: timing.median for name, timing in race(ways, most=5).items()}
    shutil.rmtree(out)
    lines = [(name, made[name], each, ratio(each, times[OURS])) for name, each in times.items()]
    head = ("", "s to load or build", "s for the list", "time, x ours")
    table(f"{LISTED:,} codes against {rows:,} rows, radius {PDQ_RADIUS}", head, lines)
    if rows == GOAL_ROWS:
        goals(*(at_most(f"seconds, {name}", times[name], 1) for name in (OURS, PASSING)))


def _pairs(hits: Hits) -> set[tuple[int, int]]:
    return set(zip(hits.query.tolist(), hits.row.tolist(), strict=True))


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
