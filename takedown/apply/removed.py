"""The table of removed rows, for those who ask for it: exactly the rows that people wanted gone.

1. Each shard's part is written before the shard is put in place, to a hidden folder beside the table.
2. When all shards are done, the parts of this run become one file in the order of the shards.
3. A run that was killed is finished by the same command: its parts are still there.

Everything is readable by its owner alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from takedown import disk
from takedown.apply.digests import COLUMNS_OF_KIND, compared
from takedown.apply.journal import name_of
from takedown.apply.layout import Job
from takedown.apply.scan import Removals
from takedown.apply.terms import Terms
from takedown.dataset import RowBatch
from takedown.errors import UsageError
from takedown.keys import PUBLISHED_KINDS

#: `digest` is that of the entry which named the row, so the table joins with the list.
SCHEMA = pa.schema(
    [("file", pa.string()), ("row", pa.int64()), ("kind", pa.string()), ("digest", pa.string())]
)
_KEY = b"takedown.key"


def parts_of(table: Path) -> Path:
    """The folder of the parts, made for its owner alone.

    Raises:
        UsageError: the table is there already, or cannot be written.
    """
    folder = table.with_name(f".{table.name}.parts")
    if table.exists():
        raise UsageError(
            f"{table} is there already, and may be the only record of an earlier run; give another name with "
            "--removed.",
            slug="removed-exists",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chmod(folder, 0o700)
    except OSError as error:
        raise UsageError(
            f"{table} cannot be written ({error.strerror}); give another file with --removed.",
            slug="removed-not-writable",
        ) from error
    return folder


def write_part(terms: Terms, job: Job, removals: Removals) -> None:
    """Write the part of one shard. Raises BadDataset, OSError."""
    if terms.removed is None:
        return
    path = _part(terms.removed, job)
    waiting = disk.part_of(path)
    waiting.unlink(missing_ok=True)
    schema = SCHEMA.with_metadata({_KEY: terms.key.encode()})
    with open(waiting, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as sink:
        with pq.ParquetWriter(sink, schema) as writer:
            for table in _tables(terms, job, removals):
                writer.write_table(table)
        sink.flush()
        disk.sync_file(sink.fileno())
    disk.rename(waiting, path)


def has_part(terms: Terms, job: Job) -> bool:
    """Whether the part of this shard is there, of this list."""
    if terms.removed is None:
        return False
    with suppress(OSError, pa.ArrowException):
        found = pq.read_schema(_part(terms.removed, job))
        return (found.metadata or {}).get(_KEY) == terms.key.encode()
    return False


def collect(terms: Terms, jobs: Sequence[Job], table: Path) -> None:
    """Make one table of the parts of these shards, and take the parts away."""
    if terms.removed is None:
        return
    waiting = disk.part_of(table)
    waiting.unlink(missing_ok=True)
    with open(waiting, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as sink:
        with pq.ParquetWriter(sink, SCHEMA, compression="zstd") as writer:
            for job in jobs:
                if has_part(terms, job):
                    writer.write_table(pq.read_table(_part(terms.removed, job)).cast(SCHEMA))
        sink.flush()
        disk.sync_file(sink.fileno())
    disk.rename(waiting, table)
    shutil.rmtree(terms.removed, ignore_errors=True)


def _part(folder: Path, job: Job) -> Path:
    return folder / f"{hashlib.sha256(os.fsencode(name_of(job))).hexdigest()[:32]}.parquet"


def _tables(terms: Terms, job: Job, removals: Removals) -> list[pa.Table]:
    """Read the shard once more, for the digests of its removed rows."""
    if not len(removals.rows):
        return []
    tables = []
    kinds = [PUBLISHED_KINDS[place] for place in np.unique(removals.kinds).tolist()]
    columns = {"url", *(name for kind in kinds for name in COLUMNS_OF_KIND[kind])}
    for batch in job.shard.rows(columns=columns):
        low, high = np.searchsorted(removals.rows, (batch.first, batch.first + batch.num_rows))
        if low < high:
            rows, named = removals.rows[low:high], removals.kinds[low:high]
            tables.append(_table(terms, job, rows, named, _chosen(batch, rows - batch.first)))
    return tables


def _chosen(batch: RowBatch, rows: NDArray[np.int64]) -> RowBatch:
    """Only these rows, as a batch."""
    columns = {
        field.name: column.take(pa.array(rows))
        for field in fields(batch)
        if isinstance(column := getattr(batch, field.name), pa.Array)
    }
    return RowBatch(0, len(rows), **columns)


def _table(
    terms: Terms, job: Job, rows: NDArray[np.int64], kinds: NDArray[np.uint8], batch: RowBatch
) -> pa.Table:
    digests = np.empty(len(rows), dtype=object)
    for place in np.unique(kinds).tolist():
        at = np.flatnonzero(kinds == place)
        whole = compared(PUBLISHED_KINDS[place], batch).whole(at)
        digests[at] = [digest.tobytes().hex()[: terms.prefix_hex] for digest in whole]
    names = [PUBLISHED_KINDS[place] for place in kinds.tolist()]
    files = [str(job.shard.path)] * len(rows)
    return pa.table([files, pa.array(rows, pa.int64()), names, digests.tolist()], schema=SCHEMA)
