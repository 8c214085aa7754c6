"""Removing listed rows from Parquet, beside DuckDB's anti-join and a plain copy.

1. Write 2M LAION-shaped rows in 8 files; list 20,000 of their addresses, spread over all files.
2. Remove them with takedown and with DuckDB, file by file, and compare every row of the two results; DuckDB's
   are first put back into order, since its join does not keep it.
3. Only then time: plan, apply, DuckDB on all cores and on one, and a pyarrow copy that removes nothing.

Every result is synced to disk, as apply does by itself. Sources were just written and lie in the page cache:
these are warm figures.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench import laion
from bench.report import agree, race, ratio, table
from takedown.apply import Outcome, apply, plan

FILES = 8
ROWS = 250_000  # in a file
ENTRIES = 20_000


@dataclass(frozen=True)
class Listed:
    """A list without signatures around it: whole SHA-256 digests of addresses, sorted."""

    digests: Sequence[str]
    edition: str = "bench"
    seq: int = 1
    state_sha256: str = "0" * 64
    prefix_hex: int = 64

    def entries(self, kind: str) -> Sequence[str]:
        return self.digests if kind == "url_sha256" else ()


def run(folder: Path) -> None:
    source = folder / "source"
    source.mkdir()
    for number in range(FILES):
        laion.write(source / f"{number:04d}.parquet", number * ROWS, ROWS)
    listed = Listed(_digests(source))
    _compare(folder, source, listed)
    times = race(
        {
            "takedown plan (counts only)": partial(plan, listed, [source]),
            "takedown apply": partial(_apply, listed, source, folder / "ours"),
            "DuckDB anti-join, all cores": partial(_anti_join, listed, source, folder / "theirs"),
            "DuckDB anti-join, one core": partial(_anti_join, listed, source, folder / "theirs", 1),
            "pyarrow copy, nothing removed": partial(_copy, source, folder / "copy"),
        },
        seconds=40,
        most=5,
    )
    ours, rows = times["takedown apply"].median, FILES * ROWS
    lines = [(name, t.median, rows / t.median, ratio(t.median, ours)) for name, t in times.items()]
    size = sum(file.stat().st_size for file in source.iterdir()) / 1e6
    title = f"{rows:,} rows in {FILES} files ({size:,.0f} MB), {ENTRIES:,} listed; same rows in both results"
    table(title, ("", "median s", "rows/s", "time, x ours"), lines)


def _digests(source: Path) -> list[str]:
    """The list: addresses drawn from every file alike."""
    rng = np.random.default_rng(7)
    found = []
    for file in sorted(source.iterdir()):
        column = pq.read_table(file, columns=["URL"])["URL"].drop_null()
        chosen = column.take(pa.array(rng.choice(len(column), ENTRIES // FILES, replace=False)))
        found += [hashlib.sha256(url.encode()).hexdigest() for url in chosen.to_pylist()]
    return sorted(set(found))


def _compare(folder: Path, source: Path, listed: Listed) -> None:
    """Raise DisagreementError unless both results hold the same rows, ours in the order of the source."""
    outcome = _apply(listed, source, folder / "ours")
    _anti_join(listed, source, folder / "theirs")
    _copy(source, folder / "copy")
    agree("apply met an error", not outcome.errors)
    agree("apply removed another number of rows", outcome.rows_in - outcome.rows_out == len(listed.digests))
    agree("plan counts otherwise", plan(listed, [source]).rows_out == outcome.rows_out)
    for file in sorted(source.iterdir()):
        original = pq.read_table(file)
        ours, theirs = _result(folder / "ours", file), _result(folder / "theirs", file)
        agree("DuckDB's rows differ", ours.equals(theirs.sort_by("SAMPLE_ID").cast(original.schema)))
        agree("the copy differs", _result(folder / "copy", file).equals(original))


def _result(folder: Path, file: Path) -> pa.Table:
    return pq.read_table(next(folder.rglob(file.name)))


def _apply(listed: Listed, source: Path, out: Path) -> Outcome:
    shutil.rmtree(out, ignore_errors=True)
    return apply(listed, [source], out)


def _anti_join(listed: Listed, source: Path, out: Path, threads: int | None = None) -> None:
    """File by file, like apply; null addresses stay; same codec and row groups."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    with duckdb.connect() as connection:
        if threads:
            connection.execute(f"SET threads = {threads}")
        connection.register("listed", pa.table({"digest": listed.digests}))
        for file in sorted(source.iterdir()):
            connection.execute(
                f"COPY (SELECT d.* FROM read_parquet('{file}') d ANTI JOIN listed l "  # noqa: S608 - our own path
                f"ON l.digest = sha256(d.URL)) TO '{out / file.name}' "
                f"(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {laion.GROUP})"
            )
            _sync(out / file.name)


def _copy(source: Path, out: Path) -> None:
    """Read and write every row group: what rewriting costs when nothing is looked for."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    for path in sorted(source.iterdir()):
        file = pq.ParquetFile(path)
        with pq.ParquetWriter(out / path.name, file.schema_arrow, compression="snappy") as writer:
            for group in range(file.metadata.num_row_groups):
                writer.write_table(file.read_row_group(group))
        _sync(out / path.name)


def _sync(file: Path) -> None:
    with file.open("rb") as written:
        os.fsync(written.fileno())
