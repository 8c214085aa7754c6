"""Codes cut into bands, and rows sorted by them: what building and asking share, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.jit import kernel

#: Codes reordered together, before each band is cut from all of them.
_BLOCK = 64


@kernel
def cut(
    codes: NDArray[np.uint8], table: NDArray[np.uint64], bands: int, bits: int, keys: NDArray[Any]
) -> None:
    """Write the value of each band of each code: keys[band, line]. ``table[byte, value]`` holds its bits."""
    count, width = codes.shape
    words = table.shape[2]
    reordered = np.zeros((_BLOCK, words + 1), np.uint64)
    for start in range(0, count, _BLOCK):
        end = min(start + _BLOCK, count)
        for word in range(words):
            for line in range(start, end):
                gathered = np.uint64(0)
                for byte in range(width):
                    gathered |= table[byte, codes[line, byte], word]
                reordered[line - start, word] = gathered
        spread(reordered, bands, bits, start, end, keys)


@kernel
def spread(
    reordered: NDArray[np.uint64], bands: int, bits: int, start: int, end: int, keys: NDArray[Any]
) -> None:
    """Cut the reordered codes of lines [start, end), each with an empty word behind it."""
    mask = np.uint64((1 << bits) - 1)
    for band in range(bands):
        word, shift = (band * bits) >> 6, np.uint64((band * bits) & 63)
        for line in range(start, end):
            key = reordered[line - start, word] >> shift
            if shift:
                key |= reordered[line - start, word + 1] << (np.uint64(64) - shift)
            keys[band, line] = key & mask


@kernel
def sign(keys: NDArray[Any], bits: int, signature: int, signatures: NDArray[Any]) -> None:
    """Write the bits that follow each band on the ring: signatures[band, line]."""
    bands, count = keys.shape
    mask = np.uint64((1 << signature) - 1)
    for band in range(bands):
        for line in range(count):
            value, filled, step = np.uint64(0), 0, 1
            while filled < signature:
                value |= np.uint64(keys[(band + step) % bands, line]) << np.uint64(filled)
                filled += bits
                step += 1
            signatures[band, line] = value & mask


@kernel
def histogram(keys: NDArray[Any], counts: NDArray[np.int64]) -> None:
    """Count how often each key occurs, on top of what ``counts`` holds."""
    for line in range(len(keys)):
        counts[keys[line]] += 1


@kernel
def place(
    keys: NDArray[Any],
    signatures: NDArray[Any],
    first: int,
    low: int,
    high: int,
    places: NDArray[np.int64],
    rows: NDArray[Any],
    beside: NDArray[Any],
) -> None:
    """Put lines, counted from ``first``, with a key in [low, high) where ``places`` says, which moves on."""
    signed = len(beside) > 0
    for line in range(len(keys)):
        key = np.int64(keys[line])
        if low <= key < high:
            to = places[key - low]
            places[key - low] = to + 1
            rows[to] = first + line
            if signed:
                beside[to] = signatures[line]
