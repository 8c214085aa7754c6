"""The hot loops of pixels.py: exact integer sums over the area of each canonical pixel."""

from __future__ import annotations

from typing import Any

import numpy as np

from takedown.jit import kernel


@kernel
def shrink(
    lines: Any, bands: int, top: int, height: int, side: int, first: int, sums: Any, pairs: Any, out: Any
) -> None:
    """Make some rows of the canonical picture.

    Args:
        lines: uint8 [rows, w * bands], rows of the picture from ``top`` on.
        bands: 1 for grey, 4 for RGB with a fourth byte that does not count.
        height: rows of the whole picture.
        side: longest side of the canonical picture.
        first: the first row to make.
        sums: int32 [w * bands], room to work in.
        pairs: the same memory as uint64.
        out: uint8 [n, 3 * min(w, side)], written: rows first..first+n-1.
    """
    width = lines.shape[1] // bands
    rows, columns = _spans(height, side), _spans(width, side)
    whole, across = np.empty(lines.shape[1], np.uint16), np.empty(out.shape[1] // 3 * bands, np.float64)
    total = (height if height > side else 1) * (width if width > side else 1)
    for row in range(len(out)):
        if total == 1:
            _copy(lines[first + row - top], bands, out[row])
            continue
        if height > side:
            _down(lines, rows[first + row], top, side, whole, sums)
        else:
            _keep(lines[first + row - top], sums)
        if width <= side:
            _keep(sums, across)
        elif bands == 4:
            _across_colours(sums, pairs, columns, side, across)
        else:
            _across_grey(sums, columns, side, across)
        _round(across, total, bands, out[row])


@kernel
def _copy(line: Any, bands: int, out: Any) -> None:
    green, blue = (1, 2) if bands == 4 else (0, 0)
    for x in range(len(out) // 3):
        out[3 * x] = line[bands * x]
        out[3 * x + 1] = line[bands * x + green]
        out[3 * x + 2] = line[bands * x + blue]


@kernel
def _keep(source: Any, out: Any) -> None:
    for x in range(len(out)):
        out[x] = source[x]


@kernel
def _spans(length: int, side: int) -> Any:
    """Of each output pixel of an axis: its first and last source pixel, and what they weigh; int32 [side, 4].

    A source pixel between them weighs ``side``.
    """
    spans = np.empty((side, 4), np.int32)
    for number in range(side):
        begin, end = number * length, (number + 1) * length
        last = (end - 1) // side
        spans[number, 0], spans[number, 1] = begin // side, last
        spans[number, 2], spans[number, 3] = side - begin % side, end - last * side
    return spans


@kernel
def _down(lines: Any, span: Any, top: int, side: int, whole: Any, sums: Any) -> None:
    """Sums over the source rows of one output row: below 2^16 for whole rows, 255 * 20,000 in all."""
    upper, lower = span[0] - top, span[1] - top
    first, last, above, below = lines[upper], lines[lower], span[2], span[3]
    for x in range(len(whole)):
        whole[x] = 0
    for y in range(upper + 1, lower):
        line = lines[y]
        for x in range(len(whole)):
            whole[x] += line[x]
    weight = np.int32(side)
    for x in range(len(whole)):
        sums[x] = weight * whole[x] + above * first[x] + below * last[x]


@kernel
def _across_colours(sums: Any, pairs: Any, spans: Any, side: int, out: Any) -> None:
    """Sums over the source columns of every output column, of four bands: two in each 64-bit number.

    They do not spill into each other, since sums of whole columns are at most 255 * 50e6 / side. What goes
    to ``out`` is at most 255 * 50e6, exact in doubles.
    """
    weight, low_half = np.float64(side), np.uint64(0xFFFFFFFF)
    whole = np.empty(4, np.float64)
    for column in range(side):
        left, right = spans[column, 0], spans[column, 1]
        before, after = np.float64(spans[column, 2]), np.float64(spans[column, 3])
        low, high = np.uint64(0), np.uint64(0)
        for x in range(left + 1, right):
            low += pairs[2 * x]
            high += pairs[2 * x + 1]
        whole[0], whole[1] = np.float64(low & low_half), np.float64(low >> np.uint64(32))
        whole[2], whole[3] = np.float64(high & low_half), np.float64(high >> np.uint64(32))
        for band in range(4):
            edges = before * sums[4 * left + band] + after * sums[4 * right + band]
            out[4 * column + band] = edges + weight * whole[band]


@kernel
def _across_grey(sums: Any, spans: Any, side: int, out: Any) -> None:
    """The same of one band."""
    weight = np.float64(side)
    for column in range(side):
        left, right = spans[column, 0], spans[column, 1]
        whole = 0
        for x in range(left + 1, right):
            whole += sums[x]
        edges = np.float64(spans[column, 2]) * sums[left] + np.float64(spans[column, 3]) * sums[right]
        out[column] = edges + weight * whole


@kernel
def on_white(rgba: Any) -> None:
    """Lay uint8 [h, w, 4] on white, in place; the fourth byte stays and no longer counts."""
    for y in range(rgba.shape[0]):
        for x in range(rgba.shape[1]):
            alpha = np.int32(rgba[y, x, 3])
            white = np.int32(255) * (np.int32(255) - alpha) + np.int32(127)
            for band in range(3):
                rgba[y, x, band] = (rgba[y, x, band] * alpha + white) // np.int32(255)


@kernel
def _round(sums: Any, total: int, bands: int, out: Any) -> None:
    """``(sum + total // 2) // total``: half a unit keeps the product with 1 / total off the whole numbers."""
    half, share = np.float64(total // 2) + 0.5, 1.0 / np.float64(total)
    for x in range(len(sums)):
        sums[x] = np.floor((sums[x] + half) * share)
    _copy(sums, bands, out)
