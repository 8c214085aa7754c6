"""PDQ in integers: the reference's bits, really turned pictures, really cut ones, with and without numba."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pdqhash
import pytest
from factories.pictures import soft
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from takedown import pdq
from takedown.pixels import canonical_pixels, turn
from takedown.variants import ORIENTATIONS

PDQ = Path(__file__).parents[2].parent / "shared" / "data" / "pdq"
Pixels = NDArray[np.uint8]
#: EXIF orientations that turn a picture into the eight, in the order of pdq.orientations.
TURNS = (1, 8, 3, 6, 4, 2, 5, 7)


@pytest.fixture(params=["compiled", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "plain":
        monkeypatch.setattr(pdq, "_kernels", lambda: None)
    elif pdq._kernels() is None:
        pytest.skip("numba is not installed")
    return str(request.param)


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def one(pixels: Pixels) -> tuple[bytes, int]:
    codes, qualities = pdq.hash_regions(pdq.luma(pixels), pdq.upright(*pixels.shape[:2]))
    return codes[0].tobytes(), int(qualities[0])


def eight(pixels: Pixels) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return pdq.hash_regions(pdq.luma(pixels), pdq.orientations(*pixels.shape[:2]))


def reference(pixels: Pixels) -> tuple[bytes, int]:
    bits, quality = pdqhash.compute(pixels)
    return np.packbits(bits).tobytes(), int(quality)


def bits_apart(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


# --- Against the reference --------------------------------------------------------------------------------

#: Around every number of pixels at which PDQ's window grows, and below its 64 samples.
SIZES = [
    (5, 5),
    (6, 100),
    (63, 64),
    (64, 64),
    (65, 128),
    (128, 129),
    (200, 256),
    (257, 300),
    (384, 385),
    (512, 512),
]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_noise_and_soft_pictures_have_the_references_bits(way: str, size: tuple[int, int]) -> None:
    for pixels in (noise(*size), soft(size[1], size[0])):
        assert one(pixels) == reference(pixels)


@pytest.mark.parametrize("picture", ["astronaut", "coffee", "chelsea", "camera", "page", "moon"])
def test_photographs_have_the_references_bits(picture: str) -> None:
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the photographs")
    pixels = canonical_pixels(Image.fromarray(getattr(data, picture)()))
    for _, orientation in ORIENTATIONS:
        turned = turn(pixels, orientation)
        assert one(turned) == reference(turned)


def test_the_reference_pictures_have_the_references_bits() -> None:
    if not PDQ.exists():
        pytest.skip("the PDQ pictures are not beside the repository")
    for path in sorted(PDQ.glob("*.jpg")):
        pixels = canonical_pixels(Image.open(path).convert("RGB"))
        assert one(pixels) == reference(pixels), path.name


def test_seen_at_its_own_shape_a_picture_has_the_values_of_the_python_reference() -> None:
    """That one shrinks pictures to fit into 512 x 512; canonical pixels are 512 x 512."""
    if not PDQ.exists():
        pytest.skip("the PDQ pictures are not beside the repository")
    with (PDQ / "expected.csv").open() as lines:
        expected = {row["file"]: bytes.fromhex(row["pdq"]) for row in csv.DictReader(lines)}
    for name, code in expected.items():
        image = Image.open(PDQ / name).convert("RGB")
        height, width = (round(512 * side / max(image.size)) for side in (image.height, image.width))
        fit = pdq.plan([pdq.Variant(pdq.operator(512, out=height), pdq.operator(512, out=width))])
        codes, _ = pdq.hash_regions(pdq.luma(canonical_pixels(image)), fit)
        assert bits_apart(codes[0].tobytes(), code) <= 2, name


def test_a_gradient_has_the_references_quality_and_its_bits_where_they_mean_something() -> None:
    y, x = np.mgrid[0:300, 0:400]
    slope = np.repeat(((x + y) * 255 // 700).astype(np.uint8)[:, :, np.newaxis], 3, axis=2)
    assert one(slope) == reference(slope)
    level = np.repeat((x * 255 // 400).astype(np.uint8)[:, :, np.newaxis], 3, axis=2)
    assert one(level)[1] == reference(level)[1]  # 240 of its frequencies are nothing but rounding there


def test_a_flat_picture_has_no_quality(way: str) -> None:
    assert one(np.full((300, 400, 3), 77, dtype=np.uint8)) == (bytes(32), 0)


@pytest.mark.parametrize("size", [(4, 300), (300, 4), (1, 1)])
def test_a_picture_below_five_pixels_has_no_code(way: str, size: tuple[int, int]) -> None:
    assert one(noise(*size)) == (bytes(32), 0) == reference(noise(*size))


# --- Orientations and regions -----------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 512), st.integers(1, 512), st.integers(0, 5))
def test_each_orientation_is_the_hash_of_really_turned_pixels(height: int, width: int, seed: int) -> None:
    pixels = noise(height, width, seed)
    codes, qualities = eight(pixels)
    for number, (_, orientation) in enumerate(ORIENTATIONS):
        assert one(turn(pixels, orientation)) == (codes[number].tobytes(), qualities[number])


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_both_ways_give_the_same_bits(data: st.DataObject) -> None:
    pixels = noise(data.draw(st.integers(5, 300)), data.draw(st.integers(5, 512)))
    regions = pdq.plan(data.draw(st.lists(variants(*pixels.shape[:2]), min_size=1, max_size=5)))
    lumas = pdq.luma(pixels)
    with pytest.MonkeyPatch.context() as patch:
        compiled = pdq.hash_regions(lumas, regions)
        patch.setattr(pdq, "_kernels", lambda: None)
        assert np.array_equal(pdq.luma(pixels), lumas)
        plain = pdq.hash_regions(lumas, regions)
    assert np.array_equal(compiled[0], plain[0])
    assert np.array_equal(compiled[1], plain[1])


@st.composite
def variants(draw: st.DrawFn, height: int, width: int) -> pdq.Variant:
    return pdq.Variant(
        draw(operators(height)),
        draw(operators(width)),
        draw(st.booleans()),
        draw(st.integers(-127500, 127500)),
    )


@st.composite
def operators(draw: st.DrawFn, length: int) -> pdq.Operator:
    start = draw(st.integers(-length // 2, length - 1))
    stop = draw(st.integers(start + 1, length * 2))
    out = draw(st.integers(1, min(stop - start, 512)))
    return pdq.operator(length, start, stop, out, mirrored=draw(st.booleans()))


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_cut_is_the_hash_of_the_really_cut_picture(data: st.DataObject) -> None:
    pixels = noise(data.draw(st.integers(10, 512)), data.draw(st.integers(10, 512)))
    height, width = pixels.shape[:2]
    top, left = data.draw(st.integers(0, height - 6)), data.draw(st.integers(0, width - 6))
    bottom, right = data.draw(st.integers(top + 5, height)), data.draw(st.integers(left + 5, width))
    regions = pdq.plan([pdq.Variant(pdq.operator(height, top, bottom), pdq.operator(width, left, right))])
    codes, qualities = pdq.hash_regions(pdq.luma(pixels), regions)
    assert one(pixels[top:bottom, left:right]) == (codes[0].tobytes(), qualities[0])


def test_a_border_is_the_hash_of_the_picture_that_has_one(way: str) -> None:
    pixels = soft(300, 200)
    framed = np.full((230, 390, 3), 255, dtype=np.uint8)
    framed[10:210, 60:360] = pixels
    regions = pdq.plan([pdq.Variant(pdq.operator(200, -10, 220), pdq.operator(300, -60, 330))])
    codes, qualities = pdq.hash_regions(pdq.luma(pixels), regions)
    assert one(framed) == (codes[0].tobytes(), qualities[0])


@pytest.mark.parametrize(("out", "near"), [(256, 2), (200, 4), (64, 4)])
def test_a_shrink_is_nearly_the_hash_of_the_shrunk_picture(out: int, near: int) -> None:
    """Nearly: pixels of a real picture are rounded once more."""
    coarse = Image.fromarray(noise(64, 64))
    pixels = np.asarray(coarse.resize((512, 512), Image.Resampling.BICUBIC))
    shrunk = np.asarray(Image.fromarray(pixels).resize((out, out), Image.Resampling.BOX))
    axis = pdq.operator(512, out=out)
    codes, _ = pdq.hash_regions(pdq.luma(pixels), pdq.plan([pdq.Variant(axis, axis)]))
    assert bits_apart(codes[0].tobytes(), one(shrunk)[0]) <= near


# --- Operators --------------------------------------------------------------------------------------------


def by_the_book(size: int) -> NDArray[np.float64]:
    """PDQ's two box filters and sampling of an axis, as matrices of fractions."""
    window = (size + 127) // 128
    half = (window + 2) // 2
    box = np.zeros((size, size))
    for at in range(size):
        first, last = max(at + half - window, 0), min(at + half - 1, size - 1)
        box[at, first : last + 1] = 1 / (last - first + 1)
    sampled = [int((i + 0.5) * size / 64) for i in range(64)]
    return (box @ box)[sampled]


