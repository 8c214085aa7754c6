"""Put samples that were set aside back into an img2dataset shard.

1. Put the rows back into the sidecar, where there is one.
2. Copy the tar. Behind each sample write the samples set aside whose rows come before that of the next one. A
   tar whose samples stand in the order of their rows, as img2dataset writes them, is then what it was.
3. Put the rows on the counts in NNNNN_stats.json, and write the index of the new tar, where there was one.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from takedown.dataset.atomic import Pending
from takedown.dataset.interface import Shard
from takedown.dataset.parquet_put_back import check_places, not_fitting
from takedown.dataset.parquet_put_back import put_back as put_rows_back
from takedown.dataset.tar import Member, known_members
from takedown.dataset.tar_index import version_of, write_index
from takedown.dataset.tar_write import Entry, TarWriter, entries
from takedown.dataset.webdataset_stats import ends_of, recount

if TYPE_CHECKING:
    from takedown.dataset.webdataset import Img2datasetShard

#: Number of a row in the result, and the members of its sample.
Waiting = list[tuple[int, list[Member]]]


def put_back(
    shard: Img2datasetShard, aside: Shard, places: NDArray[np.int64], folder: Path, pending: Pending
) -> int:
    """Write tar, sidecar, stats and index of the shard with the samples of `aside` among its own.

    Returns:
        Bytes written.

    Raises:
        BadDataset: damaged, an index of unknown format, or `aside` does not fit.
    """
    theirs = _same_layout(shard, aside)
    check_places(places, theirs.num_rows, shard.num_rows + theirs.num_rows, shard.path)
    written, old, new = _tar(shard, theirs, places, folder, pending)
    if shard.sidecar and theirs.sidecar:
        target = folder / shard.sidecar.path.name
        written += put_rows_back(shard.sidecar.path, theirs.sidecar.path, places, target, pending)
    if shard.stats.is_file():
        ends = ends_of(theirs.sidecar.path if theirs.sidecar else None, np.arange(theirs.num_rows))
        written += recount(shard.stats, ends, 1, folder / shard.stats.name, pending)
    if shard.index:
        version = version_of(shard.index, old)
        written += write_index(new, version, folder / shard.index.name, pending)
    return written


def _same_layout(shard: Img2datasetShard, aside: Shard) -> Img2datasetShard:
    from takedown.dataset.webdataset import Img2datasetShard

    if not isinstance(aside, Img2datasetShard) or bool(aside.sidecar) != bool(shard.sidecar):
        raise not_fitting(shard.path)
    return aside


def _tar(
    shard: Img2datasetShard,
    aside: Img2datasetShard,
    places: NDArray[np.int64],
    folder: Path,
    pending: Pending,
) -> tuple[int, list[Entry], list[Entry]]:
    """Write the tar. Returns bytes written, and what stood and stands where."""
    rows = _rows_in_result(shard, places)
    found = list(known_members(shard.path, rows))
    waiting = _waiting(aside, places)
    if any(member.key in rows for _, sample in waiting for member in sample):
        raise not_fitting(shard.path)
    with (
        shard.path.open("rb") as ours,
        aside.path.open("rb") as theirs,
        pending.writing(folder / shard.path.name) as sink,
    ):
        tar, at = TarWriter(sink), 0
        nexts = _next_rows(found, rows, shard.num_rows + aside.num_rows)
        for number, member in enumerate(found):
            tar.copy(ours, at, member.start)
            row = rows.get(member.key)
            if row is not None:
                _add_before(row, waiting, theirs, tar)
            tar.add(ours, member)
            at = member.end
            if row is not None and (number + 1 == len(found) or found[number + 1].key != member.key):
                _add_before(nexts[row], waiting, theirs, tar)
        _add_before(shard.num_rows + aside.num_rows, waiting, theirs, tar)
        return tar.end(ours, at), entries(found), tar.entries


def _next_rows(found: list[Member], rows: dict[str, int], total: int) -> dict[int, int]:
    """Row of each sample -> the next row that has a sample, or `total` behind the last."""
    order = sorted({rows[member.key] for member in found if member.key in rows})
    return dict(pairwise([*order, total]))


def _rows_in_result(shard: Img2datasetShard, places: NDArray[np.int64]) -> dict[str, int]:
    """Key -> number of its row once the others are back."""
    numbers = shard.row_of_key()
    before = places - np.arange(len(places))
    own = np.arange(shard.num_rows)
    new = (own + np.searchsorted(before, own, side="right")).tolist()
    return {key: new[number] for key, number in numbers.items()}


def _waiting(aside: Img2datasetShard, places: NDArray[np.int64]) -> Waiting:
    """The samples set aside, the last row first."""
    rows = {key: int(places[number]) for key, number in aside.row_of_key().items()}
    found: dict[int, list[Member]] = {}
    for member in known_members(aside.path, rows):
        found.setdefault(rows.get(member.key, rows.get(member.name, -1)), []).append(member)
    return sorted(found.items(), reverse=True)


def _add_before(row: int, waiting: Waiting, source: BinaryIO, tar: TarWriter) -> None:
    """Write the samples whose rows come before this one."""
    while waiting and waiting[-1][0] < row:
        for member in waiting.pop()[1]:
            tar.add(source, member)
