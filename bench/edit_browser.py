"""How far the codes that a browser makes of files are from the library's: all that differs is the decoder."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.browser import Browser
from bench.report import table
from takedown.images import read_pixels
from takedown.variants import hash_variants

Codes = NDArray[np.uint8]

#: Label, format and options of Pillow's encoder.
_FORMATS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("JPEG, full colour", "JPEG", {"quality": 90, "subsampling": 0}),
    ("JPEG, progressive", "JPEG", {"quality": 75, "progressive": True}),
    ("PNG", "PNG", {}),
    ("WebP", "WEBP", {"quality": 80}),
    ("WebP, lossless", "WEBP", {"lossless": True}),
    ("AVIF", "AVIF", {"quality": 60}),
)


class _Apart(NamedTuple):
    """Bits between the two codes of the picture as it is, and their mean over all variants."""

    plain: int
    mean: float


class Decoded:
    """Codes made in a browser, and how far they were from the library's, by format."""

    def __init__(self, browser: Browser) -> None:
        self.version = browser.version
        self._browser = browser
        self._apart: dict[str, list[_Apart]] = {}

    def codes(self, label: str, data: bytes, ours: Codes) -> Codes:
        """Codes of all variants of a file, uint8 [V, 32]; ``ours`` are the library's, to be compared."""
        made = self._browser.fingerprint(data)
        digits = "".join(code.pdq for code in made.codes)
        theirs = np.frombuffer(bytes.fromhex(digits), np.uint8).reshape(-1, 32)
        bits = np.bitwise_count(theirs ^ ours).sum(axis=1)
        self._apart.setdefault(label, []).append(_Apart(int(bits[0]), float(bits.mean())))
        return theirs

    def formats(self, pictures: dict[str, Image.Image]) -> None:
        """Compare some pictures in other formats, too."""
        for label, kind, options in _FORMATS:
            for picture in pictures.values():
                out = io.BytesIO()
                picture.save(out, kind, **options)
                seen = read_pixels(out.getvalue())
                ours, _ = hash_variants(seen.pixels, seen.width, seen.height)
                self.codes(label, out.getvalue(), ours)

    def report(self) -> None:
        """Print what was compared so far."""
        rows = [
            (
                label,
                len(found),
                sum(apart.mean == 0 for apart in found),
                float(np.mean([apart.plain for apart in found])),
                max(apart.plain for apart in found),
                float(np.mean([apart.mean for apart in found])),
            )
            for label, found in self._apart.items()
        ]
        head = ("", "files", "all codes equal", "bits apart, mean", "most", "mean of all variants")
        table(f"codes of {self.version} beside ours, the same file", head, rows)
