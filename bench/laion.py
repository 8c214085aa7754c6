"""Generated metadata in the shape of LAION-400M: the columns, types, lengths and codec of the real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

#: Rows in a row group.
GROUP = 100_000

_TEXT = (
    "photo vintage garden wedding table blue wooden house print poster summer small white dress black "
    "portrait modern kitchen street winter river hand made silver ring leather travel city beach cake "
    "design free stock image of with and in the for a on set"
)
_WORDS = _TEXT.split(" ")

#: One address in so many is null, as in the real files.
_NULL_EVERY = 997


def write(path: Path, first: int, rows: int, seed: int = 0) -> None:
    """Write one Parquet file; ``first`` is the number that its first address carries."""
    rng = np.random.default_rng((seed, first))
    columns = {
        "SAMPLE_ID": pa.array(np.arange(first, first + rows)),
        "URL": _urls(rng, first, rows),
        "TEXT": _captions(rng, rows),
        "HEIGHT": pa.array(rng.integers(100, 3000, rows), pa.int32()),
        "WIDTH": pa.array(rng.integers(100, 3000, rows), pa.int32()),
        "LICENSE": pa.array(["?"]).take(pa.array(np.zeros(rows, np.int64))),
        "NSFW": pa.array(["UNLIKELY", "UNSURE", "NSFW"]).take(pa.array(rng.integers(0, 3, rows))),
        "similarity": pa.array(rng.uniform(0.3, 0.5, rows)),
    }
    pq.write_table(pa.table(columns), path, row_group_size=GROUP, compression="snappy")


def _urls(rng: np.random.Generator, first: int, rows: int) -> pa.Array:
    """Addresses of about 80 characters on 20,000 hosts; a third with an upper-case path, some a query."""
    hosts = pa.array([f"https://cdn{n % 9}.pictures-{n}.example/wp-content/uploads/" for n in range(20_000)])
    names = pa.array([f"{_WORDS[n % 40]}-{_WORDS[n // 40]}" for n in range(1_600)])
    ends = pa.array([".jpg", ".JPG", "-300x200.jpg", ".jpg?w=600", ".png", "_Large.jpeg"])
    numbers = pa.array(np.arange(first, first + rows)).cast(pa.string())
    parts = [
        hosts.take(pa.array(rng.integers(0, len(hosts), rows))),
        names.take(pa.array(rng.integers(0, len(names), rows))),
        numbers,
        ends.take(pa.array(rng.integers(0, len(ends), rows))),
    ]
    joined = pc.binary_join_element_wise(*parts, "")
    return pc.if_else(pa.array(_kept(first, rows)), joined, pa.scalar(None, pa.string()))


def _captions(rng: np.random.Generator, rows: int) -> pa.Array:
    """Eight words each."""
    words = pa.array(_WORDS)
    columns = [words.take(pa.array(rng.integers(0, len(words), rows))) for _ in range(8)]
    return pc.binary_join_element_wise(*columns, " ")


def _kept(first: int, rows: int) -> NDArray[np.bool_]:
    return np.not_equal(np.arange(first, first + rows) % _NULL_EVERY, 0)
