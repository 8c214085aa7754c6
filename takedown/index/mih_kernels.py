"""Codes cut into bands, and rows sorted by them: what building and asking share, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.jit import kernel


@kernel
def cut(
    codes: NDArray[np.uint8], table: NDArray[np.uint64], bands: int, bits: int, keys: NDArray[Any]
) -> None:
    """Write the value of each band of each code: keys[band, line]. ``table[byte, value]`` holds its bits."""
    count, width = codes.shape
    words = table.shape[2]
    code = np.zeros(words + 1, np.uint64)
    mask = np.uint64((1 << bits) - 1)
    for line in range(count):
        code[:] = 0
        for byte in range(width):
            value = codes[line, byte]
            for word in range(words):
                code[word] |= table[byte, value, word]
        for band in range(bands):
            word, shift = (band * bits) >> 6, np.uint64((band * bits) & 63)
            key = code[word] >> shift
            if shift:
                key |= code[word + 1] << (np.uint64(64) - shift)
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
