"""Paints over writing: strokes that are much lighter or darker than what is around them.

1. An opening of the picture (the darkest in a small window, then the lightest of these) has no light strokes
   narrower than the window. Where the picture is far above its opening, and nearly white, is writing.
   A closing finds dark writing in the same way.
2. The marks are widened a little: letters are soft at their edges.
3. A marked pixel becomes the mean of the unmarked ones in a window around it, a larger window where there
   are too few.

Works on the small plane of a picture, in integers (variant_planes.py).
"""

from __future__ import annotations

import functools
from math import isqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.pdq import BLACK, WHITE, Luma
from takedown.variant_planes import Plane, plain

#: In 1/1000 of the picture's geometric mean side: how far marks are widened, and the window for the mean.
WIDENED = 16
AROUND = 60
#: A window needs at least 1 unmarked pixel in so many; else the next, twice as large, ROUNDS times.
UNMARKED = 12
ROUNDS = 3


class Brush(NamedTuple):
    """What is taken for writing.

    Attributes:
        size: width of the window in 1/1000 of the picture's geometric mean side.
        above: luma by which a stroke differs from what is around it, at least.
        within: luma by which it differs from white or from black, at most.
        light, dark: paint over light strokes, over dark strokes.
    """

    size: int
    above: int
    within: int
    light: bool
    dark: bool


def retouched(plane: Plane, aspect: tuple[int, int], brush: Brush) -> Plane:
    """Paint over writing.

    Args:
        plane: a plain picture, small.
        aspect: width and height of the picture as it was, in pixels.
        brush: what to take for writing.
    """
    lumas, reach = plane.luma, _reach(plane, aspect, brush.size)
    marks = np.zeros(lumas.shape, dtype=bool)
    if brush.light:
        opened = _spread(_spread(lumas, reach, np.minimum), reach, np.maximum)
        marks |= (lumas - opened > brush.above) & (lumas >= WHITE - brush.within)
    if brush.dark:
        closed = _spread(_spread(lumas, reach, np.maximum), reach, np.minimum)
        marks |= (closed - lumas > brush.above) & (lumas <= BLACK + brush.within)
    if not marks.any():
        return plane
    marks = _spread(marks, _reach(plane, aspect, WIDENED), np.maximum)
    return plain(_painted(lumas, marks, _reach(plane, aspect, AROUND)))


def _reach(plane: Plane, aspect: tuple[int, int], size: int) -> tuple[int, int]:
    """Half a window in pixels, down and across: at least 1."""
    side = isqrt(aspect[0] * aspect[1]) * size
    return (
        max(1, (side * plane.height + 1000 * aspect[1]) // (2000 * aspect[1])),
        max(1, (side * plane.width + 1000 * aspect[0]) // (2000 * aspect[0])),
    )


def _spread(values: NDArray[Any], reach: tuple[int, int], which: np.ufunc) -> NDArray[Any]:
    """Least or greatest value in a window around each pixel; windows end at the picture's edges."""
    kernels = _kernels()
    for half in reach:
        if kernels:
            found = np.empty_like(values)
            kernels.spread_rows(values, half, which is np.minimum, found)
        else:
            padded, found = np.pad(values, ((half, half), (0, 0)), mode="edge"), values.copy()
            for offset in range(2 * half + 1):
                which(found, padded[offset : offset + len(values)], out=found)
        values = np.ascontiguousarray(found.T)
    return values


def _painted(lumas: Luma, marks: NDArray[np.bool_], reach: tuple[int, int]) -> Luma:
    kept = np.where(marks, 0, lumas).astype(np.int64)
    free = (~marks).astype(np.int64)
    out, todo = lumas.copy(), marks.copy()
    for _ in range(ROUNDS):
        sums, counts, areas = (_window_sums(one, reach) for one in (kept, free, np.ones_like(free)))
        ready = todo & (counts * UNMARKED > areas)
        out[ready] = (2 * sums[ready] + counts[ready]) // (2 * counts[ready])
        todo &= ~ready
        reach = (2 * reach[0] + 1, 2 * reach[1] + 1)
    count = max(1, int(free.sum()))
    out[todo] = (2 * int(kept.sum()) + count) // (2 * count)
    return out


def _window_sums(values: NDArray[np.int64], reach: tuple[int, int]) -> NDArray[np.int64]:
    """Sums over windows around each pixel, as far as they lie in the picture."""
    if kernels := _kernels():
        found = np.empty_like(values)
        kernels.window_sums(values, *reach, found)
        return found
    for half in reach:
        sums = np.zeros((len(values) + 1, values.shape[1]), dtype=np.int64)
        np.cumsum(values, axis=0, out=sums[1:])
        at = np.arange(len(values))
        values = (sums[np.minimum(at + half + 1, len(values))] - sums[np.maximum(at - half, 0)]).T
    return values


@functools.cache
def _kernels() -> Any:
    try:
        from takedown import variant_kernels
    except ImportError:
        return None
    return variant_kernels
