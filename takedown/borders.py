"""Finds borders around a picture: the padding that img2dataset adds, and frames of one colour in general.

A picture with a border and the same picture without it have unrelated perceptual hashes, so the border goes
before hashing. Both functions look at canonical pixels, in integers only, so that a browser can repeat them
to the bit. They only look: ``cut`` takes the border away.

A line of pixels (a row or a column) is compared with one colour. A pixel is *near* the colour when none of
its three channels is more than NEAR away.

- *flat*: at most 1 in FLAT pixels of the line is not near. JPEG makes a few such pixels beside a sharp edge.
- *busy*: at least 1 in BUSY pixels is not near.

A border is a run of flat lines at the edge of the picture and goes up to a busy line at most BLUR lines
behind the last flat one. The busy line tells a border from a plain background: the border ends at once, over
half of its length, where a sky or a table ends bit by bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.pixels import Pixels

#: Raise it when any box may change.
VERSION = 1

#: Most levels (of 255) that a channel of a near pixel is away from the colour.
NEAR = 24
#: A flat line has at most 1 in so many pixels that are not near, a busy one at least 1 in so many.
FLAT = 32
BUSY = 2
#: Most lines from the last flat to the first busy one: an edge may lie between two pixels, and JPEG blurs it.
BLUR = 3
#: Most lines by which the two bands of padding differ, as they are seen.
UNEVEN = 2
#: What is left has at least 1 in so many pixels of each side, and so many pixels. Else nothing is cut.
KEPT = 8
SHORTEST = 16
#: Times that `frame` looks again at what is left: a frame in a frame of another colour.
ROUNDS = 3

#: The colour that img2dataset pads with, also behind transparency.
_WHITE = 255

_BLOCK = 16  # lines looked at in one go

Lines = NDArray[np.int64]


class Box(NamedTuple):
    """What is left of a picture, in pixels from its left upper corner; right and bottom lie outside."""

    left: int
    top: int
    right: int
    bottom: int


def cut(pixels: Pixels, box: Box) -> Pixels:
    """The part of a picture inside a box as a contiguous array; the very same array where it is all."""
    if box == whole(pixels):
        return pixels
    return np.ascontiguousarray(pixels[box.top : box.bottom, box.left : box.right])


def whole(pixels: Pixels) -> Box:
    """The box that leaves everything."""
    return Box(0, 0, pixels.shape[1], pixels.shape[0])


def frame(pixels: Pixels) -> Box:
    """Find frames of any colour: each side by itself, the colour being the mean of its outermost line.

    Upper and lower side first, then left and right of what is left, and again while something is found, at
    most ROUNDS times.

    Args:
        pixels: canonical pixels, uint8 [h, w, 3].

    Returns:
        The picture inside the frames; all of it where there is none or too little would be left.
    """
    left, top, right, bottom = whole(pixels)
    for _ in range(ROUNDS):
        above, below = _sides(pixels[top:bottom, left:right])
        top, bottom = top + above, bottom - below
        before, after = _sides(pixels[top:bottom, left:right].swapaxes(0, 1))
        left, right = left + before, right - after
        if not above + below + before + after:
            break
    box = Box(left, top, right, bottom)
    return box if _enough(box, pixels) else whole(pixels)


def padding(pixels: Pixels, original: tuple[int, int] | None = None) -> Box:
    """Find the white bands with which img2dataset makes a picture square (``resize_mode=border``).

    Only a square picture is padded, on two opposite sides, the shorter by the same width or one pixel less on
    the left or upper one. Where the size of the picture before is known, the bands are where it says if they
    are white; else they are found by their sharp ends, and a picture on a white background of its own, which
    has none, is left as it is.

    Args:
        pixels: canonical pixels, uint8 [h, w, 3].
        original: width and height of the picture as it was downloaded, from the row; None where unknown.

    Returns:
        The picture inside the padding; all of it where there is none.
    """
    side = len(pixels)
    if pixels.shape[1] != side or (original is not None and original[0] == original[1]):
        return whole(pixels)
    if original is not None:
        return _known_padding(pixels, *original)
    above, below = _bands(pixels)
    before, after = _bands(pixels.swapaxes(0, 1))
    if above and before:  # a frame on all sides is no padding
        return whole(pixels)
    box = Box(before, above, side - after, side - below)
    return box if _enough(box, pixels) else whole(pixels)


def _known_padding(pixels: Pixels, width: int, height: int) -> Box:
    """The box that img2dataset's arithmetic gives for a picture of this size, if all outside it is white."""
    side = len(pixels)
    longer, shorter = max(width, height), min(width, height)
    if shorter < 1:
        return whole(pixels)
    inner = (2 * side * shorter + longer) // (2 * longer)
    first = (side - inner) // 2
    lines = pixels if width > height else pixels.swapaxes(0, 1)
    # The lines next to the picture: JPEG has mixed them with it.
    outside = np.concatenate([lines[: max(0, first - BLUR)], lines[first + inner + BLUR :]])
    box = Box(0, first, side, first + inner) if width > height else Box(first, 0, first + inner, side)
    if not len(outside) or not _flat(outside, _WHITE).all() or not _enough(box, pixels):
        return whole(pixels)
    return box


def _bands(lines: Pixels) -> tuple[int, int]:
    """Lines of white at the start and at the end, as padding has them; 0, 0 where it looks otherwise."""
    first, last = _run(lines, _WHITE), _run(lines[::-1], _WHITE)
    return (first, last) if first and last and abs(last - first) <= UNEVEN else (0, 0)


def _sides(lines: Pixels) -> tuple[int, int]:
    """How many lines at the start and at the end are a frame, if anything lies between."""
    first, last = _side(lines), _side(lines[::-1])
    return (first, last) if first + last < len(lines) else (0, 0)


def _side(lines: Pixels) -> int:
    """How many lines at the start are a frame."""
    sums = lines[0].sum(axis=0, dtype=np.int64)
    count = lines.shape[1]
    return _run(lines, (sums + count // 2) // count)


def _run(lines: Pixels, colour: Lines | int) -> int:
    """How many lines at the start are a border of this colour."""
    flat = 0  # lines at the start that are known to be flat
    for first in range(0, len(lines), _BLOCK):
        far = _far(lines[first : first + _BLOCK + BLUR], colour)
        other = np.flatnonzero(far * FLAT > lines.shape[1])
        flat = first + int(other[0]) if len(other) else len(lines)
        if not flat:  # most pictures end here
            return 0
        if flat < first + _BLOCK:
            busy = np.flatnonzero(far[flat - first :][:BLUR] * BUSY >= lines.shape[1])
            return flat + int(busy[0]) if len(busy) else 0
    return 0


def _flat(lines: Pixels, colour: Lines | int) -> NDArray[np.bool_]:
    flat: NDArray[np.bool_] = _far(lines, colour) * FLAT <= lines.shape[1]
    return flat


def _far(lines: Pixels, colour: Lines | int) -> Lines:
    """For each line, how many of its pixels are not near the colour."""
    levels = np.broadcast_to(np.asarray(colour, dtype=np.uint8), (3,))
    away = np.maximum(lines, levels) - np.minimum(lines, levels)
    far = away > NEAR
    counts: Lines = (far[:, :, 0] | far[:, :, 1] | far[:, :, 2]).sum(axis=1, dtype=np.int64)
    return counts


def _enough(box: Box, pixels: Pixels) -> bool:
    """Whether what is left is worth hashing."""
    height, width = pixels.shape[:2]
    return all(
        kept >= SHORTEST and kept * KEPT >= side
        for kept, side in ((box.right - box.left, width), (box.bottom - box.top, height))
    )