@given(st.integers(1, 512))
@settings(deadline=None)
def test_an_operator_is_two_boxes_and_a_sample(size: int) -> None:
    found = pdq.operator(size)
    assert np.array_equal(found.dense(), np.round(by_the_book(size) * 144) * 64)
    assert (found.weights.sum(axis=1) == pdq.ONE).all()
    mirrored = pdq.operator(size, mirrored=True)
    assert np.array_equal(mirrored.dense(), found.dense()[:, ::-1])


@given(st.integers(1, 512), st.integers(0, 300), st.data())
@settings(deadline=None)
def test_an_operator_of_a_shrunk_part_is_close_to_the_exact_one(
    size: int, before: int, data: st.DataObject
) -> None:
    out = data.draw(st.integers(1, size))
    found = pdq.operator(before + size + 20, before, before + size, out)
    source, target = np.arange(size)[np.newaxis, :], np.arange(out)[:, np.newaxis]
    overlap = np.minimum((source + 1) * out, (target + 1) * size) - np.maximum(source * out, target * size)
    exact = by_the_book(out) @ (overlap.clip(0) / size) * pdq.ONE
    dense = found.dense()
    assert np.abs(dense[:, before : before + size] - exact).max() <= 1
    assert (dense.sum(axis=1) == pdq.ONE).all()
    assert np.abs(np.cumsum(dense, axis=1)[:, before : before + size] - np.cumsum(exact, axis=1)).max() < 0.51


