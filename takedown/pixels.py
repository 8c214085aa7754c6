"""A decoded picture -> canonical pixels: what every perceptual hash of this project is made from.

The operation is specified to the bit, so that a browser can repeat it (pipeline version 2):

1. every pixel becomes 8-bit RGB: 16-bit grey keeps its high byte, CMYK is converted
   by Pillow (inverted ink, as Adobe writes it and browsers read it), grey is repeated;
2. transparency is laid on white: ``(c * a + 255 * (255 - a) + 127) // 255``;
3. an axis longer than SIDE is shrunk to SIDE by exact area average, a shorter one stays: output i covers
   the source span [i * n / SIDE, (i + 1) * n / SIDE), so all weights are multiples of 1/SIDE of a pixel and
   all sums are integers; both axes are rounded together, once: ``(sum + total // 2) // total``;
4. the picture is turned as EXIF says. Turning last is the same as turning first, because the spans of an
   axis are symmetric, both axes are treated alike, and nothing is rounded in between.

Where numba is installed, a compiled kernel reads Pillow's own memory of grey and RGB pictures. Everything
else is read in strips: Pillow holds 4 bytes a pixel, and a full copy would not fit into the sandbox's memory.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

#: Longest side of the canonical picture in pixels; also the number of units a source pixel is cut into.
SIDE = 512
# Output rows made from one strip: 50 megapixels give strips of at most 3.2.
_ROWS = 32

Pixels = NDArray[np.uint8]
Sums = NDArray[np.int64]


def canonical_pixels(image: Image, orientation: int = 1) -> Pixels:
    """Turn a loaded picture into canonical pixels (the steps are in the module's docstring).

    Args:
        image: a loaded Pillow picture of any mode that the allowed formats have.
        orientation: EXIF orientation, 1..8.

    Returns:
        uint8 array [height, width, 3], C-contiguous, no side longer than SIDE.
    """
    kernels = _kernels()
    upright = _shrunk(image) if kernels is None else _shrunk_fast(image, kernels)
    return turn(upright, orientation)


def turn(pixels: Pixels, orientation: int) -> Pixels:
    """Show an array as EXIF orientation 1..8 demands (EXIF 2.32, tag 0x0112); a contiguous copy."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


@functools.cache
def _kernels() -> Any:
    """The compiled loops, or None without numba; imported when first needed, for it takes half a second."""
    try:
        from takedown import pixels_kernels
    except ImportError:
        return None
    return pixels_kernels


# --- With numba -------------------------------------------------------------------------------------------


def _shrunk_fast(image: Image, kernels: Any) -> Pixels:
    """Steps 1 to 3 of the module's docstring."""
    width, height = image.size
    out = np.empty((min(height, SIDE), min(width, SIDE), 3), dtype=np.uint8)
    if (whole := _whole(image)) is not None:
        _shrink(whole, 0, height, 0, out, kernels)
        return out
    for first, last, top, bottom in _strips(height):
        strip = _bands(image.crop((0, top, width, bottom)), kernels)
        _shrink(strip, top, height, first, out[first:last], kernels)
    return out


def _whole(image: Image) -> Pixels | None:
    """The memory of a grey or RGB picture, when Pillow holds it in one piece (up to 16 MB it does)."""
    if image.mode not in ("L", "RGB") or image.has_transparency_data:
        return None
    try:
        return _memory(image)
    except ValueError:
        return None


def _shrink(strip: Pixels, top: int, height: int, first: int, out: Pixels, kernels: Any) -> None:
    """Rows ``first`` on of the canonical picture, from a strip that begins at row ``top`` of the source."""
    rows, width, bands = strip.shape
    sums = np.empty(width * bands, dtype=np.int32)
    pairs = sums.view(np.uint64) if bands == 4 else np.empty(0, dtype=np.uint64)
    kernels.shrink(
        strip.reshape(rows, -1), bands, top, height, SIDE, first, sums, pairs, out.reshape(len(out), -1)
    )


def _strips(height: int) -> Iterator[tuple[int, int, int, int]]:
    """First row and the one after the last, of every strip: of the canonical picture, and of the source."""
    rows = min(height, SIDE)
    for first in range(0, rows, _ROWS):
        last = min(first + _ROWS, rows)
        yield first, last, first * height // rows, -(-last * height // rows)


def _bands(image: Image, kernels: Any) -> Pixels:
    """A (small) picture of any mode as the kernel takes it, transparency laid on white."""
    if image.mode.startswith("I"):
        return _from_16_bit(image)[:, :, np.newaxis]
    if image.has_transparency_data:
        rgba = _memory(image.convert("RGBA"))  # a new picture, which may be changed
        kernels.on_white(rgba)
        return rgba
    return _memory(image.convert("L" if image.mode in ("1", "L") else "RGB"))


class _ArrowArray(ctypes.Structure):
    """struct ArrowArray of the Arrow C data interface."""


_ArrowArray._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_ArrowArray))),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]


