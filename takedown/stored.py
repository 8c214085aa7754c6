"""Pictures as a dataset copy stores them -> Fingerprint: one code each, without the padding.

The copy is the side that is indexed, so the picture is hashed once, as it is. What varies (turns, crops,
sizes) is asked for by whoever looks for a picture.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import NamedTuple

from takedown import borders, pdq, pdq_operators, phash
from takedown.fingerprint import Fingerprint, hashed
from takedown.images import Picture, check_size, read_pixels
from takedown.pixels import SIDE


class Stored(NamedTuple):
    """A picture file of a dataset copy.

    Attributes:
        data: its bytes.
        padded: it may have been made square by img2dataset.
        original: width and height of what was downloaded, where the row says so.
        indexed: make the further codes that an index holds.
    """

    data: bytes
    padded: bool = False
    original: tuple[int, int] | None = None
    indexed: bool = False


def fingerprint_stored(stored: Stored) -> Fingerprint:
    """Fingerprint one picture in this very process; untrusted bytes belong into a sandbox.

    Returns:
        With a single code, and further ones where they are asked for. Width and height are those of the
        picture without its padding.

    Raises:
        BadImage: as images.read_pixels does.
        MissingExtra: the decoders are not installed.
    """
    check_size(stored.data)
    picture = read_pixels(stored.data)
    if stored.padded:
        picture = _without_padding(picture, stored.original)
    return hashed(stored.data, picture, varied=False, indexed=stored.indexed)


@functools.cache
def prepare() -> None:
    """Make the weights for every length of a side, so that forked children have them.

    Pictures without their padding are of many sizes, and making the weights takes longer than hashing.
    """
    for length in range(pdq.MIN_SIDE, SIDE + 1):
        pdq_operators.operator(length)
        phash.lanczos(length)


def _without_padding(picture: Picture, original: tuple[int, int] | None) -> Picture:
    pixels, width, height = picture.pixels, picture.width, picture.height
    # A size equal to the stored one says nothing: some copies keep only the size after padding.
    box = borders.padding(pixels, None if original == (width, height) else original)
    return replace(
        picture,
        pixels=borders.cut(pixels, box),
        width=width * (box.right - box.left) // pixels.shape[1],
        height=height * (box.bottom - box.top) // pixels.shape[0],
    )
