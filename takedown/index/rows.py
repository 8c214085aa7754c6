"""From a row number to the row: which shard it stands in, and what that shard and the index know of it.

An index holds no copy of the rows. Their numbers run through all shards in the order of the manifest, so the
shard is found among the first numbers of all shards, and the row is read from the shard itself. A shard that
changed since the build would give other rows under the old numbers; its stamp is compared first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from takedown.dataset import Shard, open_source
from takedown.errors import BadDataset, BadIndex
from takedown.index.manifest import ShardRecord, SourceRecord
from takedown.keys import Row

#: Shards whose footers are kept: each may be a megabyte, and a large dataset has thousands.
MAX_OPEN = 256

#: From row numbers to kind -> a value or None for each of them.
Known = Callable[[NDArray[np.int64]], Mapping[str, Sequence[bytes | None]]]


class RowReader:
    """Reads rows of an index from its sources.

    Args:
        sources: as in the manifest.
    """

    def __init__(self, sources: Sequence[SourceRecord]) -> None:
        self._records = [(Path(source.path), shard) for source in sources for shard in source.shards]
        self._names = _names(sources)
        counts = np.array([0, *(record.rows for _, record in self._records)], dtype=np.int64)
        self._first = np.cumsum(counts)
        self._shards: dict[int, Shard] = {}

    @property
    def total(self) -> int:
        return int(self._first[-1])

    def read(self, numbers: Sequence[int], known: Known) -> list[Row]:
        """The rows with these numbers, in the order asked for; repeats are allowed.

        Args:
            numbers: row numbers of the index.
            known: from row numbers to what the index knows of each, which goes into the rows.

        Raises:
            BadIndex: no such row, or its source changed or vanished since the build.
        """
        found: dict[int, Row] = {}
        for place, chosen in self._by_shard(numbers):
            found.update(self._from_shard(place, chosen, known))
        return [found[int(number)] for number in numbers]

    def addresses(self, numbers: Sequence[int]) -> dict[int, str | None]:
        """The addresses of the rows with these numbers, and nothing else of them, ascending.

        Raises:
            BadIndex: as read.
        """
        found: dict[int, str | None] = {}
        for place, chosen in self._by_shard(numbers):
            first = int(self._first[place])
            rows = self._open(place).read_rows([number - first for number in chosen], columns=("url",))
            found.update(zip(chosen, (row.url for row in rows), strict=True))
        return found

    def shards(self) -> Iterator[tuple[int, Shard]]:
        """Every shard with the number of its first row, in order.

        Raises:
            BadIndex: one changed or vanished since the build.
        """
        for place in range(len(self._records)):
            yield int(self._first[place]), self._open(place)

    def _by_shard(self, numbers: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        """(place of a shard, the numbers that lie in it), each number once, all ascending."""
        wanted = np.unique(np.asarray(numbers, dtype=np.int64))
        if wanted.size and (wanted[0] < 0 or wanted[-1] >= self.total):
            raise BadIndex(f"This index has rows 0 to {self.total - 1} only.", slug="index-no-such-row")
        places = np.searchsorted(self._first, wanted, side="right") - 1
        edges = np.flatnonzero(np.diff(places, prepend=-1))
        for place, chosen in zip(places[edges].tolist(), np.split(wanted, edges[1:]), strict=False):
            yield place, chosen.tolist()

    def _from_shard(self, place: int, chosen: list[int], known: Known) -> dict[int, Row]:
        _, record = self._records[place]
        first = int(self._first[place])
        rows = self._open(place).read_rows([number - first for number in chosen])
        values = known(np.array(chosen, dtype=np.int64))
        found = {}
        for at, (number, row) in enumerate(zip(chosen, rows, strict=True)):
            # A folder of pictures is one shard, but each of its rows is a file with a name of its own.
            source = (
                os.path.join(self._names[place], row.source)
                if record.kind == "images"
                else self._names[place]
            )
            found[number] = _with(
                replace(row, row=number, source=source), {n: v[at] for n, v in values.items()}
            )
        return found

    def _open(self, place: int) -> Shard:
        """The shard, opened at first use, if it still is what was indexed."""
        folder, record = self._records[place]
        try:
            if place not in self._shards:
                if len(self._shards) >= MAX_OPEN:
                    self._shards.pop(next(iter(self._shards)))
                (self._shards[place],) = open_source(Path(os.path.normpath(folder / record.file))).shards
            shard = self._shards[place]
            unchanged = tuple(shard.stamp()) == record.stamp
        except (BadDataset, OSError, ValueError):
            unchanged = False
        if not unchanged:
            self._shards.pop(place, None)
            raise _moved(folder, record)
        return shard


def _names(sources: Sequence[SourceRecord]) -> list[str]:
    """A name for each shard that no other has: its own, or, with several sources, its path below them all."""
    if len(sources) < 2:
        return ["" if shard.kind == "images" else shard.name for one in sources for shard in one.shards]
    paths = [os.path.normpath(os.path.join(one.path, shard.file)) for one in sources for shard in one.shards]
    kinds = [shard.kind for one in sources for shard in one.shards]
    base = os.path.commonpath(
        [p if kind == "images" else os.path.dirname(p) for p, kind in zip(paths, kinds, strict=True)]
    )
    return [Path(os.path.relpath(path, base)).as_posix() for path in paths]


def _with(row: Row, known: Mapping[str, bytes | None]) -> Row:
    """The row with what the index knows of it; what the index does not know stays as the source has it."""
    quality = known.get("pdq_quality")
    return replace(
        row,
        sha256=known.get("sha256") or row.sha256,
        md5=known.get("md5") or row.md5,
        sha1=known.get("sha1") or row.sha1,
        pdq=known.get("pdq") or row.pdq,
        phash=known.get("phash") or row.phash,
        pdq_quality=quality[0] if quality else row.pdq_quality,
    )


def _moved(folder: Path, record: ShardRecord) -> BadIndex:
    return BadIndex(
        f"{record.name} in {folder} was moved or changed after this index was built, so its rows cannot be "
        "read; put the file back as it was, or build the index again.",
        slug="index-source-changed",
    )
