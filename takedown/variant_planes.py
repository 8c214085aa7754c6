"""Pictures made from a picture: continued beyond its edges, turned a little, with writing painted over.

Each is a Plane: luma with room around the picture, and where in it the picture lies. All in integers, so
that a browser can repeat it; ``a // b`` is floor division, half is rounded up. Luma is that of pdq.py: 1000
units are one grey level, black is -127500.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from takedown.pdq import Luma
from takedown.pdq_operators import SIDE
from takedown.variant_windows import COSINES, SINES

__all__ = ["EDGE", "ROOM", "SIDE", "SMALL", "Plane", "continued", "plain", "small", "turned"]

#: Room on each side of a picture that is continued or turned, in 1/1000 of that side.
ROOM = 130
#: Longest side of the planes that need no detail.
SMALL = 256
#: What lies behind a picture that is turned: its own edge pixels, or a colour.
EDGE = 0


class Plane(NamedTuple):
    """Luma of a picture and what is around it.

    Attributes:
        luma: int32 [h, w], C-contiguous.
        top, left: where the picture begins, in pixels of the plane.
        height, width: its size there.
    """

    luma: Luma
    top: int
    left: int
    height: int
    width: int


def plain(lumas: Luma) -> Plane:
    """The picture as it is."""
    return Plane(lumas, 0, 0, *lumas.shape)


def small(plane: Plane) -> Plane:
    """A plain picture, axes longer than SMALL shrunk to that by exact area."""
    lumas = plane.luma
    for _ in range(2):
        if len(lumas) > SMALL:
            lumas = _shrunk(lumas)
        lumas = np.ascontiguousarray(lumas.T)
    return plain(lumas)


def _shrunk(lumas: Luma) -> Luma:
    """Mean of the lines between neighbouring edges i * n / SMALL."""
    count = len(lumas)
    edges = np.arange(SMALL + 1, dtype=np.int64) * count
    whole, part = edges // SMALL, edges % SMALL
    sums = np.zeros((count + 2, lumas.shape[1]), dtype=np.int64)
    np.cumsum(lumas, axis=0, out=sums[1:-1])
    sums[-1] = sums[-2]
    before = sums[whole] * SMALL + (sums[whole + 1] - sums[whole]) * part[:, np.newaxis]
    return ((np.diff(before, axis=0) * 2 + count) // (2 * count)).astype(np.int32)


def continued(plane: Plane, aspect: tuple[int, int], spread: int, fading: int, mirror: int) -> Plane:
    """Continue a picture beyond its edges: a guess at what was cut off.

    What one sees at the edge goes on, the less sharp the farther out: ``d`` pixels out, it is the mean of the
    edge line over ``spread * d`` halves to each side. Rows above and below first, then columns.

    Args:
        plane: a plain picture.
        aspect: width and height of the picture as it was, for pixels that are not square.
        spread: in halves of the distance.
        fading: how soon the picture's mean takes over: after 1/fading of its side by half; 0 for never.
        mirror: quarters of the mirror image that are mixed into the edge line, 0..4.
    """
    height, width = plane.luma.shape
    across, down = aspect[0] * height, aspect[1] * width  # pixel height : width is down : across
    mean = int(plane.luma.sum(dtype=np.int64)) // plane.luma.size
    rows = _continue_rows(plane.luma, down, across, spread, fading, mirror, mean)
    turned = np.ascontiguousarray(rows.T)
    lumas = _continue_rows(turned, across, down, spread, fading, mirror, mean).T
    top, left = (len(rows) - height) // 2, (lumas.shape[1] - width) // 2
    return Plane(np.ascontiguousarray(lumas), top, left, height, width)


def _continue_rows(
    lumas: Luma, tall: int, wide: int, spread: int, fading: int, mirror: int, mean: int
) -> Luma:
    """Rows above and below; a pixel is ``tall / wide`` as high as it is wide."""
    height, width = lumas.shape
    room = -(-height * ROOM // 1000)
    out = np.empty((height + 2 * room, width), dtype=np.int32)
    out[room : room + height] = lumas
    kernels = _kernels()
    fill = kernels.continue_rows if kernels else _continue_plainly
    fill(lumas, room, tall, wide, spread, fading, mirror, mean, out)
    return out


def _continue_plainly(
    lumas: Luma, room: int, tall: int, wide: int, spread: int, fading: int, mirror: int, mean: int, out: Luma
) -> None:
    height, width = lumas.shape
    for distance in range(1, room + 1):
        half = min(spread * distance * tall // (2 * wide), width)
        inside, last = min(distance, height) - 1, room + height - 1
        for edge, inner, to in ((0, inside, room - distance), (-1, -1 - inside, last + distance)):
            line = lumas[edge].astype(np.int64) * (4 - mirror) + lumas[inner].astype(np.int64) * mirror
            sums = np.cumsum(np.pad(line, (half, half), mode="edge"))
            sums = np.concatenate([np.zeros(1, dtype=np.int64), sums])
            count = 4 * (2 * half + 1)
            value = (2 * (sums[2 * half + 1 :] - sums[:width]) + count) // (2 * count)
            out[to] = mean + (value - mean) * height // (height + fading * distance)


def turned(plane: Plane, aspect: tuple[int, int], degrees: int, behind: int) -> Plane:
    """Turn a picture about its middle, counter-clockwise; pixels are mixed linearly from four.

    Args:
        plane: a plain picture.
        aspect: width and height of the picture as it was.
        degrees: -3..3.
        behind: EDGE, or the luma of what shows where the picture does not reach.
    """
    height, width = plane.luma.shape
    room_y, room_x = -(-height * ROOM // 1000), -(-width * ROOM // 1000)
    cosine, sine = COSINES[abs(degrees)], SINES[abs(degrees)] * (1 if degrees > 0 else -1)
    # Canonical pixels need not be square: a step down is so many steps across, and the other way round.
    across = sine * aspect[1] * width // (aspect[0] * height)
    down = sine * aspect[0] * height // (aspect[1] * width)
    out = np.empty((height + 2 * room_y, width + 2 * room_x), dtype=np.int32)
    if kernels := _kernels():
        kernels.turn(plane.luma, cosine, across, down, behind, out)
    else:
        _turn_plainly(plane.luma, cosine, across, down, behind, out)
    return Plane(out, room_y, room_x, height, width)


def _turn_plainly(lumas: Luma, cosine: int, across: int, down: int, behind: int, out: Luma) -> None:
    height, width = lumas.shape
    # From the middle, in half pixels; then from the first pixel's middle, in 1/2^16 pixel.
    y = 2 * np.arange(out.shape[0], dtype=np.int64)[:, np.newaxis] + 1 - out.shape[0]
    x = 2 * np.arange(out.shape[1], dtype=np.int64) + 1 - out.shape[1]
    from_x = (x * cosine - y * across + (width - 1) * 65536) // 2
    from_y = (x * down + y * cosine + (height - 1) * 65536) // 2
    outside = (from_x < -32768) | (from_x > width * 65536 - 32768)
    outside |= (from_y < -32768) | (from_y > height * 65536 - 32768)
    from_x, from_y = from_x.clip(0, (width - 1) * 65536), from_y.clip(0, (height - 1) * 65536)
    left, top = from_x >> 16, from_y >> 16
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    part_x, part_y = (from_x & 65535) >> 8, (from_y & 65535) >> 8
    upper = lumas[top, left] * (256 - part_x) + lumas[top, right] * part_x
    lower = lumas[bottom, left] * (256 - part_x) + lumas[bottom, right] * part_x
    mixed = (upper * (256 - part_y) + lower * part_y + 32768) >> 16
    out[:] = np.where(outside, behind, mixed) if behind != EDGE else mixed


@functools.cache
def _kernels() -> Any:
    try:
        from takedown import variant_kernels
    except ImportError:
        return None
    return variant_kernels
