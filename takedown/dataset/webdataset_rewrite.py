"""Write an img2dataset shard again without some of its samples, or only those samples.

1. Find the keys of the removed rows, and how their downloads ended.
2. Copy the tar without the members of those keys; all else byte for byte, in order.
3. Write the sidecar without the rows, failed downloads included.
4. Take the removed rows off the counts in NNNNN_stats.json, and write the index of the new tar, if any.

All are written before the first is put in place. The tar goes first: when a kill falls in between, the
pictures are gone and the rerun does the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from takedown.dataset import parquet_rewrite
from takedown.dataset.atomic import Pending
from takedown.dataset.tar import Member, known_members
from takedown.dataset.tar_index import version_of, write_index
from takedown.dataset.tar_write import Entry, TarWriter, entries, last_end
from takedown.dataset.webdataset_stats import ends_of, recount

if TYPE_CHECKING:
    from takedown.dataset.webdataset import Img2datasetShard


def rewrite(shard: Img2datasetShard, removed: NDArray[np.int64], folder: Path, pending: Pending) -> int:
    """Write tar, sidecar, stats and index of the shard, to go into `folder`.

    Returns:
        Bytes written.

    Raises:
        BadDataset: damaged, or with an index of unknown format.
    """
    found, keys = _found(shard, removed)
    version = version_of(shard.index, entries(found)) if shard.index else ""
    written, new = _rewrite_tar(shard.path, found, keys, folder / shard.path.name, pending)
    if shard.sidecar:
        target = folder / shard.sidecar.path.name
        written += parquet_rewrite.rewrite(shard.sidecar.path, removed, target, pending)
    if shard.stats.is_file():
        ends = ends_of(shard.sidecar.path if shard.sidecar else None, removed)
        written += recount(shard.stats, ends, -1, folder / shard.stats.name, pending)
    if shard.index:
        written += write_index(new, version, folder / shard.index.name, pending)
    return written


def set_aside(shard: Img2datasetShard, removed: NDArray[np.int64], folder: Path, pending: Pending) -> int:
    """Write a tar of the removed samples, and a sidecar of the removed rows where the shard has one.

    Returns:
        Bytes written. Raises BadDataset.
    """
    found, keys = _found(shard, removed)
    with (
        shard.path.open("rb") as file,
        pending.writing(folder / shard.path.name, 0o600) as sink,
    ):
        tar = TarWriter(sink)
        for member in found:
            if _belongs(member, keys):
                tar.add(file, member)
        written = tar.end(file, last_end(found))
    if shard.sidecar:
        target = folder / shard.sidecar.path.name
        written += parquet_rewrite.set_aside(shard.sidecar.path, removed, target, pending)
    return written


def _found(shard: Img2datasetShard, removed: NDArray[np.int64]) -> tuple[list[Member], set[str]]:
    """All members of the tar, and the keys of the removed rows."""
    numbers = shard.row_of_key()
    chosen = set(removed.tolist())
    keys = {key for key, number in numbers.items() if number in chosen}
    return list(known_members(shard.path, numbers)), keys


def _rewrite_tar(
    source: Path, found: list[Member], keys: set[str], target: Path, pending: Pending
) -> tuple[int, list[Entry]]:
    """Copy a tar without the members of `keys`. Returns bytes written, and what stands where."""
    at = 0
    with source.open("rb") as file, pending.writing(target) as sink:
        tar = TarWriter(sink)
        for member in found:
            tar.copy(file, at, member.start)
            if not _belongs(member, keys):
                tar.add(file, member)
            at = member.end
        return tar.end(file, at), tar.entries


def _belongs(member: Member, keys: set[str]) -> bool:
    return member.key in keys or member.name in keys
