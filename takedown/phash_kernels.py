"""The hot loops of phash.py. Pillow's filter in integers, and doubles in a fixed order of operations."""

from __future__ import annotations

from typing import Any

import numpy as np

from takedown.cosines_kernels import transform
from takedown.jit import kernel


@kernel
def square(lines: Any, lefts: Any, across: Any, tops: Any, down: Any) -> Any:
    """Grey, then 32 x 32, the width first: uint8 [h, 3 w] -> uint8 [32, 32]; filters of width and height."""
    grey, narrow = np.empty(lines.shape[1] // 3, np.int32), np.empty((len(lines), 32), np.int32)
    for y in range(len(lines)):
        _grey(lines[y], grey)
        _across(grey, lefts, across, narrow[y])
    small, sums = np.empty((32, 32), np.uint8), np.empty(32, np.int32)
    for y in range(32):
        _down(narrow, tops[y], down[y], sums, small[y])
    return small


@kernel
def square_down_first(lines: Any, lefts: Any, across: Any, tops: Any, down: Any) -> Any:
    """The same, the height first."""
    height, width = len(lines), lines.shape[1] // 3
    grey, flat = np.empty((height, width), np.int32), np.empty(width, np.int32)
    small, sums = np.empty((32, 32), np.uint8), np.empty(width, np.int32)
    for y in range(height):
        _grey(lines[y], grey[y])
    for y in range(32):
        _down(grey, tops[y], down[y], sums, flat)
        _across(flat, lefts, across, small[y])
    return small


@kernel
def hash_square(small: Any, code: Any) -> None:
    """Transform uint8 [32, 32] and compare with the median: uint8 [8], all 0 before."""
    columns, line, out = np.empty((32, 32), np.float64), np.empty(32, np.float64), np.empty(32, np.float64)
    spectrum = np.empty(64, np.float64)
    for x in range(32):
        for y in range(32):
            line[y] = small[y, x]
        transform(line, out)
        for y in range(8):
            columns[y, x] = out[y]
    for y in range(8):
        transform(columns[y], out)
        for x in range(8):
            spectrum[8 * y + x] = out[x]
    median = _median(spectrum)
    for k in range(64):
        if spectrum[k] > median:
            code[k >> 3] |= np.uint8(128 >> (k & 7))


@kernel
def _median(values: Any) -> Any:
    """The mean of the 32nd and the 33rd smallest of 64, by insertion."""
    ordered = np.empty(64, np.float64)
    for count in range(64):
        at = count
        while at > 0 and ordered[at - 1] > values[count]:
            ordered[at] = ordered[at - 1]
            at -= 1
        ordered[at] = values[count]
    return (ordered[31] + ordered[32]) / 2.0


@kernel
def _grey(line: Any, out: Any) -> None:
    for x in range(len(out)):
        red, green, blue = np.int32(line[3 * x]), np.int32(line[3 * x + 1]), np.int32(line[3 * x + 2])
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
def _down(lines: Any, start: int, weights: Any, sums: Any, out: Any) -> None:
    for x in range(len(sums)):
        sums[x] = 2097152
    for tap in range(len(weights)):
        weight, line = weights[tap], lines[start + tap]
        for x in range(len(sums)):
            sums[x] += weight * line[x]
    for x in range(len(sums)):
        out[x] = min(max(sums[x] >> 22, 0), 255)
