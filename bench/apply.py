"""Removing listed rows from Parquet: beside DuckDB's anti-join, polars, pyarrow and plain copies.

1. Write 20M LAION-shaped rows in 100 files. Two lists, each published, signed and synced as holders do it:
   100,000 of their addresses spread over all files, and 1,000 addresses of one file.
2. Let each contestant work once; compare the results row by row with the originals less the listed rows.
   DuckDB's are first put back into order, since its join does not keep it.
3. Only then time them in turn, each in a process of its own, and take the best round.

Every result is synced to disk, as apply does by itself. Sources were just written and lie in the page cache:
these are warm figures. Memory is that of all processes of a contestant together.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench import appliers, laion, process_tree
from bench.report import agree, at_most, folder_bytes, goals, ratio, say, table
from takedown.apply import plan
from takedown.keys import Key
from takedown.publish import EditionDraft, ceremony, publish, sign, stage
from takedown.subscribe import open_blocklist, sync

FILES = 100
ROWS = 200_000  # in a file
SPREAD, SPARSE = 100_000, 1_000  # entries
SPARSE_FILES = 1

#: Rounds that are timed, after the one that is compared.
ROUNDS = 2
#: Files of each result that are compared row by row; of all others the rows are counted.
COMPARED = 4


@dataclass(frozen=True)
class Case:
    """One list and where it lies.

    Attributes:
        state: our state folder, synced.
        listed: the same digests as one Parquet file.
        files: how many files have a listed row.
    """

    title: str
    state: Path
    listed: Path
    entries: int
    files: int


def run(folder: Path) -> None:
    source = folder / "source"
    source.mkdir()
    with ProcessPoolExecutor() as pool:
        paths = [source / f"{number:04d}.parquet" for number in range(FILES)]
        list(pool.map(partial(laion.write, rows=ROWS), paths, range(0, FILES * ROWS, ROWS)))
    say(f"{FILES * ROWS:,} rows in {FILES} files, {folder_bytes(source) / 1e6:,.0f} MB")
    spread = _case(folder, "spread", source, SPREAD, FILES)
    sparse = _case(folder, "sparse", source, SPARSE, SPARSE_FILES)
    all_of_them = (*appliers.APPLIERS, *appliers.COPIERS, *appliers.SCANNERS)
    times = _race(folder, source, spread, all_of_them)
    _print(times, spread, appliers.OURS)
    ours, theirs = times[appliers.OURS], times[appliers.DUCKDB]
    lines = [
        at_most("spread: seconds, x DuckDB anti-join", ours.seconds / theirs.seconds, 1.0),
        at_most("spread: MB, all processes", ours.memory / 1e6, 500),
    ]
    times = _race(folder, source, sparse, (appliers.OURS, appliers.DUCKDB, *appliers.SCANNERS))
    _print(times, sparse, appliers.OURS)
    scans = (times[name].seconds for name in (appliers.DUCKDB_SCAN, appliers.ARROW_SCAN))
    lines.append(
        at_most("sparse: seconds, x fastest hashing scan", times[appliers.OURS].seconds / min(scans), 1.2)
    )
    goals(*lines)


def _case(folder: Path, title: str, source: Path, entries: int, files: int) -> Case:
    """Publish and sync a list of so many addresses of the first files."""
    digests = _digests(sorted(source.iterdir())[:files], entries // files)
    listed = folder / f"{title}.parquet"
    pq.write_table(pa.table({"digest": digests}), listed)
    keys, repository, staging = (
        folder / f"{title}-keys",
        folder / f"{title}-repository",
        folder / f"{title}-staged",
    )
    root = ceremony(keys, repository, publisher="Bench")
    draft = EditionDraft("research", [Key("url_sha256", digest) for digest in digests], disposition="purge")
    stage(
        repository,
        staging,
        [draft],
        publisher="Bench",
        dataset_ids=["bench"],
        created=datetime.now(UTC).date(),
        audit_head="",
    )
    sign(repository, staging, keys / "targets-1.pem")
    publish(repository, staging, keys)
    sync(str(repository), root.read_bytes(), folder / f"{title}-state")
    return Case(title, folder / f"{title}-state", listed, len(digests), files)


def _digests(files: Sequence[Path], each: int) -> list[str]:
    """Of so many addresses of each file."""
    rng = np.random.default_rng(7)
    found = []
    for file in files:
        column = pq.read_table(file, columns=["URL"])["URL"].drop_null()
        chosen = column.take(pa.array(rng.choice(len(column), each, replace=False)))
        found += [hashlib.sha256(url.encode()).hexdigest() for url in chosen.to_pylist()]
    return sorted(set(found))


def _race(folder: Path, source: Path, case: Case, names: Sequence[str]) -> dict[str, process_tree.Run]:
    """Compare what each gives, then the best of the timed rounds of each."""
    rounds: dict[str, list[process_tree.Run]] = {name: [] for name in names}
    agree("plan counts otherwise", plan(open_blocklist(case.state), [source]).removed == case.entries)
    for number in range(1 + ROUNDS):
        for name in names:
            out = folder / "out"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            done = process_tree.run("bench.appliers", name, source, case.state, case.listed, out)
            if number:
                rounds[name].append(done)
            elif name in appliers.APPLIERS:
                _compare(name, source, case, out)
    shutil.rmtree(folder / "out")
    return {name: min(runs, key=lambda run: run.seconds) for name, runs in rounds.items()}


def _compare(name: str, source: Path, case: Case, out: Path) -> None:
    """Raise DisagreementError unless the result is the original without the listed rows."""
    listed = set(pq.read_table(case.listed)["digest"].to_pylist())
    rows = 0
    for number, file in enumerate(sorted(source.iterdir())):
        result = next(out.rglob(file.name))
        rows += pq.read_metadata(result).num_rows
        if number < COMPARED:
            original, found = pq.read_table(file), pq.read_table(result)
            gone = [url is not None and _digest(url) in listed for url in original["URL"].to_pylist()]
            kept = original.filter(pc.invert(pa.array(gone)))
            same = found.cast(original.schema)
            agree(
                f"{name}: other rows",
                kept.equals(same if name != appliers.DUCKDB else same.sort_by("SAMPLE_ID")),
            )
    agree(f"{name}: another number of rows", rows == FILES * ROWS - case.entries)


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _print(times: dict[str, process_tree.Run], case: Case, ours: str) -> None:
    title = (
        f"{case.title}: {case.entries:,} entries in {case.files} of {FILES} files; same rows in all results"
    )
    lines = [
        (
            name,
            run.seconds,
            FILES * ROWS / run.seconds,
            run.memory / 1e6,
            ratio(run.seconds, times[ours].seconds),
        )
        for name, run in times.items()
    ]
    table(title, ("", "best s", "rows/s", "MB", "time, x ours"), lines)
