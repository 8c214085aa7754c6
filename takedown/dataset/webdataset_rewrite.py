"""Write an img2dataset shard again without some of its samples.

1. Find the keys of the removed rows, and how their downloads ended.
2. Copy the tar without the members of those keys; all else byte for byte, in order.
3. Write the sidecar without the rows, failed downloads included.
4. Take the removed rows off the counts in NNNNN_stats.json.

All are written before the first is put in place. The tar goes first: when a kill falls in between, the
pictures are gone and the rerun does the rest.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from takedown.dataset import parquet_rewrite, samples
from takedown.dataset.atomic import Pending
from takedown.dataset.parquet import damaged, open_parquet
from takedown.dataset.tar import BLOCK, bad, known_members

if TYPE_CHECKING:
    from takedown.dataset.webdataset import Img2datasetShard

#: Tar files are padded with zeros to a multiple of this (POSIX: 20 blocks).
RECORD = 20 * BLOCK
_CHUNK = 1 << 20


def rewrite(shard: Img2datasetShard, removed: NDArray[np.int64], folder: Path, pending: Pending) -> int:
    """Write tar, sidecar and stats of the shard, to go into `folder`.

    Returns:
        Bytes written.

    Raises:
        BadDataset: damaged.
    """
    numbers = shard.row_of_key()
    chosen = set(removed.tolist())
    keys = {key for key, number in numbers.items() if number in chosen}
    stats = _less_removed(_read_stats(shard.stats), _ends(shard, removed)) if shard.stats.is_file() else None
    written = rewrite_tar(shard.path, keys, set(numbers), folder / shard.path.name, pending)
    if shard.sidecar:
        target = folder / shard.sidecar.path.name
        written += parquet_rewrite.rewrite(shard.sidecar.path, removed, target, pending)
    if stats is not None:
        written += _write_json(stats, folder / shard.stats.name, pending)
    return written


def rewrite_tar(source: Path, keys: set[str], known: set[str], target: Path, pending: Pending) -> int:
    """Copy a tar without the members of `keys`.

    Args:
        known: every key of the shard; a sample of another key is refused.

    Returns:
        Bytes written. Raises BadDataset.
    """
    with source.open("rb") as file, pending.writing(target) as sink:
        start = 0
        for member in known_members(source, known):
            if member.key in keys or member.name in keys:
                _copy(file, sink, start, member.start)
                start = member.end
        size = file.seek(0, 2)
        _copy(file, sink, start, size)
        if size % RECORD == 0:
            sink.write(bytes(-sink.tell() % RECORD))
        return sink.tell()


def _less_removed(stats: dict[str, Any], ends: Counter[tuple[str, str]]) -> dict[str, Any]:
    """Take the removed rows off the counts; `ends` counts their (status, error message)."""
    reasons = stats.get("status_dict")
    for (status, message), count in ends.items():
        _less(stats, "count", count)
        _less(stats, "successes" if status == "success" else status, count)
        if isinstance(reasons, dict):
            _less(reasons, status if status == "success" else message, count)
    if isinstance(reasons, dict):
        stats["status_dict"] = {reason: count for reason, count in reasons.items() if count != 0}
    return stats


def _write_json(stats: dict[str, Any], target: Path, pending: Pending) -> int:
    content = json.dumps(stats, indent=4).encode()
    with pending.writing(target) as sink:
        sink.write(content)
    return len(content)


def _ends(shard: Img2datasetShard, removed: NDArray[np.int64]) -> Counter[tuple[str, str]]:
    """(status, error message) of the removed rows. What stands in a tar by itself was a success."""
    if shard.sidecar is None:
        return Counter({("success", ""): len(removed)})
    ends: Counter[tuple[str, str]] = Counter()
    first = 0
    with open_parquet(shard.sidecar.path) as file, damaged(shard.sidecar.path):
        names = [name for name in ("status", "error_message") if name in file.schema_arrow.names]
        for batch in file.iter_batches(columns=names):
            low, high = np.searchsorted(removed, (first, first + batch.num_rows))
            for row in batch.take(removed[low:high] - first).to_pylist() if names else ():
                ends[(row.get("status") or "success", row.get("error_message") or "")] += 1
            first += batch.num_rows
    return ends or Counter({("success", ""): len(removed)})


def _read_stats(source: Path) -> dict[str, Any]:
    try:
        if source.stat().st_size > samples.MAX_TEXT_BYTES:
            raise ValueError
        stats = json.loads(source.read_bytes())
    except (ValueError, RecursionError):
        stats = None
    if not isinstance(stats, dict):
        raise bad(source, "is not a stats file of img2dataset", "stats-damaged")
    return stats


def _less(counts: dict[str, Any], name: str, by: int) -> None:
    if isinstance(counts.get(name), int):
        counts[name] = max(0, counts[name] - by)


def _copy(source: BinaryIO, sink: BinaryIO, start: int, end: int) -> None:
    source.seek(start)
    left = end - start
    while left > 0:
        chunk = source.read(min(_CHUNK, left))
        if not chunk:
            raise OSError("the file became shorter while it was read")
        sink.write(chunk)
        left -= len(chunk)
