"""Guesses at where a picture lies in a screenshot, a frame or between bars, from its luma.

On each of the four sides there are three guesses: nothing is cut; cut what is mostly of one colour (a bar may
have a clock and buttons in it); cut at the sharpest straight edge in the outer third. All combinations above
and below are tried with both sides cut in the same way.

In integers, so that a browser can repeat it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.borders import Box
from takedown.pdq import Luma

#: Levels of grey that a pixel of a bar is away from the bar's colour, at most.
NEAR = 24
#: A line belongs to a bar when at least half of its pixels do. Lines that do not, clocks and buttons, may
#: come between: 1 in GAP of the side, at least LEAST_GAP.
GAP = 25
LEAST_GAP = 3
#: An edge counts at most so many levels a pixel, so that it is long rather than strong.
STRONG = 48

#: How many boxes there always are: three guesses above times three below times three for both sides.
COUNT = 27


class _Cuts(NamedTuple):
    """Lines to cut on one side: the two guesses that are not 0."""

    bar: int
    edge: int


def boxes(lumas: Luma) -> list[Box]:
    """COUNT boxes, in pixels of the picture; the first is all of it. The same box may come twice."""
    levels = (lumas + 127_500) // 1000
    height, width = levels.shape
    above, below = _cuts(levels), _cuts(levels[::-1])
    before, after = _cuts(levels.T), _cuts(levels.T[::-1])
    sides = [(0, 0), (before.bar, after.bar), (before.edge, after.edge)]
    return [
        Box(left, top, width - right, height - bottom)
        for left, right in sides
        for top in (0, *above)
        for bottom in (0, *below)
    ]


def _cuts(levels: NDArray[np.int32]) -> _Cuts:
    return _Cuts(_bar(levels), _edge(levels))


def _bar(levels: NDArray[np.int32]) -> int:
    """Lines at the start that are mostly of the colour of the first two; less than half of all."""
    colour = int(np.sort(levels[:2], axis=None)[levels[:2].size // 2])
    half = levels[: len(levels) // 2]
    flat = 2 * (np.abs(half - colour) <= NEAR).sum(axis=1) >= levels.shape[1]
    gap, last = max(LEAST_GAP, len(levels) // GAP), -1
    for line in np.flatnonzero(flat).tolist():
        if line - last > gap + 1:
            break
        last = line
    return last + 1


def _edge(levels: NDArray[np.int32]) -> int:
    """Lines before the sharpest edge in the first third: steps from line to line, less those beside it."""
    third = max(2, len(levels) // 3)
    steps = np.minimum(np.abs(np.diff(levels[: third + 2], axis=0)), STRONG).sum(axis=1, dtype=np.int64)
    padded = np.pad(steps, 1, mode="edge")
    sharp = 2 * steps - np.maximum(padded[:-2], padded[2:])
    return int(sharp[:third].argmax()) + 1
