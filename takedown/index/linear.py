"""Find codes within a Hamming distance by comparing with every one: the oracle for anything faster.

Kept so plain that it can be checked by reading: XOR two codes, count the bits that differ, keep the pairs
with no more than ``radius`` of them. Any radius, any code whose length is a multiple of 8 bytes (PDQ 32,
pHash 8). One pass over the codes in blocks, so memory stays bounded and a mapped file is read once a batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.index.interface import Hits

#: Codes compared at a time: a block of PDQ codes is 2 MB and stays in the processor's cache.
_BLOCK = 1 << 16


class Linear:
    """Some codes to search in.

    Args:
        codes: uint8[N, W], one code a line, W a multiple of 8. The line is the row number in the answer.
    """

    def __init__(self, codes: NDArray[np.uint8]) -> None:
        self.width = codes.shape[1]
        self._words = _words(codes)

    def __len__(self) -> int:
        return len(self._words)

    def search(self, codes: NDArray[np.uint8], radius: int) -> Hits:
        """Find every code within a radius of each query.

        Args:
            codes: uint8[Q, W].
            radius: largest number of differing bits that still counts.

        Returns:
            All pairs, ordered by query, then row.
        """
        queries = _words(np.asarray(codes, dtype=np.uint8).reshape(-1, self.width))
        found = [
            _near(query, number, self._words[start : start + _BLOCK], start, radius)
            for start in range(0, len(self._words), _BLOCK)
            for number, query in enumerate(queries)
        ]
        query, row, distance = np.concatenate([np.empty((3, 0), np.int64), *found], axis=1)
        order = np.lexsort((row, query))
        return Hits(query[order], row[order], distance[order])


def distances(words: NDArray[np.uint64], query: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Differing bits between each code and one query.

    Args:
        words: uint64[N, W / 8].
        query: uint64[W / 8].
    """
    total = np.zeros(len(words), dtype=np.uint16)
    for column, word in zip(words.T, query, strict=True):
        total += np.bitwise_count(column ^ word)
    return total


def _near(
    query: NDArray[np.uint64], number: int, block: NDArray[np.uint64], start: int, radius: int
) -> NDArray[np.int64]:
    distance = distances(block, query)
    place = np.flatnonzero(distance <= radius)
    return np.stack([np.full(len(place), number), place + start, distance[place]]).astype(np.int64)


def _words(codes: NDArray[np.uint8]) -> NDArray[Any]:
    """The same bits seen as 64-bit words; bit order inside a word does not matter to a count."""
    return np.ascontiguousarray(codes).view(np.uint64)
