"""NNNNN_stats.json: how many rows of a shard there are, and how their downloads ended."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.dataset import samples
from takedown.dataset.atomic import Pending
from takedown.dataset.parquet import damaged, open_parquet
from takedown.dataset.tar import bad

#: (status, error message) of rows -> how many.
Ends = Counter[tuple[str, str]]


def recount(source: Path, ends: Ends, sign: int, target: Path, pending: Pending) -> int:
    """Write the stats again with rows taken off or put on.

    Args:
        source: the stats as they are.
        ends: the rows.
        sign: -1 takes them off, 1 puts them on.

    Returns:
        Bytes written. Raises BadDataset.
    """
    content = json.dumps(_changed(_read(source), ends, sign), indent=4).encode()
    with pending.writing(target) as sink:
        sink.write(content)
    return len(content)


def ends_of(sidecar: Path | None, rows: NDArray[np.int64]) -> Ends:
    """How the downloads of these rows ended. What stands in a tar by itself was a success."""
    if sidecar is None:
        return Counter({("success", ""): len(rows)})
    ends: Ends = Counter()
    first = 0
    with open_parquet(sidecar) as file, damaged(sidecar):
        names = [name for name in ("status", "error_message") if name in file.schema_arrow.names]
        for batch in file.iter_batches(columns=names):
            low, high = np.searchsorted(rows, (first, first + batch.num_rows))
            for row in batch.take(rows[low:high] - first).to_pylist() if names else ():
                ends[(row.get("status") or "success", row.get("error_message") or "")] += 1
            first += batch.num_rows
    return ends or Counter({("success", ""): len(rows)})


def _changed(stats: dict[str, Any], ends: Ends, sign: int) -> dict[str, Any]:
    reasons = stats.get("status_dict")
    for (status, message), count in ends.items():
        _add(stats, "count", sign * count)
        _add(stats, "successes" if status == "success" else status, sign * count)
        if isinstance(reasons, dict):
            reason = status if status == "success" else message
            if sign > 0:
                reasons.setdefault(reason, 0)
            _add(reasons, reason, sign * count)
    if isinstance(reasons, dict):
        stats["status_dict"] = {reason: count for reason, count in reasons.items() if count != 0}
    return stats


def _read(source: Path) -> dict[str, Any]:
    try:
        if source.stat().st_size > samples.MAX_TEXT_BYTES:
            raise ValueError
        stats = json.loads(source.read_bytes())
    except (ValueError, RecursionError):
        stats = None
    if not isinstance(stats, dict):
        raise bad(source, "is not a stats file of img2dataset", "stats-damaged")
    return stats


def _add(counts: dict[str, Any], name: str, by: int) -> None:
    if isinstance(counts.get(name), int):
        counts[name] = max(0, counts[name] + by)
