"""Pictures as a dataset copy stores them -> Fingerprint: one code each, without the padding.

The copy is the side that is indexed, so the picture is hashed once, as it is. What varies (turns, crops,
sizes) is asked for by whoever looks for a picture.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from takedown import borders
from takedown.fingerprint import PIPELINE, Code, Fingerprint, _pdq, _phash
from takedown.images import Picture, check_size, read_pixels


class Stored(NamedTuple):
    """A picture file of a dataset copy.

    Attributes:
        data: its bytes.
        padded: it may have been made square by img2dataset.
        original: width and height of what was downloaded, where the row says so.
    """

    data: bytes
    padded: bool = False
    original: tuple[int, int] | None = None


def fingerprint_stored(stored: Stored) -> Fingerprint:
    """Fingerprint one picture in this very process; untrusted bytes belong into a sandbox.

    Returns:
        With a single code. Width and height are those of the picture without its padding.

    Raises:
        BadImage: as images.read_pixels does.
        MissingExtra: the decoders or the hashes are not installed.
    """
    check_size(stored.data)
    picture = read_pixels(stored.data)
    pixels, width, height = picture.pixels, picture.width, picture.height
    if stored.padded:
        # A size equal to the stored one says nothing: some copies keep only the size after padding.
        known = stored.original if stored.original != (width, height) else None
        box = borders.padding(pixels, known)
        width = width * (box.right - box.left) // pixels.shape[1]
        height = height * (box.bottom - box.top) // pixels.shape[0]
        pixels = borders.cut(pixels, box)
    code, quality = _pdq(pixels)
    return Fingerprint(
        sha256=hashlib.sha256(stored.data).hexdigest(),
        md5=hashlib.md5(stored.data, usedforsecurity=False).hexdigest(),
        format=picture.format,
        width=width,
        height=height,
        pdq_quality=quality,
        codes=(Code("original", code),),
        phash=_phash(Picture(pixels, width, height, picture.format)),
        pipeline=PIPELINE,
    )
