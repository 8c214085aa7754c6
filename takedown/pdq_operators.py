"""What PDQ does to one axis of a picture: 64 weighted sums, as integers.

PDQ blurs an axis by two box filters and samples 64 pixels of what is left. Whatever one does to the axis
before (take a part of it, shrink that by exact area, look at it backwards, add a plain border) only changes
the weights of the sums, and one operator holds the result of all of it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

#: Sum of the weights of one line of an operator. A multiple of 144, which PDQ's two boxes of up to four
#: pixels divide by: an operator that does not shrink is exact.
ONE = 144 * 64
#: Most pixels of the axis that PDQ sees: windows stay at four pixels, and the sums of pdq.py below 2^53.
SIDE = 512

_SAMPLES = 64


@dataclass(frozen=True, eq=False)
class Operator:
    """64 weighted sums along an axis of ``length`` pixels.

    Sum i is over ``counts[i]`` pixels from ``starts[i]`` on, with ``weights[i, :counts[i]]`` in units of
    1/ONE (int32 [64, taps], the rest is 0). What they lack to ONE lies outside of the picture.
    """

    length: int
    starts: NDArray[np.int32]
    counts: NDArray[np.int32]
    weights: NDArray[np.int32]

    def dense(self) -> NDArray[np.float64]:
        """The same as a matrix [64, length]."""
        matrix = np.zeros((_SAMPLES, self.length))
        taps = np.arange(self.weights.shape[1])
        used = taps < self.counts[:, np.newaxis]
        lines = np.broadcast_to(np.arange(_SAMPLES)[:, np.newaxis], used.shape)
        matrix[lines[used], (self.starts[:, np.newaxis] + taps)[used]] = self.weights[used]
        return matrix


@functools.lru_cache(maxsize=2048)
def operator(
    length: int, start: int = 0, stop: int | None = None, out: int | None = None, *, mirrored: bool = False
) -> Operator:
    """The operator of an axis that is cut, shrunk by exact area, and then seen by PDQ.

    Args:
        length: pixels of the axis.
        start, stop: first pixel of the part, and one after its last; outside of 0..length lies the border.
        out: pixels that the part is shrunk to; its own number, but at most SIDE, unless given. Output q
            covers the source span [q * n / out, (q + 1) * n / out), as in pixels.py.
        mirrored: see the part backwards, the last pixel first. A window of two or four pixels is not
            symmetric, so this is not the same as mirroring the samples.

    Raises:
        ValueError: the part is empty, ``out`` is larger than it, or larger than SIDE.
    """
    stop = length if stop is None else stop
    size = stop - start
    out = min(size, SIDE) if out is None else out
    if not 1 <= out <= min(size, SIDE):
        raise ValueError("the part of an axis is empty, or would be enlarged")
    if mirrored:
        straight = operator(length, length - stop, length - start, out)
        return _mirror(straight)
    first, weights = _shrunk(*_boxes(out), size, out)
    return _bounded(length, first + start, weights)


def _boxes(size: int) -> tuple[Ints, Ints]:
    """PDQ's two box filters and its sampling, on an axis of ``size`` pixels.

    Returns:
        First pixel of each of the 64 sums, which may be negative, and weights [64, taps] in units of 1/144.
        A box has ceil(size / 128) pixels, is cut at the ends of the axis and divided by what is left of it;
        sample i is pixel floor((2 i + 1) size / 128).
    """
    window = -(-size // 128)
    before = window - (window + 2) // 2  # pixels of a box before its own
    sampled = (2 * np.arange(_SAMPLES) + 1) * size // 128
    weights = np.zeros((_SAMPLES, 2 * window - 1), dtype=np.int64)
    boxes = sampled[:, np.newaxis] - before + np.arange(window)
    inner = (boxes[:, :, np.newaxis] - before + np.arange(window)).reshape(_SAMPLES, window, window)
    outer_in, inner_in = _within(boxes, size), _within(inner, size)
    shares = (12 // outer_in.sum(axis=1))[:, np.newaxis] * outer_in
    # Boxes outside of the axis have no pixels of their own and no share.
    inner_shares = 12 // np.maximum(inner_in.sum(axis=2), 1)
    for tap in range(window):
        weights[:, tap : tap + window] += inner_in[:, tap] * (shares * inner_shares)[:, tap, np.newaxis]
    return sampled - 2 * before, weights


def _within(positions: Ints, size: int) -> Ints:
    return ((positions >= 0) & (positions < size)).astype(np.int64)


def _shrunk(first: Ints, weights: Ints, size: int, out: int) -> tuple[Ints, Ints]:
    """The same sums over the ``size`` pixels that an exact area shrink to ``out`` was made from.

    The weight of the first y pixels together is known exactly, as a fraction of 144 * size; it is rounded to
    units of 1/ONE for every y, so that each line adds up to ONE and nothing is rounded where out == size.
    """
    begin = np.maximum(first, 0) * size // out
    end = -(-np.minimum(first + weights.shape[1], out) * size // out)
    edges = begin[:, np.newaxis] + np.arange(int((end - begin).max()) + 1)
    covered = np.zeros(edges.shape, dtype=np.int64)
    for tap in range(weights.shape[1]):
        span = edges * out - (first + tap)[:, np.newaxis] * size
        covered += weights[:, tap, np.newaxis] * span.clip(0, size)
    total = 144 * size
    return begin, np.diff((2 * covered * ONE + total) // (2 * total), axis=1)


def _bounded(length: int, first: Ints, weights: Ints) -> Operator:
    """Leave out what lies outside of the axis, and zeros at the end of a line."""
    positions = first[:, np.newaxis] + np.arange(weights.shape[1])
    used = (positions >= 0) & (positions < length) & (weights > 0)
    counts = used.sum(axis=1)
    skipped = np.where(counts > 0, used.argmax(axis=1), 0)
    taps = np.arange(max(int(counts.max()), 1))
    source = np.minimum(skipped[:, np.newaxis] + taps, weights.shape[1] - 1)
    kept = np.where(taps < counts[:, np.newaxis], np.take_along_axis(weights, source, axis=1), 0)
    starts = np.where(counts > 0, first + skipped, 0)
    return Operator(length, starts.astype(np.int32), counts.astype(np.int32), kept.astype(np.int32))


def _mirror(straight: Operator) -> Operator:
    taps = np.arange(straight.weights.shape[1])
    counts = straight.counts[:, np.newaxis]
    source = np.where(taps < counts, counts - 1 - taps, taps)
    starts = np.where(straight.counts > 0, straight.length - straight.starts - straight.counts, 0)
    weights = np.take_along_axis(straight.weights, source, axis=1)
    return Operator(straight.length, starts.astype(np.int32), straight.counts, weights)
