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
    whole = np.empty(lines.shape[1], np.uint16)
    total = (height if height > side else 1) * (width if width > side else 1)
    for row in range(len(out)):
        if total == 1:
            _copy(lines[first + row - top], bands, out[row])
            continue
        if height > side:
            _down(lines, rows[first + row], top, side, whole, sums)
        else:
            _keep(lines[first + row - top], sums)
        if bands == 4:
            _across_colours(sums, pairs, columns, side, total, out[row])
        else:
            _across_grey(sums, columns, side, total, out[row])


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
    """Of each output pixel of an axis: its first and last source pixel, and what they weigh; int32 [n, 4].

    A source pixel between them weighs ``side``. On an axis that is not shrunk each is one source pixel.
    """
    spans = np.empty((min(length, side), 4), np.int32)
    for number in range(len(spans)):
        if length <= side:
            spans[number, 0], spans[number, 1], spans[number, 2], spans[number, 3] = number, number, 1, 0
            continue
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
def _across_colours(sums: Any, pairs: Any, spans: Any, side: int, total: int, out: Any) -> None:
    """Sums over the source columns of every output column, rounded: ``(sum + total // 2) // total``.

    Two bands share a 64-bit number and do not spill into each other, since sums of whole columns are at most
    255 * 50e6 / side. Sums are at most 255 * 50e6, exact in doubles. Half a unit more keeps the product with
    1 / total off the whole numbers.
    """
    weight, half, share = np.float64(side), np.float64(total // 2) + 0.5, 1.0 / np.float64(total)
    low_half, bits = np.uint64(0xFFFFFFFF), np.uint64(32)
    for column in range(len(spans)):
        left, right = spans[column, 0], spans[column, 1]
        before, after = np.float64(spans[column, 2]), np.float64(spans[column, 3])
        red_green, blue = np.uint64(0), np.uint64(0)
        for x in range(left + 1, right):
            red_green += pairs[2 * x]
            blue += pairs[2 * x + 1]
        red = weight * np.float64(np.int64(red_green & low_half))
        red += before * sums[4 * left] + after * sums[4 * right]
        green = weight * np.float64(np.int64(red_green >> bits))
        green += before * sums[4 * left + 1] + after * sums[4 * right + 1]
        third = weight * np.float64(np.int64(blue & low_half))
        third += before * sums[4 * left + 2] + after * sums[4 * right + 2]
        out[3 * column] = np.int32((red + half) * share)
        out[3 * column + 1] = np.int32((green + half) * share)
        out[3 * column + 2] = np.int32((third + half) * share)


@kernel
def _across_grey(sums: Any, spans: Any, side: int, total: int, out: Any) -> None:
    """The same of one band, which becomes three."""
    weight, half, share = np.float64(side), np.float64(total // 2) + 0.5, 1.0 / np.float64(total)
    for column in range(len(spans)):
        left, right = spans[column, 0], spans[column, 1]
        whole = 0
        for x in range(left + 1, right):
            whole += sums[x]
        edges = np.float64(spans[column, 2]) * sums[left] + np.float64(spans[column, 3]) * sums[right]
        value = np.int32((edges + weight * whole + half) * share)
        out[3 * column], out[3 * column + 1], out[3 * column + 2] = value, value, value


@kernel
def on_white(rgba: Any) -> None:
    """Lay uint8 [h, w, 4] on white, in place; the fourth byte stays and no longer counts."""
    for y in range(rgba.shape[0]):
        for x in range(rgba.shape[1]):
            alpha = np.int32(rgba[y, x, 3])
            white = np.int32(255) * (np.int32(255) - alpha) + np.int32(127)
            for band in range(3):
                rgba[y, x, band] = (rgba[y, x, band] * alpha + white) // np.int32(255)
