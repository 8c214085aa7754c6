"""pHash: imagehash's bits for every picture, symmetric ones too, with and without numba."""

from __future__ import annotations

from pathlib import Path

import imagehash
import numpy as np
import pytest
from factories.pictures import soft
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from takedown import phash
from takedown.pixels import canonical_pixels

PDQ = Path(__file__).parents[2].parent / "shared" / "data" / "pdq"
Pixels = NDArray[np.uint8]


@pytest.fixture(params=["compiled", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "plain":
        monkeypatch.setattr(phash, "_kernels", lambda: None)
    elif phash._kernels() is None:
        pytest.skip("numba is not installed")
    return str(request.param)


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def reference(pixels: Pixels) -> str:
    return str(imagehash.phash(Image.fromarray(pixels)))


def pillows(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).convert("L").resize((32, 32), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("side", [1, 2, 7, 31, 32, 33, 48, 100, 256, 511, 512])
def test_all_shapes_have_imagehashs_bits(way: str, side: int) -> None:
    for other in (1, 16, 32, 33, 40, 271, 272, 512):
        pixels = noise(side, other)
        if kernels := phash._kernels():
            assert np.array_equal(phash.square(pixels, kernels), pillows(pixels)), other
        assert phash.phash(pixels).hex() == reference(pixels), other


def test_smooth_and_flat_pictures_have_imagehashs_bits(way: str) -> None:
    y, x = np.mgrid[0:300, 0:400]
    slopes = [np.repeat((s % 256).astype(np.uint8)[:, :, np.newaxis], 3, axis=2) for s in (x // 2, y, x + y)]
    for pixels in (*slopes, np.full((300, 400, 3), 77, dtype=np.uint8), soft(512, 300), soft(256, 256)):
        assert phash.phash(pixels).hex() == reference(pixels)


@pytest.mark.parametrize("seed", range(5))
def test_symmetric_pictures_have_imagehashs_bits(way: str, seed: int) -> None:
    """Half of their coefficients are zero but for the rounding, which decides their bits."""
    part = noise(60 + 31 * seed, 90 + 17 * seed, seed)
    beside = np.concatenate([part, part[:, ::-1]], axis=1)
    below = np.concatenate([part, part[::-1]])
    for pixels in (beside, below, np.concatenate([beside, beside[::-1]])):
        assert phash.phash(pixels).hex() == reference(pixels)


def test_photographs_have_imagehashs_bits(way: str) -> None:
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the photographs")
    for name in ("astronaut", "coffee", "chelsea", "camera", "page", "moon"):
        pixels = canonical_pixels(Image.fromarray(getattr(data, name)()))
        assert phash.phash(pixels).hex() == reference(pixels), name


def test_the_reference_pictures_have_imagehashs_bits(way: str) -> None:
    if not PDQ.exists():
        pytest.skip("the PDQ pictures are not beside the repository")
    for path in sorted(PDQ.glob("*.jpg")):
        pixels = canonical_pixels(Image.open(path).convert("RGB"))
        assert phash.phash(pixels).hex() == reference(pixels), path.name


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 512), st.integers(1, 512), st.integers(0, 9))
def test_any_size_has_imagehashs_bits(height: int, width: int, seed: int) -> None:
    pixels = noise(height, width, seed)
    assert phash.phash(pixels).hex() == reference(pixels)


def test_a_picture_of_any_layout_is_hashed(way: str) -> None:
    pixels = noise(200, 300)
    copy = np.ascontiguousarray(pixels[:, ::2])
    fixed = copy.copy()
    fixed.flags.writeable = False
    assert phash.phash(pixels[:, ::2]) == phash.phash(copy) == phash.phash(fixed)
