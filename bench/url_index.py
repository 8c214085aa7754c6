"""From LAION-shaped Parquet to an index that finds addresses, beside DuckDB and a plain loop that hashes."""

from __future__ import annotations

import hashlib
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq

from bench import laion
from bench.report import agree, at_least, at_most, folder_bytes, goals, once, ratio, table
from takedown.index import Index, build_index, open_index

FILES = 4

#: Addresses asked for, one a call; as many again are in no row.
LOOKUPS = 300

#: Both keys of an address: its exact bytes and its canonical form.
URL_KEYS = ("url_sha256", "url")

OURS, DUCKDB, FLOOR = "takedown build_index", "DuckDB: SHA-256 table and index", "read and SHA-256 only"


def measure(folder: Path, rows: int) -> None:
    """Print how long building takes for so many rows, what it leaves on disk, and what one look-up costs."""
    sources = [folder / f"laion-{number}.parquet" for number in range(FILES)]
    for number, source in enumerate(sources):
        laion.write(source, number * rows // FILES, rows // FILES)
    out, file = folder / "index", folder / "urls.duckdb"
    laion.write(folder / "few.parquet", 0, 1_000)
    build_index(folder / "few", [folder / "few.parquet"])  # compiles, or reads what was compiled before
    times = {
        OURS: once(partial(build_index, out, sources)).median,
        DUCKDB: once(partial(_duckdb, sources, file)).median,
        FLOOR: once(partial(_hashed, sources)).median,
    }
    kinds = _bytes_by_kind(out, rows)
    lines = [
        (OURS, ", ".join(kinds), rows / times[OURS], "1.00x", folder_bytes(out) / rows),
        (
            DUCKDB,
            "url_sha256",
            rows / times[DUCKDB],
            ratio(times[DUCKDB], times[OURS]),
            file.stat().st_size / rows,
        ),
        (FLOOR, "", rows / times[FLOOR], ratio(times[FLOOR], times[OURS]), ""),
    ]
    head = ("", "keys", "rows/s", "time, x ours", "bytes/row")
    table(f"URL index of {rows:,} LAION-shaped rows in {FILES} files, end to end", head, lines)
    table("of which on disk, by kind of key", ("", "bytes/row"), list(kinds.items()))
    opened = once(partial(open_index, out)).median
    _look_up(open_index(out), sources, file)
    goals(
        at_least("rows/s from Parquet to searchable", rows / times[OURS], 200_000),
        at_most(f"bytes/row for {' and '.join(URL_KEYS)}", sum(kinds[kind] for kind in URL_KEYS), 32),
        at_most("hours for 5.5e9 rows at this rate", 5.5e9 / (rows / times[OURS]) / 3600, 8),
        at_most("seconds to open", opened, 1),
    )


def _bytes_by_kind(out: Path, rows: int) -> dict[str, float]:
    """Kind of key -> bytes a row in all parts of an index."""
    found: Counter[str] = Counter()
    for kind in sorted(out.glob("parts/*/exact/*")):
        found[kind.name] += folder_bytes(kind)
    return {kind: stored / rows for kind, stored in found.items()}


def _look_up(index: Index, sources: Sequence[Path], file: Path) -> None:
    """Time single look-ups of both, after seeing that they find the same number of rows."""
    cells = pq.read_table(sources[1], columns=["URL"])["URL"].drop_null()
    places = np.random.default_rng(0).choice(len(cells), LOOKUPS, replace=False)
    present = [cells[place].as_py() for place in places.tolist()]
    absent = [f"{url}.absent" for url in present]
    with duckdb.connect(str(file), read_only=True) as connection:
        ways: dict[str, Callable[[str], int]] = {
            "takedown find_url": lambda url: sum(hit.how == "url-exact" for hit in index.find_url(url)),
            "DuckDB, key in the index": lambda url: _asked(connection, url),
        }
        counts = [[way(url) for url in (*present, *absent)] for way in ways.values()]
        agree("an address was found by one and not by the other", counts[0] == counts[1])
        agree("an address of the dataset was not found", min(counts[0][:LOOKUPS]) > 0)
        lines = [(name, *(_median_ms(way, urls) for urls in (present, absent))) for name, way in ways.items()]
    table("one address a call", ("", "ms when it is there", "ms when it is not"), lines)


def _median_ms(way: Callable[[str], object], urls: Sequence[str]) -> float:
    return statistics.median(once(partial(way, url)).median for url in urls) * 1e3


def _duckdb(sources: Sequence[Path], file: Path) -> None:
    with duckdb.connect(str(file)) as connection:
        files = [str(source) for source in sources]
        connection.execute(
            "CREATE TABLE urls AS SELECT unhex(sha256(URL)) AS digest FROM read_parquet(?)", [files]
        )
        connection.execute("CREATE INDEX by_digest ON urls (digest)")


def _asked(connection: duckdb.DuckDBPyConnection, url: str) -> int:
    digest = hashlib.sha256(url.encode()).digest()
    return len(connection.execute("SELECT rowid FROM urls WHERE digest = ?", [digest]).fetchall())


def _hashed(sources: Sequence[Path]) -> list[bytes]:
    cells = [cell for source in sources for cell in pq.read_table(source, columns=["URL"])["URL"].to_pylist()]
    return [hashlib.sha256(cell.encode()).digest() for cell in cells if cell is not None]
