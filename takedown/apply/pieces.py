"""Scanning one long file in pieces, so that all cores have a share of it.

Only where a file is more than its share of all rows: then its pieces are scanned first, and the file is
written with what they found. Other files are scanned and written by one process in one go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from takedown.apply.layout import Job
from takedown.apply.scan import Removals
from takedown.dataset import Piece, RowBatch, Shard
from takedown.dataset.interface import BATCH_ROWS

#: Fewest rows of a piece.
PIECE_ROWS = 500_000
#: Pieces for each process, so that all end at about the same time.
_PER_WORKER = 4


class PieceOf:
    """A shard as a scan sees it, of which only one piece is read."""

    def __init__(self, shard: Shard, piece: Piece) -> None:
        self._shard, self._piece = shard, piece

    def rows(
        self, batch_size: int = BATCH_ROWS, columns: Collection[str] | None = None
    ) -> Iterator[RowBatch]:
        """As `Shard.rows`, with numbers in the whole shard."""
        return self._shard.rows(batch_size, columns, self._piece)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shard, name)


def cut(jobs: Sequence[Job], workers: int) -> dict[int, list[Piece]]:
    """Number of a job -> its pieces, for each that would keep one process busy when the others are done."""
    rows = [job.shard.known_rows or 0 for job in jobs]
    share = sum(rows) / max(1, workers)
    if workers < 2:
        return {}
    found = {
        number: jobs[number].shard.pieces(max(PIECE_ROWS, count // (workers * _PER_WORKER)))
        for number, count in enumerate(rows)
        if count > max(share, PIECE_ROWS)
    }
    return {number: pieces for number, pieces in found.items() if len(pieces) > 1}


def together(parts: Sequence[Removals]) -> Removals:
    """What was found in all pieces of a shard, given in their order."""
    return Removals(
        rows=np.concatenate([part.rows for part in parts]),
        rows_in=sum(part.rows_in for part in parts),
        null_urls=sum(part.null_urls for part in parts),
        by_kind=_sum([part.by_kind for part in parts]),
        kinds=np.concatenate([part.kinds for part in parts]),
        uncheckable=_sum([part.uncheckable for part in parts]),
    )


def _sum(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)
