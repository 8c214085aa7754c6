"""Canonical pixels with and without numba: the same bits for every mode that a picture can have."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from takedown import pixels
from takedown.pixels import canonical_pixels

compiled = pytest.mark.skipif(pixels._kernels() is None, reason="numba is not installed")


def noise(width: int, height: int, bands: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, bands), dtype=np.uint8).squeeze()


def both(image: Image.Image, orientation: int = 1) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    fast = canonical_pixels(image, orientation)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pixels, "_kernels", lambda: None)
        return fast, canonical_pixels(image, orientation)


def grey_16(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(3).integers(0, 65_536, (height, width), dtype=np.uint16))


def palette(width: int, height: int) -> Image.Image:
    return Image.fromarray(noise(width, height, 3)).quantize(200)


def marked(image: Image.Image, clear: Any) -> Image.Image:
    """As a PNG with a transparent colour."""
    out = io.BytesIO()
    image.save(out, "PNG", transparency=clear)
    read = Image.open(io.BytesIO(out.getvalue()))
    read.load()
    return read


MODES = {
    "L": lambda w, h: Image.fromarray(noise(w, h, 1).reshape(h, w)),
    "RGB": lambda w, h: Image.fromarray(noise(w, h, 3).reshape(h, w, 3)),
    "RGBA": lambda w, h: Image.fromarray(noise(w, h, 4).reshape(h, w, 4)),
    "LA": lambda w, h: Image.fromarray(noise(w, h, 2).reshape(h, w, 2), "LA"),
    "1": lambda w, h: Image.fromarray(noise(w, h, 1).reshape(h, w)).convert("1"),
    "P": palette,
    "CMYK": lambda w, h: Image.fromarray(noise(w, h, 4).reshape(h, w, 4), "CMYK"),
    "I;16": grey_16,
    "P with a clear colour": lambda w, h: marked(palette(w, h), 3),
    "L with a clear colour": lambda w, h: marked(Image.fromarray(noise(w, h, 1).reshape(h, w)), 7),
    "RGB with a clear colour": lambda w, h: marked(Image.new("RGB", (w, h), (1, 2, 3)), (1, 2, 3)),
}


@compiled
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "size", [(1, 1), (512, 512), (513, 40), (40, 513), (700, 1301), (1536, 1024)], ids=str
)
def test_every_mode_has_the_same_pixels_both_ways(mode: str, size: tuple[int, int]) -> None:
    fast, plain = both(MODES[mode](*size))
    assert np.array_equal(fast, plain)
    assert fast.flags.c_contiguous
    assert fast.flags.writeable


@compiled
@settings(deadline=None, max_examples=60)
@given(st.integers(1, 1600), st.integers(1, 1600), st.sampled_from(["L", "RGB"]), st.integers(1, 8))
def test_every_size_has_the_same_pixels_both_ways(
    width: int, height: int, mode: str, orientation: int
) -> None:
    fast, plain = both(MODES[mode](width, height), orientation)
    assert np.array_equal(fast, plain)


@compiled
@pytest.mark.parametrize("size", [(20_000, 2500), (2500, 20_000), (20_000, 3)], ids=str)
def test_the_largest_sums_do_not_spill_over(size: tuple[int, int]) -> None:
    for value in (255, 254, 1):
        assert (canonical_pixels(Image.new("RGB", size, (value, 0, value))) == [value, 0, value]).all()
    assert (canonical_pixels(Image.new("L", size, 255)) == 255).all()


@compiled
def test_a_picture_that_pillow_holds_in_pieces_is_read_too() -> None:
    image = MODES["RGB"](3000, 2000)
    with pytest.raises(ValueError, match="contiguous"):
        image.__arrow_c_array__()
    fast, plain = both(image)
    assert np.array_equal(fast, plain)


@compiled
def test_the_memory_of_a_picture_outlives_the_picture() -> None:
    memory = pixels._memory(Image.new("RGB", (2000, 2000), (9, 200, 31)))
    for _ in range(3):
        Image.new("RGB", (2000, 2000), (1, 1, 1))
    assert (memory[:, :, :3] == [9, 200, 31]).all()
