"""Windows on a picture: which part of it, or how much around it, a variant shows. Integers only.

A window is ``(top, bottom, left, right)`` in 1/WHOLE of the picture's height and width; below 0 and above
WHOLE lies what is around it. Each function takes what it needs and gives a function of the picture's width
and height. Shares, and places from 0 (left or top) to 1000 (right or bottom), are in 1/WHOLE and 1/1000.
"""

from __future__ import annotations

from collections.abc import Callable

#: The whole of a side.
WHOLE = 10_000

Window = tuple[int, int, int, int]
Shape = Callable[[int, int], Window]

#: Cosine and sine of 0 to 3 degrees in 1/2^16.
COSINES = (65_536, 65_526, 65_496, 65_446)
SINES = (0, 1_144, 2_287, 3_430)


def quotient(a: int, b: int) -> int:
    """a / b, rounded to the nearest, half up."""
    return (2 * a + b) // (2 * b)


def everything() -> Shape:
    return lambda width, height: (0, WHOLE, 0, WHOLE)


def cut(share: int, down: int, across: int) -> Shape:
    """What is left when ``share`` of both sides is cut off; ``down`` and ``across`` say at which ends."""
    top, left = quotient(share * down, 1000), quotient(share * across, 1000)
    return lambda width, height: (top, WHOLE - share + top, left, WHOLE - share + left)


def uncut(share: int, down: int, across: int) -> Shape:
    """The picture of which this one is left after that cut."""
    top, bottom = _before(share, down)
    left, right = _before(share, across)
    return lambda width, height: (top, bottom, left, right)


def strip(share: int, place: int, of_height: bool) -> Shape:
    """What is left when one side is cut."""
    first = quotient(share * place, 1000)
    return _on_one_axis(first, WHOLE - share + first, of_height)


def unstrip(share: int, place: int, of_height: bool) -> Shape:
    """The picture of which this one is left after that cut."""
    return _on_one_axis(*_before(share, place), of_height)


def shaped(wide: int, high: int, place: int) -> Shape:
    """The largest part that is ``wide : high``."""

    def window(width: int, height: int) -> Window:
        of_height = width * high <= wide * height
        share = _share(wide, high, width, height, of_height)
        first = quotient((WHOLE - share) * place, 1000)
        return _on_one_axis(first, first + share, of_height)(width, height)

    return window


def inner(shape: Shape, share: int) -> Shape:
    """The middle of a window of which ``share`` of both sides is cut off."""

    def window(width: int, height: int) -> Window:
        top, bottom, left, right = shape(width, height)
        down, across = (
            quotient((last - first) * share, 2 * WHOLE) for first, last in ((top, bottom), (left, right))
        )
        return top + down, bottom - down, left + across, right - across

    return window


def unshaped(wide: int, high: int) -> Shape:
    """The smallest canvas that is ``wide : high``, the picture in its middle."""

    def window(width: int, height: int) -> Window:
        of_height = width * high > wide * height
        first = -quotient(_share(wide, high, width, height, of_height) - WHOLE, 2)
        return _on_one_axis(first, WHOLE - first, of_height)(width, height)

    return window


def framed(share: int) -> Shape:
    """A border all around, as wide as ``share`` of the shorter side."""

    def window(width: int, height: int) -> Window:
        shorter = min(width, height)
        down, across = quotient(share * shorter, height), quotient(share * shorter, width)
        return -down, WHOLE + down, -across, WHOLE + across

    return window


def around(top: int, bottom: int, sides: int) -> Shape:
    """Shares of height and width added above, below and on both sides."""
    return lambda width, height: (-top, WHOLE + bottom, -sides, WHOLE + sides)


def turned_canvas(degrees: int) -> Shape:
    """The canvas that holds all of the picture when it is turned."""
    cosine, sine = COSINES[abs(degrees)], SINES[abs(degrees)]
    return lambda width, height: _middle(
        quotient(WHOLE * (cosine * height + sine * width), 65_536 * height),
        quotient(WHOLE * (cosine * width + sine * height), 65_536 * width),
    )


def unturned_canvas(degrees: int) -> Shape:
    """The picture that lies in this canvas, once that is turned back."""
    cosine, sine = COSINES[abs(degrees)], SINES[abs(degrees)]
    area = cosine * cosine - sine * sine

    def window(width: int, height: int) -> Window:
        down = quotient(WHOLE * 65_536 * (cosine * height - sine * width), area * height)
        across = quotient(WHOLE * 65_536 * (cosine * width - sine * height), area * width)
        return _middle(max(down, 1_000), max(across, 1_000))

    return window


def turned_inside(degrees: int) -> Shape:
    """The largest part of the same shape that has no corner of the turned picture in it."""
    return lambda width, height: _middle(*[_inside(degrees, width, height)] * 2)


def unturned_inside(degrees: int) -> Shape:
    """The picture of which such a part is what we see."""

    def window(width: int, height: int) -> Window:
        share = quotient(WHOLE * WHOLE, _inside(degrees, width, height))
        return _middle(share, share)

    return window


def _before(share: int, place: int) -> tuple[int, int]:
    """Ends of an axis of which ``share`` was cut off, in 1/WHOLE of what is left."""
    left = WHOLE - share
    return -quotient(10 * share * place, left), WHOLE + quotient(10 * share * (1000 - place), left)


def _on_one_axis(first: int, last: int, of_height: bool) -> Shape:
    window = (first, last, 0, WHOLE) if of_height else (0, WHOLE, first, last)
    return lambda width, height: window


def _share(wide: int, high: int, width: int, height: int, of_height: bool) -> int:
    """How long the one side is in 1/WHOLE of what it was, when the shape is ``wide : high`` at last."""
    if of_height:
        return quotient(WHOLE * width * high, wide * height)
    return quotient(WHOLE * height * wide, high * width)


def _middle(down: int, across: int) -> Window:
    top, left = quotient(WHOLE - down, 2), quotient(WHOLE - across, 2)
    return top, WHOLE - top, left, WHOLE - left


def _inside(degrees: int, width: int, height: int) -> int:
    cosine, sine = COSINES[abs(degrees)], SINES[abs(degrees)]
    return min(
        quotient(WHOLE * 65_536 * width, cosine * width + sine * height),
        quotient(WHOLE * 65_536 * height, sine * width + cosine * height),
    )
