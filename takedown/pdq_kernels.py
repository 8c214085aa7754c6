"""The hot loops of pdq.py. All values are whole numbers below 2^53, so any order of adding is the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from takedown.jit import kernel


@kernel
def luma(lines: Any) -> Any:
    """``299 R + 587 G + 114 B - 127500`` of uint8 [h, 3 w]: int32 [h, w]."""
    height, width = lines.shape[0], lines.shape[1] // 3
    lumas = np.empty((height, width), np.int32)
    for y in range(height):
        line, out = lines[y], lumas[y]
        for x in range(width):
            red, green, blue = np.int32(line[3 * x]), np.int32(line[3 * x + 1]), np.int32(line[3 * x + 2])
            out[x] = 299 * red + 587 * green + 114 * blue - 127500
    return lumas


@kernel
def hash_all(
    lumas: Any,
    row_lines: Any,
    row_weights: Any,
    column_lines: Any,
    column_weights: Any,
    variants: Any,
    order: Any,
    cosines: Any,
    codes: Any,
    qualities: Any,
) -> None:
    """Hash all variants of a picture.

    Args:
        lumas: int32 [h, w].
        row_lines: int32 [R, 64, 3], start, count and sum of the weights.
        row_weights: int32 [R, 64, taps].
        column_lines, column_weights: the same of the columns, with weights as float64.
        variants: int32 [V, 4] as in pdq.Plan.
        order: int64 [V], numbers of the variants, those with the same row operator together.
        cosines: float64 [16, 64].
        codes, qualities: uint8 [V, 32] and [V], written.
    """
    half = np.empty((lumas.shape[1], 64), np.float64)
    values, turned = np.empty((64, 64), np.float64), np.empty((64, 64), np.float64)
    applied = -1
    for number in order:
        row, column = variants[number, 0], variants[number, 1]
        if row != applied:
            _apply_rows(lumas, row_lines[row], row_weights[row], half)
            applied = row
        fill = np.float64(variants[number, 3])
        _apply_columns(half, row_lines[row], column_lines[column], column_weights[column], fill, turned)
        if variants[number, 2] == 0:
            _transpose(turned, values)
            _hash_one(values, cosines, codes[number])
        else:
            _hash_one(turned, cosines, codes[number])
        qualities[number] = _quality(turned)


@kernel
def _apply_rows(lumas: Any, lines: Any, weights: Any, half: Any) -> None:
    """The 64 sums over rows of a picture, transposed: half is float64 [w, 64]."""
    width = lumas.shape[1]
    sums = np.empty((8, width), np.int32)
    for first in range(0, 64, 8):
        for line in range(8):
            for x in range(width):
                sums[line, x] = 0
            start, count = lines[first + line, 0], lines[first + line, 1]
            for tap in range(0, count - 1, 2):
                one, other = weights[first + line, tap], weights[first + line, tap + 1]
                upper, lower = lumas[start + tap], lumas[start + tap + 1]
                for x in range(width):
                    sums[line, x] += one * upper[x] + other * lower[x]
            if count % 2 == 1:
                weight, last = weights[first + line, count - 1], lumas[start + count - 1]
                for x in range(width):
                    sums[line, x] += weight * last[x]
        for x in range(width):
            for line in range(8):
                half[x, first + line] = sums[line, x]


@kernel
def _apply_columns(half: Any, row_lines: Any, lines: Any, weights: Any, fill: Any, out: Any) -> None:
    """The 64 sums over columns, with the border, rounded: out[j, i] is V of row i and column j."""
    for j in range(64):
        start, count = lines[j, 0], lines[j, 1]
        for i in range(64):
            outside = np.float64(9216 * 9216) - np.float64(row_lines[i, 2]) * np.float64(lines[j, 2])
            out[j, i] = fill * outside + 524288.0
        for tap in range(count):
            weight = weights[j, tap]
            for i in range(64):
                out[j, i] += weight * half[start + tap, i]
        for i in range(64):
            out[j, i] = np.floor(out[j, i] * (1.0 / 1048576.0))


@kernel
def _transpose(source: Any, out: Any) -> None:
    for i in range(64):
        for j in range(64):
            out[i, j] = source[j, i]


@kernel
def _hash_one(values: Any, cosines: Any, code: Any) -> None:
    """Steps 4 to 6 of pdq.py."""
    spectrum = _frequencies(values, cosines)
    median = _lower_median(spectrum)
    for byte in range(32):
        bits = 0
        for k in range(255 - 8 * byte, 247 - 8 * byte, -1):
            bits = 2 * bits + (1 if spectrum[k] > median else 0)
        code[byte] = bits


@kernel
def _frequencies(values: Any, cosines: Any) -> Any:
    """B of pdq.py, as one line of 256. Cosines mirror at the middle: even for odd m, odd for even m."""
    sums, differences = np.empty((32, 64), np.float64), np.empty((32, 64), np.float64)
    for j in range(32):
        for x in range(64):
            sums[j, x] = values[j, x] + values[63 - j, x]
            differences[j, x] = values[j, x] - values[63 - j, x]
    line, spectrum = np.empty(64, np.float64), np.empty(256, np.float64)
    for m in range(16):
        _combine(cosines[m], sums if m % 2 == 1 else differences, line)
        for x in range(64):
            line[x] = np.floor((line[x] + 2097152.0) * (1.0 / 4194304.0))
        _spread(line, cosines, spectrum[16 * m : 16 * m + 16])
    return spectrum


@kernel
def _combine(weights: Any, lines: Any, out: Any) -> None:
    """32 lines of 64, weighted and added."""
    for x in range(64):
        out[x] = 0.0
    for j in range(32):
        weight, line = weights[j], lines[j]
        for x in range(64):
            out[x] += weight * line[x]


@kernel
def _spread(line: Any, cosines: Any, out: Any) -> None:
    """16 products of a line of 64 with the cosines."""
    for n in range(16):
        out[n] = 0.0
    for x in range(64):
        value = line[x]
        for n in range(16):
            out[n] += value * cosines[n, x]


@kernel
def _lower_median(spectrum: Any) -> Any:
    """The 128th smallest of 256, by Hoare's selection."""
    values = np.empty(256, np.float64)
    for k in range(256):
        values[k] = spectrum[k]
    left, right = 0, 255
    while left < right:
        pivot = values[(left + right) >> 1]
        low, high = left, right
        while low <= high:
            while values[low] < pivot:
                low += 1
            while values[high] > pivot:
                high -= 1
            if low <= high:
                values[low], values[high] = values[high], values[low]
                low += 1
                high -= 1
        if high >= 127:
            right = high
        elif low <= 127:
            left = low
        else:
            break
    return values[127]


@kernel
def _quality(values: Any) -> Any:
    """PDQ's measure of detail, 0..100: whole percents from each value to the next, along both axes."""
    total: Any = 0
    for i in range(64):
        for j in range(63):
            total += np.uint32(abs(values[i, j + 1] - values[i, j])) // np.uint32(206550)
    for i in range(63):
        for j in range(64):
            total += np.uint32(abs(values[i + 1, j] - values[i, j])) // np.uint32(206550)
    return np.uint8(min(total // 90, 100))
