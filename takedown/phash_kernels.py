"""The hot loops of phash.py. Pillow's filter in integers, and doubles in a fixed order of operations."""

from __future__ import annotations

from typing import Any

import numpy as np

from takedown.cosines_kernels import transform
from takedown.jit import kernel


@kernel
def square(pixels: Any, lefts: Any, across: Any, tops: Any, down: Any) -> Any:
    """Grey, then 32 x 32, the width first: uint8 [h, w, 3] -> uint8 [32, 32]; filters of width and height."""
    grey, narrow = np.empty(pixels.shape[1], np.int32), np.empty((pixels.shape[0], 32), np.int32)
    for y in range(len(pixels)):
        _grey(pixels[y], grey)
        _across(grey, lefts, across, narrow[y])
    small = np.empty((32, 32), np.int32)
    _down(narrow, tops, down, small)
    return small.astype(np.uint8)


@kernel
def square_down_first(pixels: Any, lefts: Any, across: Any, tops: Any, down: Any) -> Any:
    """The same, the height first."""
    grey, flat = np.empty(pixels.shape[:2], np.int32), np.empty((32, pixels.shape[1]), np.int32)
    for y in range(len(pixels)):
        _grey(pixels[y], grey[y])
    _down(grey, tops, down, flat)
    small = np.empty((32, 32), np.int32)
    for y in range(32):
        _across(flat[y], lefts, across, small[y])
    return small.astype(np.uint8)


@kernel
def hash_square(small: Any) -> Any:
    """Transform uint8 [32, 32] and compare with the median: uint8 [8]."""
    columns, spectrum = np.empty((32, 32), np.float64), np.empty(64, np.float64)
    for x in range(32):
        columns[:, x] = transform(small[:, x].astype(np.float64))
    for y in range(8):
        spectrum[8 * y : 8 * y + 8] = transform(columns[y])[:8]
    ordered = np.sort(spectrum)
    median = (ordered[31] + ordered[32]) / 2.0
    code = np.zeros(8, np.uint8)
    for k in range(64):
        if spectrum[k] > median:
            code[k >> 3] |= np.uint8(128 >> (k & 7))
    return code


@kernel
def _grey(line: Any, out: Any) -> None:
    for x in range(len(line)):
        red, green, blue = np.int32(line[x, 0]), np.int32(line[x, 1]), np.int32(line[x, 2])
        out[x] = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16


@kernel
def _across(line: Any, starts: Any, weights: Any, out: Any) -> None:
    taps = weights.shape[1]
    for number in range(32):
        part, weight = line[starts[number] : starts[number] + taps], weights[number]
        total = np.int32(2097152)
        for tap in range(taps):  # Pillow's sums fit into 32 bits; numba would take 64
            total = np.int32(total + np.int32(weight[tap] * part[tap]))
        out[number] = min(max(total >> 22, 0), 255)


@kernel
def _down(lines: Any, starts: Any, weights: Any, out: Any) -> None:
    for number in range(32):
        sums = out[number]
        sums[:] = 2097152
        for tap in range(weights.shape[1]):
            weight, line = weights[number, tap], lines[starts[number] + tap]
            for x in range(len(sums)):
                sums[x] += weight * line[x]
        for x in range(len(sums)):
            sums[x] = min(max(sums[x] >> 22, 0), 255)
