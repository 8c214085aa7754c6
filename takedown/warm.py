"""Compiles every hot loop once: ``python -m takedown.warm``, after installing and after every update.

Loops are compiled when they are first called, which takes about half a minute in all, and the machine code is
kept beside the source. Who installs does it here, so that nobody's picture waits for it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from takedown import fingerprint, stored
from takedown.errors import MissingExtra
from takedown.index import addresses, exact, mih

#: Rows that are enough for every way of building and asking, small batches and large ones.
_ROWS = 20_000
#: Rows that are compared one by one.
_FEW = 100


def warm() -> None:
    """Call everything that is compiled.

    Raises:
        MissingExtra: the optional part that reads pictures is not installed.
    """
    fingerprint.preload()
    stored.prepare()
    addresses.keys_of(pa.array([f"https://a.example/{number}-300x200.jpg" for number in range(_ROWS)]))
    dice = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(prefix="takedown-warm-") as name:
        _exact(dice, Path(name) / "exact")
        for width in (32, 8):
            for rows in (_FEW, _ROWS):
                _near(dice, Path(name) / f"near-{width}-{rows}", width, rows)


def _exact(dice: np.random.Generator, out: Path) -> None:
    keys = dice.integers(0, 2**64, _ROWS, dtype=np.uint64)
    for count in (_FEW, _ROWS):
        rows = np.arange(count, dtype=np.uint32)
        exact.build(keys[:count], out / str(count), rows=rows)
        index = exact.open(out / str(count))
        for asked in (1, count):
            index.search(keys[:asked])
        index.counts_between(keys[:9], keys[:9])


def _near(dice: np.random.Generator, out: Path, width: int, rows: int) -> None:
    codes = dice.integers(0, 256, (rows, width), dtype=np.uint8)
    mih.build(codes, out)
    index = mih.open(out)
    for count in (1, 40, 1_000):
        for radius in (width, 2 * width):
            index.search(codes[:count], radius)


if __name__ == "__main__":
    try:
        warm()
    except MissingExtra as error:
        sys.exit(error.sentence)
