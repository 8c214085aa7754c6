"""Joins fingerprints that someone made elsewhere to the rows of an index, by exact address.

1. Lay the table out in files: its columns as they are, and the addresses' keys as an exact index.
2. Read the addresses of the index's rows from their sources once. A row whose SHA-256 is in the table, all
   32 bytes of it, gets what the table's first such line says.
3. Sort what was joined into parts of the index, one for each part of the sources that it reaches, under the
   name of whoever made the table. No part that exists is touched, and no row gets another number.

What is attached finds candidates only. The picture behind an address may have been another one when it was
fingerprinted, so rows keep the digests that their source gives; where the two differ, it is counted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from takedown.dataset import Shard
from takedown.dataset.fingerprints import open_fingerprints
from takedown.errors import UsageError
from takedown.index import exact
from takedown.index.assemble import assemble, clear
from takedown.index.grow import MEMORY_BYTES, Progress, commit_part, part_folder
from takedown.index.interface import PDQ_RADIUS, Coverage, IndexInfo
from takedown.index.lookup import Index
from takedown.index.manifest import Manifest, PartRecord, read
from takedown.index.units import SKIPPED_FILE, VALUES, UnitArrays
from takedown.index.workspace import WORK, held

#: What of a table is joined -> the table's column.
_COLUMNS = {"sha256": "sha256", "md5": "md5", "pdq": "pdq", "phash": "phash", "pdq_quality": "quality"}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


def attach(
    folder: str | Path,
    tables: Sequence[str | Path],
    *,
    by: str,
    memory_bytes: int = MEMORY_BYTES,
    progress: Progress | None = None,
) -> IndexInfo:
    """Attach fingerprint tables to an index.

    Args:
        folder: the index.
        tables: as ``takedown hash`` writes them, or other Parquet with an address and digests.
        by: who made them; shown with every hit that they give.
        memory_bytes: most memory for sorting.
        progress: told of lines and rows as they pass.

    Raises:
        BadIndex: the folder is no index, or one of its sources changed since.
        BadDataset: a table cannot be read, or has neither addresses nor fingerprints.
        UsageError: the name is not one, or was used before; another process changes the index.
    """
    index = Path(os.path.abspath(folder))
    _check_name(by, read(index)[0])
    with held(index):
        _check_name(by, read(index)[0])
        work = index / WORK / "attach"
        clear(work)
        with _Table(work / "table") as table:
            for path in tables:
                table.add(Path(path))
            table.finish(memory_bytes)
            _Join(index, table, by, work, memory_bytes, progress).run()
        shutil.rmtree(index / WORK)
    manifest, digest = read(index)
    return manifest.info(digest)


def _check_name(by: str, manifest: Manifest) -> None:
    if not _NAME.fullmatch(by):
        raise UsageError(
            "Name who made the fingerprints with letters, digits, spaces and . _ - (at most 64).",
            slug="attach-name",
        )
    if any(part.by == by for part in manifest.parts):
        raise UsageError(
            f"Fingerprints by {by} are attached to this index already; give another name, such as one with "
            "the date.",
            slug="attach-name-used",
        )


class _Table:
    """Step 1: the lines of all tables, column by column in files, to be looked up by address."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.lines = 0
        self.ignored = 0
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> _Table:
        return self

    def __exit__(self, *_error: object) -> None:
        for file in self._files.values():
            file.close()

    def add(self, path: Path) -> None:
        """Take the lines of one table that have an address."""
        for table in open_fingerprints(path):
            for batch in table.batches():
                self._append(batch)
            self.ignored += table.ignored["other_pipeline"]

    def _append(self, batch: pa.RecordBatch) -> None:
        kept = batch.filter(batch.column("url_sha256").is_valid())
        self._write("url_sha256", _bytes(kept.column("url_sha256"), 32)[0])
        for kind, name in _COLUMNS.items():
            column = kept.column(name)
            if kind == "pdq_quality":
                values, known = _qualities(column)
            else:
                values, known = _bytes(column, VALUES[kind])
            self._write(kind, values)
            self._write(f"{kind}.known", known)
        self.lines += kept.num_rows

    def _write(self, name: str, values: NDArray[np.uint8]) -> None:
        if name not in self._files:
            self._files[name] = (self._folder / name).open("wb")
        self._files[name].write(np.ascontiguousarray(values).data)

    def finish(self, memory_bytes: int) -> None:
        """Sort the addresses."""
        self.__exit__()
        self.url = self._map("url_sha256", 32)
        self.values = {kind: self._map(kind, VALUES[kind]) for kind in _COLUMNS}
        self.known = {kind: self._map(f"{kind}.known", 1)[:, 0] for kind in _COLUMNS}
        keys = exact.prefixes(self.url) if self.lines else np.empty(0, np.uint64)
        exact.build(keys, self._folder / "keys", memory_bytes=memory_bytes)
        self._keys = exact.open(self._folder / "keys")

    def find(self, digests: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(place, line): for each of some digests (uint8[N, 32]) that the table has, its first line."""
        place, line = self._keys.search(exact.prefixes(digests))
        same = (digests[place] == self.url[line]).all(axis=1)
        first, at = np.unique(place[same], return_index=True)
        return first, line[same][at]

    def _map(self, name: str, width: int) -> NDArray[np.uint8]:
        if not self.lines:
            return np.empty((0, width), np.uint8)
        return np.memmap(self._folder / name, np.uint8, "r", shape=(self.lines, width))


class _Join:
    """Steps 2 and 3."""

    def __init__(
        self, index: Path, table: _Table, by: str, work: Path, memory_bytes: int, progress: Progress | None
    ) -> None:
        self._folder, self._table, self._by, self._work = index, table, by, work
        self._memory, self._progress = memory_bytes, progress
        self._index = Index(index)

    def run(self) -> None:
        manifest, digest = read(self._folder)
        rows = _Stream(self._index, manifest.rows, self._progress)
        counts = {"lines": self._table.lines, "other_pipeline": self._table.ignored}
        current: str | None = digest
        for part in [part for part in manifest.parts if part.by is None]:
            unit = _Joined(self._work / "unit", self._table, self._index, part.first)
            rows.send_until(part.first + part.rows, unit)
            manifest, current = self._add(manifest, part, unit, counts, current)
            counts = {}

    def _add(
        self,
        manifest: Manifest,
        source: PartRecord,
        unit: _Joined,
        counts: dict[str, int],
        digest: str | None,
    ) -> tuple[Manifest, str | None]:
        """Put what was joined to the rows of one part in place."""
        unit.finish()
        new = self._work / "part"
        clear(new)
        clear(self._work / "temporary")
        arrays = UnitArrays(unit.folder, source.rows)
        assemble([arrays], new, self._work / "temporary", self._memory, lambda done, total, kind: None)
        part = PartRecord(
            part_folder(manifest), source.first, source.rows, unit.coverage, self._by, counts | unit.counts
        )
        return commit_part(self._folder, manifest, part, new, digest=digest)


class _Stream:
    """The addresses of an index, as SHA-256 digests, in the order of the rows."""

    def __init__(self, index: Index, total: int, progress: Progress | None) -> None:
        self._batches = self._read(index)
        self._held: tuple[int, NDArray[np.int64], NDArray[np.uint8]] | None = None
        self._total, self._progress = total, progress

    def send_until(self, stop: int, unit: _Joined) -> None:
        """Give a part its rows. Parts end where shards end, and batches do not cross shards."""
        while (held := self._held or next(self._batches, None)) is not None:
            end, rows, digests = self._held = held
            if end > stop:
                return
            self._held = None
            unit.add(rows, digests)
            if self._progress is not None:
                self._progress(end, self._total, "joining")

    def _read(self, index: Index) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.uint8]]]:
        """(row behind the last one, rows that have an address, their digests)."""
        for first, shard in index.shards():
            yield from self._of_shard(first, shard)

    def _of_shard(
        self, first: int, shard: Shard
    ) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.uint8]]]:
        for batch in shard.rows(columns=("url",)):
            end = first + batch.first + batch.num_rows
            cells = batch.url_bytes.to_pylist() if batch.url_bytes is not None else []
            places = [place for place, cell in enumerate(cells) if cell]
            joined = b"".join(hashlib.sha256(cells[place]).digest() for place in places)
            rows = np.array(places, dtype=np.int64) + first + batch.first
            yield end, rows, np.frombuffer(joined, np.uint8).reshape(-1, 32)


class _Joined:
    """What was joined to the rows of one part, laid out like a unit of a build."""

    def __init__(self, folder: Path, table: _Table, index: Index, first: int) -> None:
        clear(folder)
        self.folder = folder
        self._table, self._index, self._first = table, index, first
        self._added: Counter[str] = Counter()
        self.counts = {"joined": 0, "rows": 0, "disagreements": 0}
        self._files: dict[str, BinaryIO] = {}

    @property
    def coverage(self) -> Coverage:
        """Rows that nothing before reached."""
        return Coverage(**{kind: self._added[kind] for kind in ("sha256", "md5", "pdq", "phash")})

    def add(self, rows: NDArray[np.int64], digests: NDArray[np.uint8]) -> None:
        place, line = self._table.find(digests)
        rows = rows[place]
        self.counts["joined"] += len(rows)
        useful, differs = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
        for kind in _COLUMNS:
            known = self._table.known[kind][line].astype(bool)
            values = self._table.values[kind][line]
            before = self._index.known_values(kind, rows)
            self._added[kind] += sum(old is None for old, has in zip(before, known, strict=True) if has)
            if kind != "pdq_quality":
                differs |= known & _differs(kind, before, values)
                useful |= known
            self._write(kind, rows[known], values[known])
        self.counts["rows"] += int(useful.sum())
        self.counts["disagreements"] += int(differs.sum())

    def finish(self) -> None:
        for file in self._files.values():
            file.close()
        (self.folder / SKIPPED_FILE).write_text(json.dumps({}))

    def _write(self, kind: str, rows: NDArray[np.int64], values: NDArray[np.uint8]) -> None:
        if not len(rows):
            return
        for name, data in ((f"{kind}.rows", (rows - self._first).astype("<u4")), (f"{kind}.values", values)):
            if name not in self._files:
                self._files[name] = (self.folder / name).open("wb")
            self._files[name].write(np.ascontiguousarray(data).data)


def _differs(kind: str, before: Sequence[bytes | None], values: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where the index knows something else: another digest, or a perceptual hash too far away."""
    allowed = {"pdq": PDQ_RADIUS, "phash": 64}.get(kind, 0)
    found = [
        old is not None and (int.from_bytes(old) ^ int.from_bytes(new.tobytes())).bit_count() > allowed
        for old, new in zip(before, values, strict=True)
    ]
    return np.array(found, dtype=bool)


def _bytes(column: pa.Array, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Values as uint8[N, width], zero where there is none, and uint8[N] that says where there is one."""
    known = column.is_valid().to_numpy(zero_copy_only=False).astype(np.uint8)
    joined = b"".join(cell or bytes(width) for cell in column.to_pylist())
    return np.frombuffer(joined, np.uint8).reshape(-1, width), known


def _qualities(column: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    known = column.is_valid().to_numpy(zero_copy_only=False).astype(np.uint8)
    values = np.clip(column.fill_null(0).to_numpy(zero_copy_only=False), 0, 100)
    return values.astype(np.uint8).reshape(-1, 1), known
