"""Canonical pixels made in the browser, compared with the library's on equal pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from device_modules import Modules
from PIL import Image

from takedown.pixels import canonical_pixels

pytestmark = pytest.mark.browser

SIZES = [(1, 1), (2, 3), (5, 512), (512, 512), (513, 512), (40, 700), (1301, 30), (1, 20_000), (777, 1023)]
_MAKE = "({rgba, width, height}, {canonical}) => canonical(rgba, width, height)"


def _noise(height: int, width: int, bands: int, seed: int = 5) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (height, width, bands), dtype=np.uint8)


def _argument(rgba: Any) -> dict[str, Any]:
    return {"rgba": rgba, "width": rgba.shape[1], "height": rgba.shape[0]}


def _array(found: dict[str, Any]) -> Any:
    return np.frombuffer(found["rgb"], np.uint8).reshape(found["height"], found["width"], 3)


@pytest.mark.parametrize("alpha", ["opaque", "transparent"])
def test_canonical_pixels_are_those_of_the_library(modules: Modules, alpha: str) -> None:
    pictures = [_noise(height, width, 4) for height, width in SIZES]
    if alpha == "opaque":
        for rgba in pictures:
            rgba[:, :, 3] = 255
    found = modules.map("pixels.js", _MAKE, [_argument(rgba) for rgba in pictures])
    for rgba, mine in zip(pictures, found, strict=True):
        assert np.array_equal(_array(mine), canonical_pixels(Image.fromarray(rgba, "RGBA"))), rgba.shape


def test_every_alpha_and_every_colour_is_laid_on_white_alike(modules: Modules) -> None:
    rgba = np.full((256, 256, 4), 128, np.uint8)
    rgba[:, :, 0] = np.arange(256)
    rgba[:, :, 3] = np.arange(256)[:, np.newaxis]
    (found,) = modules.map("pixels.js", _MAKE, [_argument(rgba)])
    assert np.array_equal(_array(found), canonical_pixels(Image.fromarray(rgba, "RGBA")))


def test_sums_of_the_largest_pictures_stay_exact(modules: Modules) -> None:
    width, height = 2500, 20_000  # 50 megapixels, almost white: the largest sums
    made = modules.run(
        "pixels.js",
        """([width, height], {inStrips}) => {
          const strip = new Uint8Array(width * 4 * 500).fill(255);
          strip.fill(254, 4 * width * 99, 4 * width * 101);
          return inStrips(width, height, 500, () => strip);
        }""",
        [width, height],
    )
    rgba = np.full((height, width, 4), 255, np.uint8)
    for top in range(99, height, 500):
        rgba[top : top + 2] = 254
    assert np.array_equal(_array(made), canonical_pixels(Image.fromarray(rgba, "RGBA")))


@pytest.mark.parametrize("most", [1, 7, 64, 1000])
def test_strips_give_the_same_as_the_whole(modules: Modules, most: int) -> None:
    rgba = _noise(900, 600, 4)
    found = modules.run(
        "pixels.js",
        """({rgba, most}, {canonical, inStrips}) => {
          const read = (top, rows) => rgba.subarray(top * 2400, (top + rows) * 2400);
          return [canonical(rgba, 600, 900), inStrips(600, 900, most, read)];
        }""",
        {"rgba": rgba, "most": most},
    )
    assert found[0] == found[1]
