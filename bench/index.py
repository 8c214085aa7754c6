"""Exact keys, near codes and a URL index: building and asking, beside NumPy, SQLite and DuckDB.

1. Exact keys (exact_keys.py): 3M and 10M random keys.
2. Near codes (near_codes.py): 1M random PDQ codes, with neighbours planted at 0 to 40 bits.
3. A URL index of 300,000 generated LAION-shaped rows, from Parquet to the finished folder.

Builds run once. Files were just written and lie in the page cache: these are warm figures.
"""

from __future__ import annotations

import hashlib
import time
from functools import partial
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from bench import exact_keys, laion, near_codes
from bench.report import folder_bytes, once, ratio, table
from takedown.index import build_index, open_index

SIZES = (3_000_000, 10_000_000)
URL_ROWS = 300_000


def run(folder: Path) -> None:
    for size in SIZES:
        exact_keys.measure(folder, size)
    near_codes.measure()
    _urls(folder)


def _urls(folder: Path) -> None:
    source, out = folder / "laion.parquet", folder / "index"
    laion.write(source, 0, URL_ROWS)
    times = {
        "takedown build_index (3 kinds of key)": once(partial(build_index, out, [source])),
        "DuckDB: SHA-256 table and index": once(partial(_duckdb, source, folder / "urls.duckdb")),
        "read and SHA-256 only": once(partial(_hashed, source)),
    }
    ours = times["takedown build_index (3 kinds of key)"].median
    rows = [(name, URL_ROWS / t.median, ratio(t.median, ours)) for name, t in times.items()]
    table(f"URL index of {URL_ROWS:,} LAION-shaped rows", ("", "rows/s", "time, x ours"), rows)
    started = time.perf_counter()
    open_index(out)
    opened = (time.perf_counter() - started) * 1e3
    sizes = [("takedown index", folder_bytes(out) / URL_ROWS, opened)]
    table("on disk", ("", "bytes/row", "open ms"), sizes)


def _duckdb(source: Path, file: Path) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "CREATE TABLE urls AS SELECT unhex(sha256(URL)) AS digest, file_row_number AS row "
            "FROM read_parquet(?, file_row_number=true)",
            [str(source)],
        )
        connection.execute("CREATE INDEX by_digest ON urls (digest)")


def _hashed(source: Path) -> list[bytes]:
    cells = pq.read_table(source, columns=["URL"])["URL"].drop_null().to_pylist()
    return [hashlib.sha256(cell.encode()).digest() for cell in cells]
