"""The versioned set of variant codes of a picture: PDQ of it, edited in a thousand ways.

A copy that was cut, framed, turned or written on is farther from its original than PDQ's radius. So the
picture that is looked for is edited back, and edited in the same ways, and every result is looked for. The
dataset keeps one code a picture. Steps:

1. luma of the canonical picture (pdq.py), and the planes made from it (variant_planes.py, _retouch, _boxes);
2. each variant of the table is a window on a plane, seen at so many pixels, in one of eight orientations:
   an operator for each axis (variant_operators.py);
3. PDQ of all of them (pdq.hash_regions). A variant without enough detail gets the code of the original.

All in integers: a browser can make the same codes to the bit.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from takedown import borders, pdq, variant_boxes, variant_planes, variant_retouch
from takedown import variant_windows as windows
from takedown.borders import Box
from takedown.pdq import BLACK, WHITE, Codes
from takedown.pixels import Pixels
from takedown.variant_operators import UNITS, Part, operators
from takedown.variant_planes import Plane
from takedown.variant_retouch import Brush
from takedown.variant_table import MIDDLE, NONE, ORIENTATIONS, VARIANTS_VERSION, Look, Variant, names, table
from takedown.variant_windows import WHOLE, quotient

__all__ = [
    "MAX_MORE",
    "ORIENTATIONS",
    "VARIANTS_VERSION",
    "WIDE",
    "WIDE_RADIUS",
    "hash_variants",
    "index_codes",
    "names",
]

#: A variant of a lower PDQ quality says too little; see interface.MIN_PDQ_QUALITY.
MIN_QUALITY = 50

#: Variants worth looking for again at a wider radius, by a scan, when nothing was found: a guess at what was
#: cut off is right in outline only. Unrelated pictures are farther apart (docs/variants.md).
WIDE = (
    "original",
    "clean-thin",
    *(f"uncrop-faded-{percent}-centre" for percent in (3, 6, 9, 12)),
    *(
        f"uncrop-faded-{percent}-{corner}"
        for percent in (5, 8, 11)
        for corner in ("top-left", "top-right", "bottom-left", "bottom-right")
    ),
    *(
        f"uncrop-{axis}-{percent}-{end}"
        for axis in ("height", "width")
        for percent in (6, 10)
        for end in ("start", "end")
    ),
)
WIDE_RADIUS = 60

#: Ways to continue a picture: spread, fading and mirror of variant_planes.continued.
_CONTINUED = {"faded": (4, 3, 0), "mixed": (2, 3, 2), "sharp": (2, 0, 0), "both": (4, 3, 2)}

_BRUSHES = {
    "clean-thin": Brush(20, 60_000, 25_000, True, True),
    "clean-thin-dark": Brush(20, 60_000, 25_000, False, True),
    "clean-thin-light": Brush(20, 60_000, 25_000, True, False),
    "clean-pale": Brush(35, 40_000, 65_000, True, False),
    "clean-bold-light": Brush(60, 60_000, 25_000, True, False),
}
_BEHIND = {"white": WHITE, "black": BLACK}
# Luma that bands are mixed with: a middle grey.
_GREY = 500

#: Bits by which a further code of a picture in an index differs from those before, at least.
NEAR_ENOUGH = 8
#: Most further codes of a picture in an index.
MAX_MORE = 3
_INDEXED = (
    Variant("original", windows.everything()),
    Variant("middle", windows.cut(MIDDLE, 500, 500)),
    Variant("square", windows.inner(windows.shaped(1, 1, 500), 1_000)),
    Variant("clean", windows.everything(), "clean-thin"),
)

# Which axes are seen backwards, and whether they are swapped then, as in pdq.orientations.
_MIRRORS = {
    1: (False, False, False),
    8: (False, True, True),
    3: (True, True, False),
    6: (True, False, True),
    4: (True, False, False),
    2: (False, True, False),
    5: (False, False, True),
    7: (True, True, True),
}


class _Seen(NamedTuple):
    """A variant of a picture of known size, on its plane."""

    rows: Part
    columns: Part
    transposed: bool
    fill: int


class _Picture(NamedTuple):
    """What planes are made from: the picture, the same small, and its size as it came."""

    plain: Plane
    small: Plane
    width: int
    height: int


def hash_variants(pixels: Pixels, width: int, height: int) -> tuple[Codes, int]:
    """Codes of all variants of a picture.

    Args:
        pixels: canonical pixels, uint8 [h, w, 3].
        width, height: of the picture as it came, after the EXIF turn.

    Returns:
        uint8 [V, 32], in the order of ``names()``, and the quality of the original, 0..100. All zero for a
        picture smaller than pdq.MIN_SIDE.
    """
    return _hash(table(), pixels, width, height, len(ORIENTATIONS))


def index_codes(pixels: Pixels, width: int, height: int) -> list[tuple[str, bytes]]:
    """Codes that an index may hold of a picture beside the code of it as it is.

    A part of the middle is found from any copy that was cut farther out, where the copy's own code is not
    (docs/variants.md says how much each adds).

    Args:
        pixels, width, height: as in ``hash_variants``.

    Returns:
        Name and 32 bytes of at most three codes: of the middle; of the middle of the largest square, unless
        the picture is nearly square; of the picture without writing. Those within NEAR_ENOUGH bits of one
        before, the picture's own among them, are left out; so are all of a picture of too little detail.
    """
    wanted = tuple(
        v for v in _INDEXED if v.name != "square" or 10 * min(width, height) < 9 * max(width, height)
    )
    codes, quality = _hash(wanted, pixels, width, height, 1)
    kept = [0]
    for number in range(1, len(wanted)) if quality >= MIN_QUALITY else ():
        if np.bitwise_count(codes[kept] ^ codes[number]).sum(axis=1).min() > NEAR_ENOUGH:
            kept.append(number)
    return [(wanted[number].name, codes[number].tobytes()) for number in kept[1:]]


def _hash(
    wanted: tuple[Variant, ...], pixels: Pixels, width: int, height: int, sure: int
) -> tuple[Codes, int]:
    """Codes of some variants, the first of which is the original; ``sure`` of them whatever their detail."""
    lumas = pdq.luma(pixels)
    codes = np.zeros((len(wanted), 32), dtype=np.uint8)
    qualities = np.zeros(len(wanted), dtype=np.uint8)
    if min(lumas.shape) < pdq.MIN_SIDE:
        return codes, 0
    plain = variant_planes.plain(lumas)
    picture = _Picture(plain, variant_planes.small(plain), width, height)
    boxes = [*variant_boxes.boxes(lumas), borders.frame(pixels)] if any(v.box >= 0 for v in wanted) else []
    for name, numbers in _by_plane(wanted).items():
        plane = _plane(name, picture)
        seen = [_seen(wanted[number], plane, picture, boxes) for number in numbers]
        codes[numbers], qualities[numbers] = pdq.hash_regions(plane.luma, _plan(plane, seen))
    poor = qualities < MIN_QUALITY
    poor[:sure] = False
    codes[poor] = codes[0]
    return codes, int(qualities[0])


@functools.cache
def _by_plane(wanted: tuple[Variant, ...]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for number, variant in enumerate(wanted):
        found[variant.plane].append(number)
    return dict(found)


def _plane(name: str, picture: _Picture) -> Plane:
    size = picture.width, picture.height
    if name == "plain":
        return picture.plain
    if name in _CONTINUED:
        return variant_planes.continued(picture.plain, size, *_CONTINUED[name])
    if name in _BRUSHES:
        return variant_retouch.retouched(picture.small, size, _BRUSHES[name])
    if name.startswith("band-"):
        return _banded(picture.small, *map(int, name.split("-")[1:]))
    degrees, _, colour = name.removeprefix("turned").replace("--", "-").rpartition("-")
    if colour in _BEHIND:
        return variant_planes.turned(picture.small, size, int(degrees), _BEHIND[colour])
    return variant_planes.turned(picture.small, size, int(name.removeprefix("turned")), variant_planes.EDGE)


def _banded(plane: Plane, middle: int, high: int, strength: int) -> Plane:
    """A band, 6/10 as wide as the picture, mixed with grey; middle, height and strength in percent."""
    height, width = plane.luma.shape
    rows = slice(max(0, (2 * middle - high) * height // 200), (2 * middle + high) * height // 200)
    columns = slice(2 * width // 10, 8 * width // 10)
    lumas = plane.luma.copy()
    lumas[rows, columns] = (lumas[rows, columns] * (100 - strength) + strength * _GREY) // 100
    return variant_planes.plain(lumas)


def _seen(variant: Variant, plane: Plane, picture: _Picture, boxes: list[Box]) -> _Seen:
    if variant.box >= 0:
        box = boxes[variant.box]
        top, bottom, left, right = _box_window(box, plane)
    else:
        window = variant.shape(picture.width, picture.height)
        top, bottom = (_units(end, plane.top, plane.height) for end in window[:2])
        left, right = (_units(end, plane.left, plane.width) for end in window[2:])
    high = _pixels(variant.look, (bottom - top) * picture.height, plane.height, picture)
    wide = _pixels(variant.look, (right - left) * picture.width, plane.width, picture)
    up, back, transposed = _MIRRORS[variant.orientation]
    edged = variant.fill == NONE
    return _Seen(
        Part(top, bottom, high, up, edged), Part(left, right, wide, back, edged), transposed, variant.fill
    )


def _box_window(box: Box, plane: Plane) -> tuple[int, int, int, int]:
    """In units; all of the plane when the box leaves next to nothing."""
    kept = 8 * (box.bottom - box.top) >= plane.height and 8 * (box.right - box.left) >= plane.width
    ends = (box.top, box.bottom, box.left, box.right) if kept else (0, plane.height, 0, plane.width)
    return ends[0] * UNITS, ends[1] * UNITS, ends[2] * UNITS, ends[3] * UNITS


def _units(end: int, first: int, length: int) -> int:
    return first * UNITS + quotient(end * length * UNITS, WHOLE)


def _pixels(look: Look, length: int, pixels: int, picture: _Picture) -> int:
    """At how many pixels a part of an axis is seen.

    Args:
        length: of the part, in 1/(UNITS * pixels) of a pixel of the picture as it came.
        pixels: of the whole axis on its plane.
    """
    times, over = look.times, look.over
    if look.square:
        return look.square
    if look.shorter:
        times, over = look.shorter, min(picture.width, picture.height)
    if look.longer:
        times, over = look.longer, max(picture.width, picture.height)
    return max(pdq.MIN_SIDE, min(quotient(length * times, UNITS * pixels * over), variant_planes.SIDE))


def _plan(plane: Plane, seen: list[_Seen]) -> pdq.Plan:
    """Each operator is made once."""
    height, width = plane.luma.shape
    rows, columns = list(dict.fromkeys(s.rows for s in seen)), list(dict.fromkeys(s.columns for s in seen))
    down = dict(zip(rows, operators(height, rows), strict=True))
    across = dict(zip(columns, operators(width, columns), strict=True))
    return pdq.plan([pdq.Variant(down[s.rows], across[s.columns], s.transposed, s.fill) for s in seen])
