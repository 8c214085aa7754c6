"""Pictures that the variants see differently, and how the modules take them."""

from __future__ import annotations

from typing import Any

import numpy as np
from device_modules import picture
from factories.pictures import soft
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Pixels = NDArray[np.uint8]


def noise(width: int, height: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def written(width: int, height: int) -> Pixels:
    """With light and dark words on it."""
    image = Image.fromarray(soft(width, height, seed=9))
    draw = ImageDraw.Draw(image)
    draw.text((width / 2, height / 2), "SEEN HERE", "white", font_size=height / 6, anchor="mm")
    draw.text((width / 2, height / 5), "a word or two", "black", font_size=height / 14, anchor="mm")
    return np.asarray(image)


def screen(width: int, height: int, ground: int, thick: int = 20) -> Pixels:
    """A picture on a plain ground, with a clock above it."""
    pixels = np.full((height, width, 3), ground, dtype=np.uint8)
    inside = soft(width - thick, height - 3 * thick, seed=4)
    pixels[2 * thick : height - thick, thick // 2 : width - thick + thick // 2] = inside
    pixels[thick : thick + 6, 10:40] = 255 - ground
    return pixels


def sent(pixels: Pixels, width: int, height: int) -> dict[str, Any]:
    """Canonical pixels and the size of the picture as it came."""
    return {**picture(pixels), "source": {"width": width, "height": height}}