@pytest.mark.parametrize(
    ("length", "start", "stop", "out"),
    [(10, 5, 5, None), (10, 0, 10, 11), (600, 0, 600, 513), (10, 0, 10, 0)],
)
def test_an_operator_that_makes_no_sense_is_refused(
    length: int, start: int, stop: int, out: int | None
) -> None:
    with pytest.raises(ValueError, match="axis"):
        pdq.operator(length, start, stop, out)


def test_a_plan_is_for_pictures_of_one_size() -> None:
    with pytest.raises(ValueError, match="one size"):
        pdq.plan(
            [pdq.Variant(pdq.operator(10), pdq.operator(10)), pdq.Variant(pdq.operator(11), pdq.operator(10))]
        )
    with pytest.raises(ValueError, match="another size"):
        pdq.hash_regions(pdq.luma(noise(10, 10)), pdq.upright(10, 11))


def test_all_sums_stay_below_two_to_the_53() -> None:
    luma, spectrum = 127_500 * pdq.ONE * pdq.ONE, np.abs(pdq._cosines()).sum(axis=1).max()
    values = luma / 2**20 + 1
    first = values * spectrum
    second = (first / 2**22 + 1) * spectrum
    assert max(luma + 2**19, first + 2**21, second) < 2**53
    assert 127_500 * pdq.ONE < 2**31
