"""Borders: padding is found where img2dataset put it, frames where they are, and nothing is cut elsewhere."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from factories.pictures import soft
from factories.real import shared_data
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from takedown import borders, pdq
from takedown.borders import Box

Pixels = NDArray[np.uint8]
WHITE = (255, 255, 255)
#: What scikit-image brings along; of the square ones a part is used.
NAMES = (
    *("astronaut", "brick", "camera", "chelsea", "coffee", "coins"),
    *("gravel", "ihc", "moon", "motorcycle_left", "rocket"),
)


def real_pictures() -> list[Image.Image]:
    """Real pictures that are not square."""
    skimage = pytest.importorskip("skimage")
    found = []
    for name in NAMES:
        path = next((Path(skimage.__file__).parent / "data").glob(f"{name}.[jp]*"))
        with Image.open(path) as image:
            whole = image.convert("RGB")
        square = whole.width == whole.height
        found.append(whole.crop((0, 60, whole.width, whole.height - 70)) if square else whole)
    return found


def longest(image: Image.Image, side: int) -> Image.Image:
    """Shrunk or enlarged so that the longer side has this many pixels, as img2dataset does."""
    scale = side / max(image.size)
    size = max(round(image.width * scale), 1), max(round(image.height * scale), 1)
    return image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.LANCZOS)


def pad(image: Image.Image, side: int) -> Image.Image:
    """White on two sides to a square: of an odd number of lines the larger half comes after the picture."""
    square = Image.new("RGB", (side, side), WHITE)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def jpeg(image: Image.Image, quality: int, subsampling: int = 2) -> Pixels:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(out))


def bits(one: Pixels, other: Pixels) -> int:
    """Distance of the PDQs."""
    codes = [pdq.hash_regions(pdq.luma(np.array(p)), pdq.upright(*p.shape[:2]))[0] for p in (one, other)]
    return int(np.bitwise_count(codes[0] ^ codes[1]).sum())


# --- Padding ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [128, 256, 384, 512])
def test_a_padded_copy_is_the_same_picture_as_the_copy_without_padding(side: int) -> None:
    far = []
    for image in real_pictures():
        small = longest(image, side)
        for quality in (50, 75, 95):
            padded = jpeg(pad(small, side), quality)
            for original in (image.size, None):
                found = borders.padding(padded, original)
                far.append(bits(borders.cut(padded, found), np.asarray(small)))
    assert max(far) <= 31


def test_padding_of_the_bridge_is_found_at_every_quality() -> None:
    with Image.open(shared_data() / "pdq" / "bridge-1-original.jpg") as opened:
        image = opened.convert("RGB")
    for turned in (image, image.transpose(Image.Transpose.ROTATE_90)):
        small = longest(turned, 256)
        for quality in (40, 60, 95):
            for subsampling in (0, 1, 2):
                padded = jpeg(pad(small, 256), quality, subsampling)
                for original in (turned.size, None):
                    found = borders.cut(padded, borders.padding(padded, original))
                    assert bits(found, np.asarray(small)) <= 10


@pytest.mark.parametrize("size", [(640, 427), (427, 640), (1000, 999), (501, 333), (1600, 210)])
def test_the_box_is_where_img2dataset_puts_the_picture(size: tuple[int, int]) -> None:
    small = longest(Image.fromarray(soft(*size)), 256)
    left, top = (256 - small.width) // 2, (256 - small.height) // 2
    box = Box(left, top, left + small.width, top + small.height)
    padded = np.asarray(pad(small, 256))
    assert borders.padding(padded, size) == box
    assert borders.padding(padded) == box


def test_pictures_without_padding_are_left_as_they_are() -> None:
    for image in real_pictures():
        inner = min(image.size)
        square = np.asarray(image.crop((0, 0, inner, inner)).resize((256, 256)))
        for picture, original in ((square, None), (square, image.size), (np.asarray(image), None)):
            assert borders.padding(picture, original) == borders.whole(picture)


def product(background: int = 255) -> Pixels:
    """Something round on a plain ground, as shops show it."""
    y, x = np.mgrid[:256, :256]
    away = (x - 128) ** 2 + (y - 128) ** 2
    return np.where((away < 60**2)[:, :, np.newaxis], soft(256, 256), np.uint8(background)).astype(np.uint8)


def test_a_white_ground_of_the_picture_itself_is_no_padding() -> None:
    assert borders.padding(product()) == borders.whole(product())
    assert borders.padding(product(), (800, 800)) == borders.whole(product())
    assert borders.frame(product()) == borders.whole(product())


def test_padding_of_a_picture_on_white_is_cut_where_its_size_is_known() -> None:
    assert borders.padding(product(), (400, 300)) == Box(0, 32, 256, 224)
    assert borders.padding(product(250), (300, 400)) == Box(32, 0, 224, 256)
    assert borders.padding(product(200), (400, 300)) == borders.whole(product())


def test_a_size_that_does_not_fit_what_is_seen_changes_nothing() -> None:
    padded = np.asarray(pad(longest(Image.fromarray(soft(640, 427)), 256), 256))
    whole = borders.whole(padded)
    for wrong in ((427, 640), (640, 40), (640, 1), (10**9, 1), (0, 0), (5, 0), (5, -3), (500, 500)):
        assert borders.padding(padded, wrong) == whole


def test_too_little_is_never_left() -> None:
    stripe = np.full((256, 256, 3), 255, dtype=np.uint8)
    stripe[120:136] = soft(256, 16)
    assert borders.padding(stripe) == borders.padding(stripe, (256, 16)) == borders.whole(stripe)
    stripe[112:144] = soft(256, 32)
    assert borders.padding(stripe) == borders.padding(stripe, (256, 32)) == Box(0, 112, 256, 144)
    blank = np.full((256, 256, 3), 255, dtype=np.uint8)
    assert borders.padding(blank) == borders.frame(blank) == borders.whole(blank)


# --- Frames -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [WHITE, (0, 0, 0), (200, 30, 40), (250, 248, 240)])
@pytest.mark.parametrize("sides", [(9, 9, 9, 9), (0, 40, 0, 40), (30, 5, 0, 60), (0, 0, 0, 12)])
def test_a_frame_of_one_colour_is_cut_off(
    colour: tuple[int, int, int], sides: tuple[int, int, int, int]
) -> None:
    left, top, right, bottom = sides
    for name in ("astronaut", "chelsea", "coffee"):
        inner = longest(real_pictures()[NAMES.index(name)], 300)
        framed = Image.new("RGB", (inner.width + left + right, inner.height + top + bottom), colour)
        framed.paste(inner, (left, top))
        for quality in (60, 95):
            seen = jpeg(framed, quality)
            assert bits(borders.cut(seen, borders.frame(seen)), np.asarray(inner)) <= 31


def test_a_frame_in_a_frame_is_cut_off() -> None:
    seen = np.full((200, 240, 3), 20, dtype=np.uint8)
    seen[10:190, 10:230] = (250, 250, 250)
    seen[30:170, 20:220] = soft(200, 140)
    assert borders.frame(seen) == Box(20, 30, 220, 170)


def test_little_is_cut_from_parts_of_real_pictures() -> None:
    """A straight edge in the picture itself may look like a frame; that must stay rare."""
    rng = np.random.default_rng(2)
    cut = total = 0
    for image in real_pictures():
        pixels = np.asarray(image)
        for _ in range(20):
            height, width = (int(rng.integers(100, side)) for side in pixels.shape[:2])
            top, left = rng.integers(pixels.shape[0] - height), rng.integers(pixels.shape[1] - width)
            part = np.ascontiguousarray(pixels[top : top + height, left : left + width])
            cut += borders.frame(part) != borders.whole(part)
            total += 1
    assert cut <= total // 25


@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 2**32), st.integers(0, 255), st.booleans())
def test_any_picture_keeps_enough_of_itself(
    height: int, width: int, seed: int, flat: int, square: bool
) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, height if square else width, 3), dtype=np.uint8)
    first, last = sorted(rng.integers(0, height + 1, 2))
    pixels[:first], pixels[last:] = flat, flat
    sizes = [None, (width, height), (int(rng.integers(0, 5000)), int(rng.integers(0, 5000)))]
    for box in (borders.frame(pixels), *(borders.padding(pixels, size) for size in sizes)):
        inside = borders.cut(pixels, box)
        assert 0 <= box.left < box.right <= pixels.shape[1]
        assert 0 <= box.top < box.bottom <= height
        assert inside.shape == (box.bottom - box.top, box.right - box.left, 3)
        if box != borders.whole(pixels):
            assert min(inside.shape[:2]) >= borders.SHORTEST
            assert inside.shape[0] * borders.KEPT >= height
        else:
            assert inside is pixels
