"""Ways to take listed rows out of Parquet files: ours and the peers', each to be run in its own process.

All get the same four things: the folder of the copy, our state folder with the synced list, the same list as
one Parquet file, and a folder for the result. All write file by file, keep every column, and sync every file
to disk, as ``apply`` does by itself.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench import laion

Call = Callable[[str, str, str, str], None]

OURS, OURS_PLAN = "takedown apply", "takedown plan"
DUCKDB, POLARS, ARROW = "DuckDB anti-join", "polars, hashlib", "pyarrow, hashlib set, 2 processes"
DUCKDB_COPY, ARROW_COPY, FILES = "DuckDB copy", "pyarrow copy, 2 processes", "copy of the files"
DUCKDB_SCAN, ARROW_SCAN = "DuckDB hashing scan", "pyarrow hashing scan, 2 processes"

#: What removes rows, what only copies, and what only looks.
APPLIERS = (OURS, DUCKDB, POLARS, ARROW)
COPIERS = (DUCKDB_COPY, ARROW_COPY, FILES)
SCANNERS = (OURS_PLAN, DUCKDB_SCAN, ARROW_SCAN)

_PROCESSES = 2


def prepare(name: str) -> Call:
    """Import what one of them needs, so that the work alone is timed."""
    makers: dict[str, Callable[[], Call]] = {
        OURS: _ours,
        OURS_PLAN: _ours_plan,
        DUCKDB: partial(_duckdb, _JOIN),
        DUCKDB_COPY: partial(_duckdb, _COPY),
        DUCKDB_SCAN: _duckdb_scan,
        POLARS: _polars,
        ARROW: partial(_arrow, _without_listed),
        ARROW_COPY: partial(_arrow, _copy),
        ARROW_SCAN: partial(_arrow, _count_listed),
        FILES: _files,
    }
    return makers[name]()


def _ours() -> Call:
    from takedown.apply import apply
    from takedown.subscribe import open_blocklist

    def call(source: str, state: str, listed: str, out: str) -> None:
        outcome = apply(open_blocklist(Path(state)), [source], Path(out))
        if outcome.errors:
            raise RuntimeError(outcome.errors[0].message)

    return call


def _ours_plan() -> Call:
    from takedown.apply import plan
    from takedown.subscribe import open_blocklist

    def call(source: str, state: str, listed: str, out: str) -> None:
        plan(open_blocklist(Path(state)), [source])

    return call


_JOIN = "SELECT d.* FROM read_parquet('{file}') d ANTI JOIN listed l ON l.digest = sha256(d.URL)"
_COPY = "SELECT * FROM read_parquet('{file}')"


def _duckdb(select: str) -> Call:
    import duckdb

    def call(source: str, state: str, listed: str, out: str) -> None:
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE listed AS SELECT digest FROM read_parquet('{listed}')")  # noqa: S608
            for file in _sources(source):
                target = Path(out, file.name)
                connection.execute(
                    f"COPY ({select.format(file=file)}) TO '{target}' "
                    f"(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {laion.GROUP})"
                )
                _sync(target)

    return call


def _duckdb_scan() -> Call:
    import duckdb

    def call(source: str, state: str, listed: str, out: str) -> None:
        duckdb.sql(
            f"SELECT count(*) FROM read_parquet('{source}/*.parquet') d "  # noqa: S608 - our own path
            f"SEMI JOIN read_parquet('{listed}') l ON l.digest = sha256(d.URL)"
        ).fetchall()

    return call


def _polars() -> Call:
    import polars

    def call(source: str, state: str, listed: str, out: str) -> None:
        names = set(polars.read_parquet(listed)["digest"].to_list())
        for file in _sources(source):
            rows = polars.read_parquet(file)
            gone = [url is not None and _digest(url) in names for url in rows["URL"].to_list()]
            target = Path(out, file.name)
            rows.filter(~polars.Series(gone)).write_parquet(
                target, compression="snappy", row_group_size=laion.GROUP
            )
            _sync(target)

    return call


def _arrow(work: Callable[[Path, Path], None]) -> Call:
    def call(source: str, state: str, listed: str, out: str) -> None:
        with ProcessPoolExecutor(_PROCESSES, initializer=_load, initargs=(listed,)) as pool:
            for _ in pool.map(work, _sources(source), (Path(out, f.name) for f in _sources(source))):
                pass

    return call


def _without_listed(file: Path, target: Path) -> None:
    _write(target, file, (group.filter(_kept(group)) for group in _groups(file)))


def _copy(file: Path, target: Path) -> None:
    _write(target, file, _groups(file))


def _count_listed(file: Path, target: Path) -> None:
    for group in _groups(file, ["URL"]):
        _kept(group)


_names: set[str] = set()


def _load(listed: str) -> None:
    pa.set_cpu_count(1)
    _names.update(pq.read_table(listed, columns=["digest"])["digest"].to_pylist())


def _kept(group: Any) -> Any:
    urls = group["URL"].to_pylist()
    return pc.invert(pa.array([url is not None and _digest(url) in _names for url in urls]))


def _groups(path: Path, columns: list[str] | None = None) -> Iterator[Any]:
    with pq.ParquetFile(path) as file:
        for number in range(file.metadata.num_row_groups):
            yield file.read_row_group(number, columns=columns)


def _write(target: Path, like: Path, groups: Iterator[Any]) -> None:
    with pq.ParquetWriter(target, pq.read_schema(like), compression="snappy") as writer:
        for group in groups:
            writer.write_table(group)
    _sync(target)


def _files() -> Call:
    def call(source: str, state: str, listed: str, out: str) -> None:
        for file in _sources(source):
            shutil.copyfile(file, Path(out, file.name))
            _sync(Path(out, file.name))

    return call


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _sources(source: str) -> list[Path]:
    return sorted(Path(source).iterdir())


def _sync(file: Path) -> None:
    with file.open("rb") as written:
        os.fsync(written.fileno())
