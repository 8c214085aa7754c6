"""Pictures made from nothing but a random number generator, and the edits people make to pictures.

A picture is a smooth random landscape of colour with some plain shapes and a little grain: enough detail that
perceptual hashes of two of them are as far apart as those of two photographs, and none of it shows anything.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

#: Pixels of an original, width and height.
SIZE = (512, 384)

Edit = Callable[[Image.Image], bytes]


def picture(rng: np.random.Generator) -> Image.Image:
    """Draw the next picture of a generator (RGB, SIZE).

    1. blow up a few random colours into a smooth background;
    2. lay a handful of discs, boxes and triangles over it;
    3. soften the edges and add grain.
    """
    colours = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    canvas = Image.fromarray(colours).resize(SIZE, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(6, 13))):
        _shape(draw, rng)
    soft = np.asarray(canvas.filter(ImageFilter.GaussianBlur(1.2)), dtype=np.float32)
    grain = rng.normal(0, 5, (SIZE[1], SIZE[0], 1)).astype(np.float32)
    return Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8))


def jpeg(image: Image.Image, quality: int = 92) -> bytes:
    """Encode as JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def smaller(image: Image.Image, width: int) -> Image.Image:
    """Shrink to a width, keeping the proportions."""
    return image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)


def _shape(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    x, y = int(rng.integers(0, SIZE[0])), int(rng.integers(0, SIZE[1]))
    half_width, half_height = int(rng.integers(20, 140)), int(rng.integers(20, 120))
    colour = (int(rng.integers(256)), int(rng.integers(256)), int(rng.integers(256)))
    box = (x - half_width, y - half_height, x + half_width, y + half_height)
    match int(rng.integers(3)):
        case 0:
            draw.ellipse(box, fill=colour)
        case 1:
            draw.rectangle(box, fill=colour)
        case _:
            corners = [
                (int(rng.integers(box[0], box[2])), int(rng.integers(box[1], box[3]))) for _ in range(3)
            ]
            draw.polygon(corners, fill=colour)


def _crop(image: Image.Image) -> bytes:
    """Cut one hundredth off each side."""
    dx, dy = image.width // 100, image.height // 100
    return jpeg(image.crop((dx, dy, image.width - dx, image.height - dy)))


def _grey_png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    ImageOps.grayscale(image).save(out, "PNG")
    return out.getvalue()


#: What was done to a picture, and the end of the file's name.
EDITS: dict[str, tuple[str, Edit]] = {
    "original": (".jpg", jpeg),
    "jpeg-quality-40": (".jpg", lambda image: jpeg(image, 40)),
    "half-size": (".jpg", lambda image: jpeg(smaller(image, image.width // 2))),
    "brighter": (".jpg", lambda image: jpeg(ImageEnhance.Brightness(image).enhance(1.2))),
    "mirrored": (".jpg", lambda image: jpeg(ImageOps.mirror(image))),
    "slight-crop": (".jpg", _crop),
    "grey": (".png", _grey_png),
}