def _memory(image: Image) -> Pixels:
    """The pixels of an L, RGB or RGBA picture as Pillow holds them: uint8 [h, w, 1 or 4], not a copy.

    Pillow gives its memory away by the Arrow C data interface: bytes, or lists of four of them.

    Raises:
        ValueError: it is in several pieces.
    """
    bands = 1 if image.mode == "L" else 4
    _, capsule = image.__arrow_c_array__()
    array = _ArrowArray.from_address(_pointer(capsule, b"arrow_array"))
    values = array if bands == 1 else array.children[0].contents
    if values.offset != 0 or values.length != image.height * image.width * bands:
        raise ValueError("Pillow holds the picture in a way that is not known here")
    memory = (ctypes.c_uint8 * values.length).from_address(values.buffers[1])
    memory.owner = capsule  # lives as long as the array made from it
    return np.frombuffer(memory, dtype=np.uint8).reshape(image.height, image.width, bands)


_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


# --- Without numba ----------------------------------------------------------------------------------------


def _shrunk(image: Image) -> Pixels:
    """Steps 1 to 3 of the module's docstring, in NumPy."""
    strips = [_strip(image, first, last) for first, last, _, _ in _strips(image.height)]
    return np.concatenate(strips)


def _strip(image: Image, first: int, last: int) -> Pixels:
    """Rows first..last-1 of the canonical picture, not yet turned."""
    width, height = image.size
    if height > SIDE:
        edges = np.arange(first, last + 1, dtype=np.int64) * height
        top, bottom = int(edges[0] // SIDE), int(-(-edges[-1] // SIDE))
    else:
        edges, top, bottom = None, first, last
    sums: NDArray[Any] = _rgb(image.crop((0, top, width, bottom)))
    total = 1
    if edges is not None:
        sums, total = _area_sums(sums, edges - top * SIDE), total * height
    if width > SIDE:
        across = np.arange(SIDE + 1, dtype=np.int64) * width
        sums, total = _area_sums(sums.swapaxes(0, 1), across).swapaxes(0, 1), total * width
    return ((sums + total // 2) // total).astype(np.uint8) if total > 1 else sums


def _area_sums(lines: NDArray[Any], edges: Sums) -> Sums:
    """Exact sums of lines (along axis 0) between neighbouring edges.

    Args:
        lines: integers [n, ...].
        edges: increasing positions in units of 1/SIDE line, each more than one line after the other.

    Returns:
        [len(edges) - 1, ...], each line weighted by the units of it that lie between the two edges. Below
        255 * 50e6, so exact in int64 and in the doubles of a browser.
    """
    line, units = edges // SIDE, edges % SIDE
    whole = np.add.reduceat(lines[: line[-1]], line[:-1], axis=0, dtype=np.int64) * SIDE
    # A span begins and ends inside a line: what lies before the edge belongs to the span before.
    shape = (-1,) + (1,) * (lines.ndim - 1)
    before = lines[np.minimum(line, len(lines) - 1)] * units.reshape(shape)
    sums: Sums = whole + before[1:] - before[:-1]
    return sums


def _rgb(image: Image) -> Pixels:
    """8-bit RGB pixels of a (small) picture of any mode, transparency laid on white."""
    if image.mode.startswith("I"):
        return np.repeat(_from_16_bit(image)[:, :, np.newaxis], 3, axis=2)
    if image.has_transparency_data:
        return _on_white(np.asarray(image.convert("RGBA")))
    return np.asarray(image.convert("RGB"))


def _from_16_bit(image: Image) -> Pixels:
    """Grey pictures of 16 bits: the high byte. Pillow's own conversion would clip instead."""
    values = np.asarray(image)
    grey: Pixels = (np.clip(values, 0, 65535) >> 8).astype(np.uint8)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey[values == clear] = 255
    return grey


def _on_white(rgba: Pixels) -> Pixels:
    alpha = rgba[:, :, 3:].astype(np.uint16)
    white = 255 * (255 - alpha) + 127  # at most 65,152: fits
    return ((rgba[:, :, :3] * alpha + white) // 255).astype(np.uint8)
