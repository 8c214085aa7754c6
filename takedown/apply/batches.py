"""Leave listed rows out of batches in memory, for who reads Parquet himself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

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
    return batch if stays.all() else batch.filter(pa.array(stays))


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
