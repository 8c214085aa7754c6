"""Operators of parts of an axis, cut between pixels, shrunk or enlarged: what the variants of a picture need.

The same sums as in pdq_operators.py, for parts whose ends lie anywhere between two pixels, and that are seen
at any number of pixels, also more than they have. All in integers, so that a browser can repeat it:

1. an end is a whole number of units, UNITS to a pixel;
2. seen at ``out`` pixels, pixel q of a part that is shrunk is the mean of its span, and of a part that is
   enlarged the mean of one pixel's width around its middle, which is linear interpolation;
3. PDQ's boxes and sampling then weigh these pixels, in 1/144;
4. the weight of all source pixels before the y-th is rounded to units of 1/ONE for every y.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.pdq_operators import ONE, SIDE, Operator

#: Units that a pixel is cut into.
UNITS = 64

_SAMPLES = 64

Ints = NDArray[np.int64]


class Part(NamedTuple):
    """A part of an axis as one wants it seen.

    Attributes:
        start, stop: its ends in 1/UNITS pixel; they may lie outside of the axis.
        out: pixels it is seen at, 1..SIDE.
        mirrored: seen backwards.
        edged: what lies outside looks like the outermost pixel. Else the operator's sums lack it.
    """

    start: int
    stop: int
    out: int
    mirrored: bool = False
    edged: bool = False


def operators(length: int, parts: Sequence[Part]) -> list[Operator]:
    """The operators of several parts of an axis of ``length`` pixels, in their order.

    Raises:
        ValueError: a part is empty, or seen at no pixel or more than SIDE.
    """
    if not parts:
        return []
    table = np.array(parts, dtype=np.int64)
    if (table[:, 1] <= table[:, 0]).any() or (table[:, 2] < 1).any() or (table[:, 2] > SIDE).any():
        raise ValueError("a part of an axis is empty, or seen at too many pixels")
    windows = -(-table[:, 2] // 128)
    spans = (2 * windows - 1) * np.maximum(table[:, 1] - table[:, 0], UNITS * table[:, 2])
    taps = int((spans // (UNITS * table[:, 2])).max()) + 2
    lines = np.zeros((len(parts), _SAMPLES, 2), dtype=np.int32)
    weights = np.zeros((len(parts), _SAMPLES, taps), dtype=np.int32)
    if kernels := _kernels():
        kernels.fill_operators(length, table, lines, weights)
    else:
        for number, part in enumerate(parts):
            _fill_plainly(length, part, lines[number], weights[number])
    return [Operator(length, lines[n, :, 0], lines[n, :, 1], weights[n]) for n in range(len(parts))]


@functools.cache
def _kernels() -> Any:
    try:
        from takedown import variant_kernels
    except ImportError:
        return None
    return variant_kernels


def _fill_plainly(length: int, part: Part, lines: NDArray[np.int32], weights: NDArray[np.int32]) -> None:
    """One operator: ``lines`` gets start and count of the 64 sums, ``weights`` their weights."""
    seen = length * UNITS
    start, stop = (seen - part.stop, seen - part.start) if part.mirrored else (part.start, part.stop)
    span, unit = max(stop - start, UNITS * part.out), 2 * UNITS * part.out
    for i in range(_SAMPLES):
        first, shares = _shares(part.out, i)
        begins = 2 * start * part.out + (2 * (first + np.arange(len(shares))) + 1) * (stop - start) - span
        low = int(begins[0] // unit)
        edges = np.arange(low, int(-(-(begins[-1] + 2 * span) // unit)) + 1)
        covered = (shares * (edges[:, np.newaxis] * unit - begins).clip(0, 2 * span)).sum(axis=1)
        total = 144 * 2 * span
        line = np.diff((2 * covered * ONE + total) // (2 * total))
        at = edges[:-1]
        if part.edged:
            at = at.clip(0, length - 1)
        used = (line > 0) & (at >= 0) & (at < length)
        if used.any():
            begin, count = int(at[used].min()), int(np.ptp(at[used])) + 1
            np.add.at(weights[i], at[used] - begin, line[used])
            if part.mirrored:
                begin = length - begin - count
                weights[i, :count] = weights[i, :count][::-1].copy()
            lines[i] = begin, count


@functools.lru_cache(maxsize=1 << 16)
def _shares(size: int, sample: int) -> tuple[int, Ints]:
    """Of PDQ's boxes at one of its samples on an axis of ``size`` pixels: first pixel, and 1/144 of each."""
    window = -(-size // 128)
    before = window - (window + 2) // 2
    middle = (2 * sample + 1) * size // 128

    def box(at: int) -> range:
        return range(max(0, at - before), min(size, at - before + window))

    first, last = box(box(middle)[0])[0], box(box(middle)[-1])[-1]
    shares = np.zeros(last - first + 1, dtype=np.int64)
    for outer in box(middle):
        for inner in box(outer):
            shares[inner - first] += 144 // (len(box(middle)) * len(box(outer)))
    return first, shares
