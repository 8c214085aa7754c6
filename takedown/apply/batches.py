"""Leave listed rows out of batches in memory, for who reads Parquet himself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from takedown.apply.listed import Listing
from takedown.apply.scan import STAYS, Scanner
from takedown.dataset import RowBatch
from takedown.dataset import columns as cols

_HERE = Path("The batch")


def filter_batch(
    batch: pa.RecordBatch, blocklist: Listing | Scanner, uncheckable: Counter[str] | None = None
) -> pa.RecordBatch:
    """The rows of a batch that a list does not name, in order, with all columns.

    Args:
        batch: with a column URL or url; captions and digests are found as in files.
        blocklist: such as takedown.Blocklist. For many batches of any other kind of list make one Scanner.
        uncheckable: rows that stay although a kind could not be compared with them are added, by reason.

    Raises:
        BadDataset: no column for the address, or several, or one that is not text.
    """
    scanner = blocklist if isinstance(blocklist, Scanner) else Scanner(blocklist)
    marks = scanner.marked(_rows(batch, scanner), Counter() if uncheckable is None else uncheckable)
    stays = marks == STAYS
    return batch if stays.all() else _kept(batch, stays)


def _kept(batch: pa.RecordBatch, stays: NDArray[np.bool_]) -> pa.RecordBatch:
    try:
        return batch.filter(pa.array(stays))
    except pa.ArrowNotImplementedError:  # pyarrow filters no views, but puts pieces of them together
        edges = np.flatnonzero(np.diff(stays, prepend=False, append=False)).reshape(-1, 2).tolist()
        pieces = [batch.slice(first, stop - first) for first, stop in edges]
        return pa.concat_batches(pieces) if pieces else batch.slice(0, 0)


def _rows(batch: pa.RecordBatch, scanner: Scanner) -> RowBatch:
    names = batch.schema.names
    found = cols.locate(names, _HERE)
    cols.require_url(found, names, _HERE)
    values: dict[str, Any] = {}
    for ours in scanner.columns:
        if ours in found:
            field = f"{ours}_bytes" if ours in ("url", "caption") else ours
            values[field] = cols.read(ours, batch.column(found[ours]), _HERE)
    return RowBatch(0, batch.num_rows, **values)
