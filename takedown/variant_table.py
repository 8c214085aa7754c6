"""The table of all variants of a picture, in an order that never changes within a version.

Half of them undo what may have been done to the picture that is sent (cut, framed, turned, written on); the
other half do the same to it, in case the dataset holds such a copy. docs/variants.md says which edit needs
which, and what was measured. A name says what was done, with shares in percent.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

from takedown import variant_windows as windows
from takedown.pdq import BLACK, WHITE
from takedown.variant_windows import Shape

#: Raise it when a variant is added, removed, renamed or made in another way.
VARIANTS_VERSION = 1

#: EXIF orientations by name. The first eight variants are these, of the picture as it is.
ORIENTATIONS: tuple[tuple[str, int], ...] = (
    ("original", 1),
    ("rotate-90", 8),
    ("rotate-180", 3),
    ("rotate-270", 6),
    ("flip-x", 4),
    ("flip-y", 2),
    ("flip-plus-1", 5),
    ("flip-minus-1", 7),
)

#: Fill of a variant that shows nothing but its plane, whose outermost pixels go on where it ends.
NONE = 0

#: What is cut off both sides of a picture to get its middle, in 1/10000; see variants.index_codes.
MIDDLE = 1_400

_PLACES = {
    "centre": (500, 500),
    "top-left": (0, 0),
    "top-right": (0, 1000),
    "bottom-left": (1000, 0),
    "bottom-right": (1000, 1000),
}
_ENDS = (("start", 0), ("middle", 500), ("end", 1000))
_COLOURS = {"white": WHITE, "black": BLACK}
_SHAPES = ((1, 1), (4, 3), (3, 4), (3, 2), (2, 3), (16, 9), (9, 16), (5, 4), (4, 5))


class Look(NamedTuple):
    """At how many pixels a picture is seen: ``times / over`` of what it has, or its shorter or longer side
    ``shorter`` or ``longer`` pixels, or both sides ``square``."""

    times: int = 1
    over: int = 1
    shorter: int = 0
    longer: int = 0
    square: int = 0


_AS_IT_IS = Look()


class Variant(NamedTuple):
    """One way of looking at a picture.

    Attributes:
        name: letters, digits and hyphens, at most 32.
        shape: which part of the plane.
        plane: name of the plane it is seen on, as variants.py knows them.
        look: at how many pixels.
        orientation: EXIF's, 1..8.
        fill: luma around the picture, or NONE.
        box: number of a box of variant_boxes.py, which is taken instead of the shape; -1 for none.
    """

    name: str
    shape: Shape
    plane: str = "plain"
    look: Look = _AS_IT_IS
    orientation: int = 1
    fill: int = NONE
    box: int = -1


@functools.cache
def table() -> tuple[Variant, ...]:
    """All variants, the original first, then its other orientations."""
    parts = (_orientations, _sizes, _cuts, _uncuts, _borders, _turns, _writing, _boxes, _bands)
    return tuple(variant for part in parts for variant in part())


@functools.cache
def names() -> tuple[str, ...]:
    return tuple(variant.name for variant in table())


def _turned(name: str, shape: Shape, plane: str = "plain", look: Look = _AS_IT_IS) -> Iterator[Variant]:
    """A variant in the seven other orientations."""
    for suffix, orientation in ORIENTATIONS[1:]:
        yield Variant(f"{name}-{suffix}", shape, plane, look, orientation)


def _orientations() -> Iterator[Variant]:
    for name, orientation in ORIENTATIONS:
        yield Variant(name, windows.everything(), orientation=orientation)


def _sizes() -> Iterator[Variant]:
    """As datasets may keep it, or as it was before it was made smaller."""
    for times, over in ((1, 4), (1, 3), (1, 2), (2, 3), (3, 4), (3, 2), (2, 1), (3, 1), (4, 1)):
        yield Variant(f"size-{times}-{over}", windows.everything(), look=Look(times, over))
    for side in (128, 224, 256, 320, 384, 512):
        yield Variant(f"size-shorter-{side}", windows.everything(), look=Look(shorter=side))
    for side in (256, 512):
        yield Variant(f"size-longer-{side}", windows.everything(), look=Look(longer=side))
    yield Variant("size-square-256", windows.everything(), look=Look(square=256))
    yield from _turned("size-1-2", windows.everything(), look=Look(1, 2))
    yield from _turned("size-256", windows.everything(), look=Look(shorter=256))


def _grid(percents: tuple[int, ...], step: int) -> Iterator[tuple[int, str, int, int]]:
    """(percent, name, down, across) of cuts that are neither in the middle nor in a corner."""
    for percent in percents:
        steps = percent // step
        for i in range(steps + 1):
            for j in range(steps + 1):
                place = 1000 * i // steps, 1000 * j // steps
                if place not in _PLACES.values():
                    yield percent, f"{percent}-{i}-{j}", *place


def _cuts() -> Iterator[Variant]:
    """Parts of the picture."""
    for percent in (*range(1, 13), 14, 16, 18, 20):
        for name, place in _PLACES.items():
            yield Variant(f"crop-{percent}-{name}", windows.cut(100 * percent, *place))
    for percent in (2, 4, 6, 8, 10):
        yield from _turned(f"crop-{percent}-centre", windows.cut(100 * percent, 500, 500))
    for percents, step in (((4, 6, 8, 10), 2), ((12, 15, 18), 3)):
        for percent, name, down, across in _grid(percents, step):
            yield Variant(f"crop-{name}", windows.cut(100 * percent, down, across))
    for percent in (2, 4, 6, 8, 10, 12, 15, 18, 20, 25):
        for end, at in _ENDS:
            for axis in ("height", "width"):
                shape = windows.strip(100 * percent, at, axis == "height")
                yield Variant(f"crop-{axis}-{percent}-{end}", shape)
    for wide, high in _SHAPES:
        for at in (0, 250, 500, 750, 1000) if wide == high else (0, 500, 1000):
            yield Variant(f"shape-{wide}-{high}-{at}", windows.shaped(wide, high, at))


def _uncuts() -> Iterator[Variant]:
    """What the picture may have been a part of, continued in four ways (planes of variants.py)."""
    for plane in ("faded", "mixed", "sharp", "both"):
        for percent in range(1, 13):
            for name, place in _PLACES.items():
                shape = windows.uncut(100 * percent, *place)
                yield Variant(f"uncrop-{plane}-{percent}-{name}", shape, plane)
    for percent in (2, 4, 6, 8, 10):
        shape = windows.uncut(100 * percent, 500, 500)
        yield from _turned(f"uncrop-{percent}-centre", shape, "faded")
    for percent, name, down, across in _grid((4, 6, 8, 10), 2):
        yield Variant(f"uncrop-{name}", windows.uncut(100 * percent, down, across), "faded")
    for percent in (2, 4, 6, 8, 10, 12):
        for end, at in _ENDS:
            for axis in ("height", "width"):
                shape = windows.unstrip(100 * percent, at, axis == "height")
                yield Variant(f"uncrop-{axis}-{percent}-{end}", shape, "faded")
    yield from _middles()
    for wide, high in _SHAPES[1:7]:
        yield Variant(f"unshape-{wide}-{high}", windows.unshaped(wide, high), "faded")


def _middles() -> Iterator[Variant]:
    """The middle of what the picture may have been a part of, which an index may hold a code of."""
    for percent in (4, 6, 8, 10, 12):
        for name, place in list(_PLACES.items())[1:]:
            shape = windows.inner(windows.uncut(100 * percent, *place), MIDDLE)
            yield Variant(f"middle-{percent}-{name}", shape, "faded")
    for percent in (4, 8, 12, 16, 20):
        for end, at in (_ENDS[0], _ENDS[2]):
            for axis in ("height", "width"):
                shape = windows.inner(windows.unstrip(100 * percent, at, axis == "height"), MIDDLE)
                yield Variant(f"middle-{axis}-{percent}-{end}", shape, "faded")


def _borders() -> Iterator[Variant]:
    """Borders, bars and the frames of telephones, in white and in black."""
    for colour, fill in _COLOURS.items():
        for percent in (1, 2, 3, 4, 5, 6, 8, 10):
            share = 100 * percent
            yield Variant(f"border-{percent}-{colour}", windows.framed(share), fill=fill)
            yield Variant(f"frame-{percent}-{colour}", windows.around(share, share, share), fill=fill)
        for wide, high in (*_SHAPES[:7], (2, 1)):
            yield Variant(f"bars-{wide}-{high}-{colour}", windows.unshaped(wide, high), fill=fill)
        for top in (4, 6, 8, 10, 12):
            for bottom in (0, 4, 8, 12, 16, 20):
                for sides in (0, 3):
                    shape = windows.around(100 * top, 100 * bottom, 100 * sides)
                    yield Variant(f"screen-{top}-{bottom}-{sides}-{colour}", shape, fill=fill)


def _turns() -> Iterator[Variant]:
    """Turned a little: in its own canvas, in one that holds all of it, and without the corners."""
    for degrees in (-3, -2, -1, 1, 2, 3):
        name = f"turn-{'left' if degrees > 0 else 'right'}-{abs(degrees)}"
        plane = f"turned{degrees}"
        yield Variant(name, windows.everything(), plane)
        yield Variant(f"{name}-uncanvas", windows.unturned_canvas(degrees), plane)
        yield Variant(f"{name}-inside", windows.turned_inside(degrees), plane)
        yield Variant(f"{name}-uninside", windows.unturned_inside(degrees), plane)
        for colour, fill in _COLOURS.items():
            plane = f"turned{degrees}-{colour}"
            yield Variant(f"{name}-{colour}", windows.everything(), plane, fill=fill)
            shape = windows.turned_canvas(degrees)
            yield Variant(f"{name}-canvas-{colour}", shape, plane, fill=fill)


def _writing() -> Iterator[Variant]:
    """Without what looks like writing."""
    for plane in ("clean-thin", "clean-thin-dark", "clean-thin-light", "clean-pale", "clean-bold-light"):
        yield Variant(plane, windows.everything(), plane)
    for plane in ("clean-thin", "clean-thin-dark"):
        yield Variant(f"{plane}-256", windows.everything(), plane, Look(shorter=256))


def _boxes() -> Iterator[Variant]:
    """Inside of what may be frames or bars (variant_boxes.py); box 0 is all of the picture."""
    for number in range(1, 28):
        yield Variant(f"box-{number}", windows.everything(), box=number)


def _bands() -> Iterator[Variant]:
    """With a paler band across, as writing may leave it."""
    for middle in (8, 20, 35, 50, 65, 80, 92):
        for high in (8, 16, 30):
            for strength in (25, 50):
                name = f"band-{middle}-{high}-{strength}"
                yield Variant(name, windows.everything(), name)
