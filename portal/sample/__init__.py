"""A small dataset to try everything with: generated pictures, invented addresses, edited copies.

    write_sample(folder)
      pictures/    img2dataset layout: tar shards, sidecar Parquet, statistics; some rows failed to download
      metadata/    LAION-like Parquet: the same addresses and many more, no pictures
      try/         edited copies of some pictures, addresses in other spellings, and what each should find

Every host lies under the reserved domain ``example``; nothing here names or shows anyone. The same seed gives
the same addresses, captions and pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from portal.sample.metadata import write_metadata
from portal.sample.rows import SampleRow, sample_rows
from portal.sample.shards import write_shards
from portal.sample.trials import TryAddress, TryFile, write_trials

__all__ = ["Sample", "SampleRow", "TryAddress", "TryFile", "write_sample"]


@dataclass(frozen=True)
class Sample:
    """Where everything is.

    Attributes:
        pictures, metadata: the two datasets.
        try_folder: the things to try.
        rows: rows of the first dataset, in the order of its shards, failed downloads included.
        files, addresses: what lies in ``try_folder`` and the row each of them should lead to.
    """

    pictures: Path
    metadata: Path
    try_folder: Path
    rows: tuple[SampleRow, ...]
    files: tuple[TryFile, ...]
    addresses: tuple[TryAddress, ...]


def write_sample(folder: Path, *, pictures: int = 120, seed: int = 20_261_122) -> Sample:
    """Write the sample into a folder that does not exist yet or is empty. Takes a few seconds.

    Args:
        folder: made when missing.
        pictures: how many different pictures, at least 24.
        seed: what everything is drawn from.
    """
    rng = np.random.default_rng(seed)
    rows = sample_rows(rng, pictures)
    sample = Sample(
        pictures=folder / "pictures",
        metadata=folder / "metadata",
        try_folder=folder / "try",
        rows=rows,
        files=(),
        addresses=(),
    )
    write_shards(sample.pictures, rows)
    write_metadata(sample.metadata, rows, rng)
    files, addresses = write_trials(sample.try_folder, rows)
    return Sample(sample.pictures, sample.metadata, sample.try_folder, rows, files, addresses)
