"""State files: a list as Parquet, one kind a file, 1, 16 or 256 shards a kind by leading hex.

Written and read as streams of pieces; ``write_state`` and ``read_state`` do it for lists in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from takedown import disk
from takedown.blocklist import columns, paths
from takedown.blocklist.columns import Digests
from takedown.blocklist.entry import digest_hex
from takedown.blocklist.manifest import StateFile
from takedown.blocklist.pieces import Piece
from takedown.blocklist.state import State

SCHEMA = pa.schema(
    [pa.field("kind", pa.string(), nullable=False), pa.field("digest", pa.string(), nullable=False)]
)

#: Most rows in one file. A full digest takes about 32 bytes after zstd, so 4 million stay near 130 MB of 200.
ROWS_PER_FILE = 4_000_000


class ListWriter:
    """Writes the files of one list, kind after kind.

    Args:
        folder: of the release repository, or laid out like one; files go to their place inside it.
        edition, seq: what the files are named by.
        rows: most rows in one file, before another cut is chosen.

    Attributes:
        files: one record a file, sorted by kind and shard; none of a kind before its stream has ended.
    """

    def __init__(self, folder: Path, edition: str, seq: int, rows: int = ROWS_PER_FILE) -> None:
        self.files: list[StateFile] = []
        self._folder, self._edition, self._seq, self._rows = folder, edition, seq, rows

    def through(self, kind: str, count: int, chunks: Iterable[Digests]) -> Iterator[Digests]:
        """Write the digests of one kind, handing them on to whoever reads them next.

        Args:
            kind: of the digests.
            count: how many there will be: chooses the cut.
            chunks: arrays, ascending over all of them.
        """
        writer: _FileWriter | None = None
        for digests in chunks:
            for shard, part in _split(digests, self._cut(count, digests.dtype.itemsize)):
                if writer is None or writer.shard != shard:
                    self._finish(writer)
                    writer = _FileWriter(self._folder, self._path(kind, shard), kind, shard)
                writer.add(part)
            yield digests
        self._finish(writer)

    def _cut(self, count: int, wide: int) -> int:
        """Hexadecimal digits that name a shard, 0, 1 or 2: the fewest that keep files near ``rows``."""
        if count <= self._rows:
            return 0
        return 1 if count <= 16 * self._rows or wide < 2 else 2

    def _path(self, kind: str, shard: str) -> str:
        return paths.state(self._edition, self._seq, kind, shard)

    def _finish(self, writer: _FileWriter | None) -> None:
        if writer is not None:
            self.files.append(writer.close())


class _FileWriter:
    """One file; rows are held back until a row group is full, so that files do not depend on the chunks."""

    def __init__(self, folder: Path, path: str, kind: str, shard: str) -> None:
        self.shard = shard
        self._target, self._path, self._kind = folder / path, path, kind
        self._sink = columns.Sink(self._target, SCHEMA)
        self._held: list[Digests] = []
        self._rows = self._holding = 0

    def add(self, digests: Digests) -> None:
        while len(digests):
            part = digests[: columns.ROW_GROUP - self._holding]
            digests = digests[len(part) :]
            self._held.append(part)
            self._holding += len(part)
            if self._holding == columns.ROW_GROUP:
                self._flush()

    def close(self) -> StateFile:
        self._flush()
        self._sink.close()
        return StateFile(
            path=self._path,
            bytes=self._target.stat().st_size,
            sha256=disk.sha256_file(self._target),
            rows=self._rows,
            kind=self._kind,
            shard=self.shard,
        )

    def _flush(self) -> None:
        if not self._holding:
            return
        arrays = [array for part in self._held for array in columns.strings(part)]
        kinds = pa.repeat(pa.scalar(self._kind), self._holding)
        self._sink.write([kinds, pa.chunked_array(arrays, pa.string())])
        self._rows += self._holding
        self._held, self._holding = [], 0


def write_state(
    state: State, folder: Path, edition: str, seq: int, rows: int = ROWS_PER_FILE
) -> tuple[StateFile, ...]:
    """Write a full state as Parquet files.

    Args:
        state: the list.
        folder, edition, seq, rows: as ``ListWriter`` takes them.

    Returns:
        One record a file, sorted by kind and shard. None for an empty list.
    """
    writer = ListWriter(folder, edition, seq, rows)
    for kind, digests in state.lists.items():
        for _ in writer.through(kind, len(digests), columns.chunks(digests)):
            pass
    return tuple(writer.files)


def read_state(locate: disk.Locate, files: Sequence[StateFile], prefix_hex: int) -> State:
    """Read a full state strictly; arguments and errors as ``read_pieces``."""
    return State.collect(read_pieces(locate, files, prefix_hex), prefix_hex)


def read_pieces(locate: disk.Locate, files: Sequence[StateFile], prefix_hex: int) -> Iterator[Piece]:
    """Read a full state strictly, file by file: bytes, schema, rows, kind, digests, order and shard.

    Args:
        locate: from a path of the repository to the file on this disk.
        files: what the manifest says, sorted by kind and shard.
        prefix_hex: the edition's.

    Raises:
        VerificationFailed: the first of these that does not hold.
    """
    for file in files:
        path = locate(file.path)
        disk.check(path, file.bytes, file.sha256)
        for digests in columns.ascending(_read_file(path, file, prefix_hex), path.name):
            # Sorted, so the first and the last stand for all.
            if not all(bytes(digests[at]).startswith(file.shard.encode()) for at in (0, -1)):
                raise columns.refused(path.name, "has entries of another shard", "entry-shard")
            yield file.kind, digests


def _read_file(path: Path, file: StateFile, prefix_hex: int) -> Iterator[Digests]:
    for batch in columns.read_batches(path, SCHEMA, file.rows, SCHEMA.names):
        if not pc.all(pc.equal(batch.column("kind"), file.kind)).as_py():
            raise columns.refused(path.name, "has entries of another kind", "entry-kind")
        yield columns.fixed(batch.column("digest"), digest_hex(file.kind, prefix_hex), path.name)


def _split(digests: Digests, cut: int) -> Iterator[tuple[str, Digests]]:
    """(leading hex, digests) of each shard that an ascending array has any of."""
    if not cut or not len(digests):
        return iter([("", digests)] if len(digests) else [])
    names, starts = np.unique(digests.astype(f"S{cut}"), return_index=True)
    return zip((name.decode("ascii") for name in names), np.split(digests, starts[1:]), strict=True)
