"""Random PDQ codes in a file, with neighbours of known distance planted among them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

#: Bytes and bits of a code.
WIDTH = 32
BITS = 8 * WIDTH

#: Neighbours of each query, and how far the farthest of them lies, in bits: well beyond any radius used.
EACH = 4
FARTHEST = 40

#: Rows made at a time: 32 MB of codes.
_BLOCK = 1_000_000

#: Neighbours made at a time: 10 MB of bits.
_NEIGHBOURS = 10_000


@dataclass(frozen=True)
class Planted:
    """Codes, queries, and every pair of them that was made to be near.

    Two codes that were not made so differ in 128 bits on average, and in fewer than 60 practically never
    (10^-17 a pair). So the pairs within a radius are known without searching for them.

    Attributes:
        codes: uint8[N, 32], mapped from its file, read-only.
        queries: uint8[Q, 32].
        query, row, distance: int64[4 * Q] each, ordered by query, then row; distances are 0 to 40 bits, and
            any 41 queries in a row have all of them.
    """

    codes: NDArray[np.uint8]
    queries: NDArray[np.uint8]
    query: NDArray[np.int64]
    row: NDArray[np.int64]
    distance: NDArray[np.int64]

    def within(self, radius: int, queries: int | None = None) -> set[tuple[int, int]]:
        """The (query, row) pairs that a search must find.

        Args:
            radius: in bits, inclusive.
            queries: only pairs of the first so many queries.
        """
        wanted = self.distance <= radius
        if queries is not None:
            wanted &= self.query < queries
        return set(zip(self.query[wanted].tolist(), self.row[wanted].tolist(), strict=True))


def write(folder: Path, rows: int, queries: int, seed: int = 0) -> Planted:
    """Make codes and queries in a folder, which may hold others of other numbers of rows.

    Memory stays at about 100 MB, whatever ``rows`` is. The same arguments give the same codes.
    """
    rng = np.random.Generator(np.random.SFC64((seed, rows)))
    codes = open_memmap(folder / f"codes-{rows}.npy", "w+", np.uint8, (rows, WIDTH))
    for start in range(0, rows, _BLOCK):
        codes[start : start + _BLOCK] = _random(rng, min(_BLOCK, rows - start))
    asked = _random(rng, queries)
    row = rng.choice(rows, EACH * queries, replace=False)
    query = np.repeat(np.arange(queries), EACH)
    distance = (query + 10 * (np.arange(EACH * queries) % EACH)) % (FARTHEST + 1)
    for start in range(0, len(row), _NEIGHBOURS):
        some = slice(start, start + _NEIGHBOURS)
        codes[row[some]] = asked[query[some]] ^ _differing(rng, distance[some])
    codes.flush()
    order = np.lexsort((row, query))
    pairs = np.stack([query, row, distance], axis=0)[:, order].astype(np.int64)
    np.savez(folder / f"queries-{rows}.npz", queries=asked, pairs=pairs)
    return load(folder, rows)


def load(folder: Path, rows: int) -> Planted:
    """What ``write`` made, its codes mapped from their file: for another process that shares them."""
    codes = np.load(folder / f"codes-{rows}.npy", mmap_mode="r")
    with np.load(folder / f"queries-{rows}.npz") as arrays:
        return Planted(codes, arrays["queries"], *arrays["pairs"])


def _random(rng: np.random.Generator, rows: int) -> NDArray[np.uint8]:
    words = rng.integers(0, 1 << 64, (rows, WIDTH // 8), dtype=np.uint64)
    return words.view(np.uint8)


def _differing(rng: np.random.Generator, distance: NDArray[np.int64]) -> NDArray[np.uint8]:
    """uint8[len(distance), 32]: so many bits set in each line, at random places."""
    places = rng.random((len(distance), BITS), dtype=np.float32).argsort(axis=1)
    bits = np.zeros(places.shape, np.uint8)
    np.put_along_axis(bits, places, (np.arange(BITS) < distance[:, None]).astype(np.uint8), axis=1)
    return np.packbits(bits, axis=1)
