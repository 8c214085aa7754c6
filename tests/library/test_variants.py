"""Variants: a pinned table, the same codes with and without the compiler, and edits they undo."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from takedown import pdq, variant_boxes, variant_operators, variant_planes, variant_retouch, variants
from takedown.pdq_operators import ONE, operator
from takedown.variant_operators import UNITS, Part, operators
from takedown.variant_retouch import Brush
from takedown.variants import (
    ORIENTATIONS,
    VARIANTS_VERSION,
    WIDE,
    hash_variants,
    index_codes,
    names,
)

RADIUS = 31


def scene(width: int = 640, height: int = 480, seed: int = 1) -> Image.Image:
    """A picture with large shapes and some detail, unlike left and right, above and below."""
    rng = np.random.default_rng(seed)
    noise = Image.fromarray(rng.integers(0, 256, (14, 18, 3), dtype=np.uint8))
    image = noise.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(9):
        x, y, size = (float(value) for value in rng.uniform((0, 0, 0.1), (width, height, 0.3)))
        draw.ellipse((x, y, x + size * width, y + size * height), tuple(rng.integers(0, 256, 3).tolist()))
    return image


def canonical(image: Image.Image) -> np.ndarray:
    size = min(image.width, 512), min(image.height, 512)
    return np.asarray(image.resize(size, Image.Resampling.BOX) if size != image.size else image)


def codes_of(image: Image.Image) -> np.ndarray:
    return hash_variants(canonical(image), *image.size)[0]


def nearest(sent: Image.Image, held: Image.Image) -> tuple[int, str]:
    """Bits to the nearest variant of what is sent, and its name."""
    away = np.bitwise_count(codes_of(sent) ^ codes_of(held)[0]).sum(axis=1)
    return int(away.min()), names()[int(away.argmin())]


@pytest.fixture(params=["compiled", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "plain":
        for module in (pdq, variant_operators, variant_planes, variant_retouch):
            monkeypatch.setattr(module, "_kernels", lambda: None)
    return str(request.param)


def test_names_are_short_words_each_once_the_orientations_first() -> None:
    assert len(set(names())) == len(names())
    assert all(re.fullmatch("[A-Za-z0-9-]{1,32}", name) for name in names())
    assert names()[:8] == tuple(name for name, _ in ORIENTATIONS)
    assert set(WIDE) <= set(names())


def test_the_version_is_pinned_to_names_and_bits() -> None:
    """Whoever changes a name or a bit raises VARIANTS_VERSION, and then these lines."""
    y, x = np.mgrid[0:400, 0:600]
    pixels = np.stack([x * 7 % 251, y * 5 % 241, (x * y // 64) % 239], axis=2).astype(np.uint8)
    codes, quality = hash_variants(np.ascontiguousarray(pixels[:, :512]), 600, 400)
    digests = [hashlib.sha256(b).hexdigest()[:16] for b in (" ".join(names()).encode(), codes.tobytes())]
    assert (VARIANTS_VERSION, quality, *digests) == PINNED


PINNED = (1, 100, "7f21168fdfd49c8d", "aa0a214133ffe411")


@pytest.mark.parametrize("size", [(640, 480), (300, 451), (97, 60), (5, 5)])
def test_the_first_eight_are_the_orientations(size: tuple[int, int]) -> None:
    pixels = canonical(scene(*size))
    expected = pdq.hash_regions(pdq.luma(pixels), pdq.orientations(*pixels.shape[:2]))[0]
    assert np.array_equal(hash_variants(pixels, *size)[0][:8], expected)


def test_codes_are_the_same_without_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    image = scene(150, 110)
    ImageDraw.Draw(image).text((75, 90), "seen here", "white", anchor="mm")
    compiled = hash_variants(canonical(image), *image.size)
    for module in (pdq, variant_operators, variant_planes, variant_retouch):
        monkeypatch.setattr(module, "_kernels", lambda: None)
    plain = hash_variants(canonical(image), *image.size)
    assert np.array_equal(compiled[0], plain[0])
    assert compiled[1] == plain[1]


@pytest.mark.parametrize("size", [(1, 1), (4, 300), (300, 4), (1, 512)])
def test_a_tiny_picture_has_no_codes(size: tuple[int, int]) -> None:
    codes, quality = hash_variants(np.zeros((size[1], size[0], 3), dtype=np.uint8), *size)
    assert codes.shape == (len(names()), 32)
    assert not codes.any()
    assert quality == 0


@pytest.mark.parametrize("size", [(5, 512), (512, 5), (6, 6), (512, 512), (20_000, 10)])
def test_odd_shapes_have_all_codes(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(3).integers(
        0, 256, (min(size[1], 512), min(size[0], 512), 3), dtype=np.uint8
    )
    assert hash_variants(pixels, *size)[0].shape == (len(names()), 32)


def test_a_variant_without_detail_is_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "MIN_QUALITY", 101)
    codes = codes_of(scene())
    assert (codes[len(ORIENTATIONS) :] == codes[0]).all()
    assert len(np.unique(codes[: len(ORIENTATIONS)], axis=0)) == len(ORIENTATIONS)


def expanded(image: Image.Image, share: float, colour: str) -> Image.Image:
    edge = round(share * min(image.size))
    canvas = Image.new("RGB", (image.width + 2 * edge, image.height + 2 * edge), colour)
    canvas.paste(image, (edge, edge))
    return canvas


def cropped(image: Image.Image, share: float, place: float) -> Image.Image:
    width, height = round(image.width * (1 - share)), round(image.height * (1 - share))
    left, top = round((image.width - width) * place), round((image.height - height) * place)
    return image.crop((left, top, left + width, top + height))


EDITS: dict[str, Any] = {
    "half": lambda image: image.resize((image.width // 2, image.height // 2)),
    "crop 4": lambda image: cropped(image, 0.04, 0.5),
    "corner 3": lambda image: cropped(image, 0.03, 1),
    "white border": lambda image: expanded(image, 0.04, "white"),
    "black border": lambda image: expanded(image, 0.06, "black"),
    "turned": lambda image: image.rotate(2, Image.Resampling.BICUBIC),
    "turned back": lambda image: image.rotate(-1, Image.Resampling.BICUBIC, expand=True, fillcolor="white"),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_is_found_from_the_original_and_the_original_from_it(edit: str) -> None:
    original = scene()
    copy = EDITS[edit](original)
    for sent, held in ((copy, original), (original, copy)):
        away, name = nearest(sent, held)
        assert away <= RADIUS, name


def test_a_screenshot_is_found_from_inside_its_frame() -> None:
    original = scene(600, 400)
    screen = Image.new("RGB", (640, 900), "#202428")
    draw = ImageDraw.Draw(screen)
    draw.text((20, 20), "12:34", "white")
    draw.ellipse((300, 840, 340, 880), "white")
    screen.paste(original, (20, 240))
    away, name = nearest(screen, original)
    assert away <= RADIUS
    assert name.startswith("box-")


def test_other_pictures_are_far() -> None:
    assert nearest(scene(seed=7), scene(seed=8))[0] > 60


def test_index_codes_are_few_and_differ() -> None:
    image = scene()
    plain = codes_of(image)[0].tobytes()
    found = index_codes(canonical(image), *image.size)
    assert [name for name, _ in found][:2] == ["middle", "square"]
    kept = [plain, *(code for _, code in found)]
    for number, code in enumerate(kept):
        assert all((int.from_bytes(code) ^ int.from_bytes(other)).bit_count() > 8 for other in kept[:number])


def test_a_square_or_flat_picture_needs_fewer_index_codes() -> None:
    assert "square" not in [name for name, _ in index_codes(canonical(scene(500, 480)), 500, 480)]
    assert index_codes(np.full((300, 300, 3), 90, dtype=np.uint8), 300, 300) == []


# --- Operators, planes and boxes ----------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.integers(5, 640), st.data())
def test_operators_are_the_same_both_ways_and_sum_to_one(length: int, data: st.DataObject) -> None:
    ends = st.integers(-length * UNITS // 4, length * UNITS * 5 // 4)
    start, stop = sorted(data.draw(st.lists(ends, min_size=2, max_size=2, unique=True)))
    part = Part(
        start, stop, data.draw(st.integers(1, 512)), data.draw(st.booleans()), data.draw(st.booleans())
    )
    with pytest.MonkeyPatch.context() as patch:
        compiled = operators(length, [part])[0].dense()
        patch.setattr(variant_operators, "_kernels", lambda: None)
        plain = operators(length, [part])[0].dense()
    assert np.array_equal(compiled, plain)
    assert (compiled.sum(axis=1) <= ONE).all()
    if part.edged:
        assert (compiled.sum(axis=1) == ONE).all()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("length", "start", "stop"), [(512, 0, 512), (300, 3, 295), (97, -4, 104)])
def test_whole_pixels_give_the_operators_of_pdq(length: int, start: int, stop: int, mirrored: bool) -> None:
    out = min(stop - start, 512)
    ours = operators(length, [Part(start * UNITS, stop * UNITS, out, mirrored)])[0]
    expected = operator(length, start, stop, out, mirrored=mirrored)
    assert np.array_equal(ours.dense(), expected.dense())


@pytest.mark.parametrize("part", [Part(5, 5, 8), Part(9, 5, 8), Part(0, 64, 0), Part(0, 64, 513)])
def test_an_empty_part_is_refused(part: Part) -> None:
    with pytest.raises(ValueError, match="part of an axis"):
        operators(64, [part])


def test_a_turned_picture_is_what_pillow_makes(way: str) -> None:
    image = scene(300, 200).convert("L")
    lumas = pdq.luma(np.asarray(image.convert("RGB")))
    ours = variant_planes.turned(variant_planes.plain(lumas), image.size, 3, pdq.BLACK)
    expected = np.asarray(image.rotate(3, Image.Resampling.BILINEAR)).astype(int)
    inside = ours.luma[ours.top : ours.top + ours.height, ours.left : ours.left + ours.width] // 1000 + 128
    assert np.median(np.abs(inside - expected)) <= 1
    assert np.abs(inside - expected)[40:160, 40:260].max() <= 8


def test_a_continued_picture_keeps_its_middle_and_its_edge(way: str) -> None:
    lumas = pdq.luma(np.asarray(scene(120, 80)))
    for how in ((4, 3, 0), (2, 0, 0), (4, 3, 2)):
        plane = variant_planes.continued(variant_planes.plain(lumas), (120, 80), *how)
        inside = plane.luma[plane.top : plane.top + plane.height, plane.left : plane.left + plane.width]
        assert np.array_equal(inside, lumas)
        assert lumas.min() <= plane.luma.min()
        assert plane.luma.max() <= lumas.max()


@pytest.mark.parametrize("light", [True, False])
def test_writing_is_painted_over_and_nothing_else(way: str, light: bool) -> None:
    ground = np.full((160, 240, 3), 110, dtype=np.uint8)
    image = Image.fromarray(ground)
    ImageDraw.Draw(image).text(
        (120, 80), "some words", "white" if light else "black", anchor="mm", font_size=24
    )
    plane = variant_planes.plain(pdq.luma(np.asarray(image)))
    clean = variant_retouch.retouched(plane, image.size, Brush(60, 60_000, 25_000, light, not light))
    expected = pdq.luma(ground)
    assert np.abs(plane.luma - expected).max() > 90_000
    assert np.abs(clean.luma - expected).max() < 30_000
    other = variant_retouch.retouched(plane, image.size, Brush(60, 60_000, 25_000, not light, light))
    assert np.array_equal(other.luma, plane.luma)


def test_boxes_hold_the_inside_of_bars_with_buttons_in_them() -> None:
    screen = np.full((300, 200, 3), 240, dtype=np.uint8)
    screen[10:16, 20:60] = 0  # a clock
    screen[60:220] = np.asarray(scene(200, 160))
    found = variant_boxes.boxes(pdq.luma(screen))
    assert len(found) == variant_boxes.COUNT
    assert found[0] == (0, 0, 200, 300)
    assert any(abs(box.top - 60) <= 1 and abs(box.bottom - 220) <= 1 for box in found)
