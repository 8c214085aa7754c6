"""Doubts an index: every file against the manifest, every source against its stamp, some rows by asking.

1. SHA-256 of every file, so that a single flipped bit is found;
2. size and digest of every shard of the sources, so that rows are still what was indexed;
3. rows spread evenly over the index: the address of each must find it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from takedown.errors import BadIndex
from takedown.index.lookup import Index
from takedown.keys import url_sha256

#: Rows asked for, unless the caller says otherwise.
SAMPLE = 100

_BLOCK = 1_000


@dataclass(frozen=True)
class Doubted:
    """What was checked: files with their bytes, shards of the sources, and rows that found themselves."""

    files: int
    bytes: int
    shards: int
    rows: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def doubt(index: Index, *, sample: int = SAMPLE) -> Doubted:
    """Check an index as thoroughly as it can be without building it again.

    Args:
        sample: rows of step 3.

    Raises:
        BadIndex: a file is damaged, a source changed or vanished, or a row is not found.
    """
    index.verify()
    shards = sum(1 for _ in index.shards())
    asked = 0
    for rows in _sampled(index, sample):
        asked += len(rows)
        answers = index.find_digests("url_sha256", [url_sha256(url) for _, url in rows])
        found = {(place, hit.row) for place, hit in answers}
        for place, (number, _) in enumerate(rows):
            if (place, number) not in found:
                raise BadIndex(
                    f"Row {number} of this index is not found by its own address; build the index again.",
                    slug="index-row-lost",
                )
    return Doubted(index.file_count, index.info.bytes, shards, asked)


def _sampled(index: Index, sample: int) -> Iterator[list[tuple[int, str]]]:
    """(row, address) of evenly spread rows, some at a time."""
    total = index.info.rows
    count = min(sample, total)
    for start in range(0, count, _BLOCK):
        places = range(start, min(start + _BLOCK, count))
        rows = index.rows([place * (total - 1) // max(count - 1, 1) for place in places])
        yield [(row.row, row.url) for row in rows if row.url]
