"""Write rows the way LAION published them: Parquet with addresses and captions, and no pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from portal.sample.rows import SampleRow, address, caption

#: Rows that only the metadata has.
STRANGERS = 900


def write_metadata(out: Path, rows: Sequence[SampleRow], rng: np.random.Generator) -> None:
    """Two Parquet files with the addresses of all rows among those of strangers, in random order."""
    cells = [(row.url, row.caption) for row in rows]
    cells += [(address(rng, 10_000 + number), caption(rng)) for number in range(STRANGERS)]
    cells = [cells[at] for at in rng.permutation(len(cells))]
    sides = rng.integers(256, 2048, (2, len(cells)), dtype=np.int32)
    table = pa.table(
        {
            "URL": [url for url, _ in cells],
            "TEXT": [text for _, text in cells],
            "WIDTH": sides[0],
            "HEIGHT": sides[1],
            "similarity": rng.uniform(0.28, 0.45, len(cells)).astype(np.float32),
            "punsafe": rng.uniform(0, 0.1, len(cells)).astype(np.float32),
        }
    )
    out.mkdir(parents=True)
    half = len(cells) // 2
    for number, part in enumerate((table.slice(0, half), table.slice(half))):
        pq.write_table(part, out / f"part-{number:05}.snappy.parquet", row_group_size=200)
