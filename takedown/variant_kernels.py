"""The hot loops of the variants, each equal to the bit to the plain way beside its caller."""

from __future__ import annotations

from typing import Any

import numpy as np

from takedown.jit import kernel


@kernel
def fill_operators(length: int, parts: Any, lines: Any, weights: Any) -> None:
    """Operators of many parts of an axis.

    Args:
        length: pixels of the axis.
        parts: int64 [P, 5]: start, stop, out, mirrored, edged, as in variant_operators.Part.
        lines, weights: int32 [P, 64, 2] and [P, 64, taps], all zeros; written.
    """
    for number in range(len(parts)):
        start, stop, out = parts[number, 0], parts[number, 1], parts[number, 2]
        mirrored, edged = parts[number, 3] != 0, parts[number, 4] != 0
        if mirrored:
            start, stop = length * 64 - stop, length * 64 - start
        for i in range(64):
            _fill_line(length, start, stop, out, edged, i, lines[number, i], weights[number, i])
            if mirrored and lines[number, i, 1] > 0:
                count = lines[number, i, 1]
                lines[number, i, 0] = length - lines[number, i, 0] - count
                for k in range(count // 2):
                    kept = weights[number, i, k]
                    weights[number, i, k] = weights[number, i, count - 1 - k]
                    weights[number, i, count - 1 - k] = kept


@kernel
def _fill_line(
    length: int, start: int, stop: int, out: int, edged: bool, sample: int, line: Any, weights: Any
) -> None:
    shares = np.zeros(7, np.int64)
    first, taps = _fill_shares(out, sample, shares)
    span, unit = max(stop - start, 64 * out), 128 * out
    base = 2 * start * out - span
    low = (base + (2 * first + 1) * (stop - start)) // unit
    end = base + (2 * (first + taps - 1) + 1) * (stop - start) + 2 * span
    total, before = 288 * span, 0
    line[0], line[1] = 0, 0
    used = False
    edge = low
    while edge * unit < end:
        edge += 1
        covered = 0
        for tap in range(taps):
            inside = edge * unit - base - (2 * (first + tap) + 1) * (stop - start)
            covered += shares[tap] * min(max(inside, 0), 2 * span)
        rounded = (2 * covered * 9216 + total) // (2 * total)
        weight, before = rounded - before, rounded
        at = min(max(edge - 1, 0), length - 1) if edged else edge - 1
        if weight > 0 and 0 <= at < length:
            if not used:
                line[0], used = at, True
            line[1] = at - line[0] + 1
            weights[at - line[0]] += weight


@kernel
def _fill_shares(size: int, sample: int, shares: Any) -> Any:
    """First pixel and number of pixels of PDQ's boxes at one of its samples; shares get 1/144 of each."""
    window = (size + 127) // 128
    before = window - (window + 2) // 2
    middle = (2 * sample + 1) * size // 128
    low, high = max(0, middle - before), min(size, middle - before + window)
    first, last = max(0, low - before), min(size, high - 1 - before + window)
    for outer in range(low, high):
        begin, end = max(0, outer - before), min(size, outer - before + window)
        for inner in range(begin, end):
            shares[inner - first] += 144 // ((high - low) * (end - begin))
    return first, last - first


@kernel
def turn(lumas: Any, cosine: int, across: int, down: int, behind: int, out: Any) -> None:
    """See variant_planes._turn_plainly."""
    height, width = lumas.shape
    for i in range(out.shape[0]):
        y = 2 * i + 1 - out.shape[0]
        for j in range(out.shape[1]):
            x = 2 * j + 1 - out.shape[1]
            from_x = (x * cosine - y * across + (width - 1) * 65536) >> 1
            from_y = (x * down + y * cosine + (height - 1) * 65536) >> 1
            if behind != 0 and (
                from_x < -32768
                or from_x > width * 65536 - 32768
                or from_y < -32768
                or from_y > height * 65536 - 32768
            ):
                out[i, j] = behind
                continue
            from_x = min(max(from_x, 0), (width - 1) * 65536)
            from_y = min(max(from_y, 0), (height - 1) * 65536)
            left, top = from_x >> 16, from_y >> 16
            right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
            part_x, part_y = (from_x & 65535) >> 8, (from_y & 65535) >> 8
            upper = np.int64(lumas[top, left]) * (256 - part_x) + np.int64(lumas[top, right]) * part_x
            lower = np.int64(lumas[bottom, left]) * (256 - part_x) + np.int64(lumas[bottom, right]) * part_x
            out[i, j] = (upper * (256 - part_y) + lower * part_y + 32768) >> 16


@kernel
def continue_rows(
    lumas: Any, room: int, tall: int, wide: int, spread: int, fading: int, mirror: int, mean: int, out: Any
) -> None:
    """See variant_planes._continue_plainly; ``out`` holds the picture already."""
    height, width = lumas.shape
    line, sums = np.empty(width, np.int64), np.empty(3 * width + 2, np.int64)
    for distance in range(1, room + 1):
        half = min(spread * distance * tall // (2 * wide), width)
        count = 4 * (2 * half + 1)
        inside = min(distance, height) - 1
        for side in range(2):
            edge, inner = (0, inside) if side == 0 else (height - 1, height - 1 - inside)
            to = room - distance if side == 0 else room + height - 1 + distance
            for x in range(width):
                line[x] = np.int64(lumas[edge, x]) * (4 - mirror) + np.int64(lumas[inner, x]) * mirror
            sums[0] = 0
            for k in range(width + 2 * half):
                sums[k + 1] = sums[k] + line[min(max(k - half, 0), width - 1)]
            for x in range(width):
                value = (2 * (sums[x + 2 * half + 1] - sums[x]) + count) // (2 * count)
                out[to, x] = mean + (value - mean) * height // (height + fading * distance)


@kernel
def spread_rows(values: Any, half: int, least: bool, out: Any) -> None:
    """Least or greatest value of ``half`` rows before to ``half`` after each; rows end at the picture's."""
    height, width = values.shape
    for y in range(height):
        first, last = max(0, y - half), min(height, y + half + 1)
        out[y] = values[first]
        for k in range(first + 1, last):
            for x in range(width):
                value = values[k, x]
                if (value < out[y, x]) if least else (value > out[y, x]):
                    out[y, x] = value


@kernel
def window_sums(values: Any, down: int, across: int, out: Any) -> None:
    """Sums over windows around each pixel, as far as they lie in the picture."""
    height, width = values.shape
    sums = np.zeros((height + 1, width + 1), np.int64)
    for y in range(height):
        line = np.int64(0)
        for x in range(width):
            line += values[y, x]
            sums[y + 1, x + 1] = sums[y, x + 1] + line
    for y in range(height):
        top, bottom = max(0, y - down), min(height, y + down + 1)
        for x in range(width):
            left, right = max(0, x - across), min(width, x + across + 1)
            out[y, x] = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
