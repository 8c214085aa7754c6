"""Joins fingerprints that someone made elsewhere to the rows of an index, by exact address.

1. Lay the table out in files: its columns as they are, and the addresses' keys as an exact index.
2. Read the addresses of the index's rows from their sources once. A row whose SHA-256 is in the table, all
   32 bytes of it, gets what the table's first such line says.
3. Sort what was joined into parts of the index, one for each part of the sources, under the name of whoever
   made the table. No part that exists is touched, and no row gets another number.
4. Show them all by one new manifest: a table is attached as a whole or not at all.

What is attached finds candidates only. The picture behind an address may have been another one when it was
fingerprinted, so rows keep the digests that their source gives; where the two differ, it is counted.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from takedown.dataset import Shard
from takedown.errors import UsageError
from takedown.index.assemble import assemble, clear
from takedown.index.grow import (
    MEMORY_BYTES,
    Progress,
    check_limits,
    drop_unnamed,
    part_folder,
    place_part,
    show,
)
from takedown.index.interface import PDQ_RADIUS, Coverage, IndexInfo
from takedown.index.lookup import Index
from takedown.index.manifest import Manifest, PartRecord, read
from takedown.index.table_lines import JOINED, TableLines
from takedown.index.units import UNIT_ROWS, UnitArrays
from takedown.index.workspace import WORK, held

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
        memory_bytes: most memory; at least LEAST_MEMORY.
        progress: told of rows as they pass.

    Raises:
        BadIndex: the folder is no index, or one of its sources changed since.
        BadDataset: a table cannot be read, or has neither addresses nor fingerprints.
        UsageError: the name is not one, or was used before; another process changes the index.
    """
    index = Path(os.path.abspath(folder))
    check_limits(memory_bytes)
    _check_name(by, read(index)[0])
    with held(index):
        _check_name(by, read(index)[0])
        drop_unnamed(index, read(index)[0])
        work = index / WORK / "attach"
        clear(work)
        try:
            with TableLines(work / "table") as table:
                for path in tables:
                    table.add(Path(path))
                table.finish(memory_bytes)
                _Join(index, table, by, work, memory_bytes, progress).run()
        finally:
            shutil.rmtree(work, ignore_errors=True)
            drop_unnamed(index, read(index)[0])
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


class _Join:
    """Steps 2 and 3."""

    def __init__(
        self,
        index: Path,
        table: TableLines,
        by: str,
        work: Path,
        memory_bytes: int,
        progress: Progress | None,
    ) -> None:
        self._folder, self._table, self._by, self._work = index, table, by, work
        self._memory, self._progress = memory_bytes, progress
        self._index = Index(index)

    def run(self) -> None:
        manifest, digest = read(self._folder)
        rows = _Stream(self._index, manifest.rows, self._progress)
        counts = {"lines": self._table.lines, "other_pipeline": self._table.ignored}
        for part in [part for part in manifest.parts if part.by is None]:
            joined = _Joined(self._work / "units", self._table, self._index, part.first)
            rows.send_until(part.first + part.rows, joined)
            joined.finish(part.first + part.rows)
            manifest = self._placed(manifest, part, joined, counts)
            counts = {}
        show(self._folder, manifest, digest)

    def _placed(
        self, manifest: Manifest, source: PartRecord, joined: _Joined, counts: dict[str, int]
    ) -> Manifest:
        """Put what was joined to the rows of one part in place."""
        new = self._work / "part"
        clear(new)
        clear(self._work / "temporary")
        assemble(joined.units, new, self._work / "temporary", self._memory, lambda done, total, kind: None)
        part = PartRecord(
            part_folder(manifest),
            source.first,
            source.rows,
            joined.coverage,
            self._by,
            counts | joined.counts,
        )
        return place_part(self._folder, manifest, part, new)


class _Stream:
    """The addresses of an index, as SHA-256 digests, in the order of the rows."""

    def __init__(self, index: Index, total: int, progress: Progress | None) -> None:
        self._batches = self._read(index)
        self._held: tuple[int, NDArray[np.int64], NDArray[np.uint8]] | None = None
        self._total, self._progress = total, progress

    def send_until(self, stop: int, joined: _Joined) -> None:
        """Give a part its rows. Parts end where shards end, and batches do not cross shards."""
        while (held := self._held or next(self._batches, None)) is not None:
            end, rows, digests = self._held = held
            if end > stop:
                return
            self._held = None
            joined.add(end, rows, digests)
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
    """What was joined to the rows of one part, laid out in units like those of a build."""

    def __init__(self, folder: Path, table: TableLines, index: Index, first: int) -> None:
        clear(folder)
        self._folder, self._table, self._index = folder, table, index
        self._first = first  # row of the index that is the first of the unit being written
        self._added: Counter[str] = Counter()
        self.units: list[UnitArrays] = []
        self.counts = {"joined": 0, "rows": 0, "disagreements": 0}
        self._files: dict[str, BinaryIO] = {}

    @property
    def coverage(self) -> Coverage:
        """Rows that nothing before reached."""
        return Coverage(**{kind: self._added[kind] for kind in ("sha256", "md5", "pdq", "phash")})

    def add(self, end: int, rows: NDArray[np.int64], digests: NDArray[np.uint8]) -> None:
        """Join some rows by the SHA-256 of their addresses; ``end`` is the row behind the last of them."""
        place, line = self._table.find(digests)
        rows = rows[place]
        self.counts["joined"] += len(rows)
        useful, differs = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
        for kind in JOINED:
            known = self._table.known[kind][line].astype(bool)
            values = self._table.values[kind][line]
            if kind != "pdq_quality":
                before = self._index.known_values(kind, rows)
                self._added[kind] += int((known & ~before.known).sum())
                differs |= known & before.known & _far(kind, before.values, values)
                useful |= known
            self._write(kind, rows[known], values[known])
        self.counts["rows"] += int(useful.sum())
        self.counts["disagreements"] += int(differs.sum())
        if end - self._first >= UNIT_ROWS:
            self.finish(end)

    def finish(self, end: int) -> None:
        """End the unit that is being written before a row of the index."""
        for file in self._files.values():
            file.close()
        self._files = {}
        self.units.append(UnitArrays(self._unit, end - self._first))
        self._first = end

    @property
    def _unit(self) -> Path:
        return self._folder / str(len(self.units))

    def _write(self, kind: str, rows: NDArray[np.int64], values: NDArray[np.uint8]) -> None:
        if not len(rows):
            return
        self._unit.mkdir(exist_ok=True)
        for name, data in ((f"{kind}.rows", (rows - self._first).astype("<u4")), (f"{kind}.values", values)):
            if name not in self._files:
                self._files[name] = (self._unit / name).open("wb")
            self._files[name].write(np.ascontiguousarray(data).data)


def _far(kind: str, before: NDArray[np.uint8], values: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where one is not the other: another digest, or a perceptual hash too far away."""
    allowed = {"pdq": PDQ_RADIUS, "phash": 64}.get(kind, 0)
    far: NDArray[np.bool_] = np.bitwise_count(before ^ values).sum(axis=1) > allowed
    return far
