"""imagehash's pHash of canonical pixels, to the bit.

1. grey as Pillow makes it: ``(19595 R + 38470 G + 7471 B + 32768) >> 16``;
2. 32 x 32 pixels by Pillow's Lanczos filter, in fixed point: ``(sum of weight * grey + 2^21) >> 22`` within
   0..255 for one axis, then for the other; the width first, unless the height loses more than twice as many
   pixels (as in Pillow 13);
3. cosine transform of the columns, then of the rows (cosines.py), of which the 8 x 8 lowest are kept;
4. a bit for each that is above their median, the mean of the middle two; first bit first.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

#: Side of the square that is transformed.
SIDE = 32
_BITS = 22


def phash(pixels: Pixels) -> bytes:
    """The pHash of uint8 [h, w, 3]: 8 bytes, what ``str(imagehash.phash(image))`` says in hex.

    Where nothing can be compiled, imagehash itself makes it.
    """
    if (kernels := _kernels()) is None:
        return _by_imagehash(pixels)
    return hash_square(square(pixels, kernels), kernels)


def square(pixels: Pixels, kernels: Any) -> Pixels:
    """Steps 1 and 2 of the module's docstring: uint8 [h, w, 3] -> uint8 [32, 32]."""
    height, width = pixels.shape[:2]
    down_first = height > SIDE and height - SIDE > 2 * (width - SIDE)
    make = kernels.square_down_first if down_first else kernels.square
    # One type of array: a confined process cannot compile for another.
    lines = np.require(pixels, requirements=["C", "W"]).reshape(height, -1)
    small: Pixels = make(lines, *lanczos(width), *lanczos(height))
    return small


def hash_square(small: Pixels, kernels: Any) -> bytes:
    """Steps 3 and 4: uint8 [32, 32] -> 8 bytes."""
    code = np.zeros(8, dtype=np.uint8)
    kernels.hash_square(np.require(small, requirements=["C", "W"]), code)
    return code.tobytes()


def _by_imagehash(pixels: Pixels) -> bytes:
    """The reference, which takes SciPy along: imported only where it is needed."""
    import imagehash
    from PIL import Image

    return bytes.fromhex(str(imagehash.phash(Image.fromarray(pixels))))


@functools.lru_cache(maxsize=1024)
def lanczos(length: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pillow's Lanczos filter from ``length`` to 32 pixels.

    Returns:
        int32 [32], the first pixel of each sum, and int32 [32, taps], weights in units of 2^-22; all sums
        are of ``taps`` pixels within the axis. An axis of 32 pixels is left alone.
    """
    if length == SIDE:
        return np.arange(SIDE, dtype=np.int32), np.full((SIDE, 1), 1 << _BITS, dtype=np.int32)
    scale = length / SIDE
    stretch = max(scale, 1.0)  # a filter that enlarges is as wide as one that keeps the size
    center = (np.arange(SIDE) + 0.5) * scale
    first = np.maximum((center - 3 * stretch + 0.5).astype(np.int64), 0)
    end = np.minimum((center + 3 * stretch + 0.5).astype(np.int64), length)
    taps = int((end - first).max())
    starts = np.minimum(first, length - taps)
    positions = starts[:, np.newaxis] + np.arange(taps)
    used = (positions >= first[:, np.newaxis]) & (positions < end[:, np.newaxis])
    x = (positions - center[:, np.newaxis] + 0.5) * (1 / stretch)
    shares = np.where(used & (x >= -3) & (x < 3), np.sinc(x) * np.sinc(x / 3), 0)
    shares = shares / shares.sum(axis=1, keepdims=True) * (1 << _BITS)
    weights = np.trunc(shares + np.copysign(0.5, shares))
    return starts.astype(np.int32), weights.astype(np.int32)


@functools.cache
def _kernels() -> Any:
    """The compiled loops, or None without numba; imported when first needed, for it takes half a second."""
    try:
        from takedown import phash_kernels
    except ImportError:
        return None
    return phash_kernels
