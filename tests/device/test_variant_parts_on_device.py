"""What codes of variants are made from, compared number by number: bits would not show a small difference."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from device_modules import Modules, picture
from device_pictures import Pixels, noise, screen, sent, written
from factories.pictures import soft
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown import borders, pdq, variant_boxes, variant_operators, variant_planes, variants
from takedown.variant_table import table

pytestmark = pytest.mark.browser

Size = tuple[int, int]


def test_windows_are_those_of_the_library(modules: Modules) -> None:
    rng = np.random.default_rng(1)
    sizes = [
        *rng.integers(5, 6000, (20, 2)).tolist(),
        *[[5, 5], [20_000, 5], [5, 20_000], [20_000, 2_500], [19_999, 2_500], [7, 13], [4, 3], [16, 9]],
    ]
    body = "(sizes, {table}) => sizes.map(([w, h]) => table().map(({shape}) => shape(w, h)))"
    for (width, height), windows in zip(sizes, modules.run("variant_table.js", body, sizes), strict=True):
        expected = [list(variant.shape(width, height)) for variant in table()]
        assert windows == expected, (width, height)


_DENSE = """([length, part], {operator}) => {
  const {starts, counts, weights, taps, totals} = operator(length, part);
  const lines = [];
  for (let i = 0; i < 64; i++) {
    lines.push([starts[i], [...weights.subarray(i * taps, i * taps + counts[i])], totals[i]]);
  }
  return lines;
}"""


@settings(deadline=None, max_examples=8)
@given(st.data())
def test_operators_are_those_of_the_library(modules: Modules, data: st.DataObject) -> None:
    wanted = [data.draw(_parts()) for _ in range(12)]
    made = modules.map("pdq_operators.js", _DENSE, [(length, part._asdict()) for length, part in wanted])
    for (length, part), lines in zip(wanted, made, strict=True):
        found = np.zeros((64, length))
        for i, (start, weights, total) in enumerate(lines):
            found[i, start : start + len(weights)] = weights
            assert sum(weights) == total
        expected = variant_operators.operators(length, [part])[0].dense()
        assert np.array_equal(found, expected), (length, part)


@st.composite
def _parts(draw: st.DrawFn) -> tuple[int, variant_operators.Part]:
    length = draw(st.integers(5, 640))
    whole = length * variant_operators.UNITS
    start, stop = sorted(
        draw(st.lists(st.integers(-whole // 4, whole * 2), min_size=2, max_size=2, unique=True))
    )
    out, mirrored, edged = draw(st.integers(1, 512)), draw(st.booleans()), draw(st.booleans())
    return length, variant_operators.Part(start, stop, out, mirrored, edged)


_PLANES = """async (one, {Views}, {table}, {sha256}, {seen}) => {
  const views = new Views(one);
  const planes = [];
  for (const name of new Set(table().map(({plane}) => plane))) {
    const {luma, ...rest} = views.plane(name);
    planes.push([name, await sha256(new Uint8Array(luma.buffer)), rest]);
  }
  const parts = table().map((variant) => seen(variant, views.plane(variant.plane), views));
  return {planes, boxes: views.boxes, parts};
}"""

_SIZES = {
    "noise": (noise(60, 43), (61, 44)),
    "soft": (soft(300, 512, seed=3), (300, 900)),
    "tiny": (noise(5, 6), (5, 6)),
    "long": (soft(512, 9, seed=3), (20_000, 9)),
    "written": (written(330, 260), (330, 260)),
    "screen": (screen(200, 300, 3), (200, 300)),
}


@pytest.mark.parametrize("name", _SIZES)
def test_planes_boxes_and_parts_are_those_of_the_library(modules: Modules, name: str) -> None:
    pixels, size = _SIZES[name]
    files = ["variant_views.js", "variant_table.js", "digests.js", "variant_parts.js"]
    found = modules.run(files, _PLANES, sent(pixels, *size))
    seen, lumas = _picture(pixels, size), pdq.luma(pixels)
    boxes = [*variant_boxes.boxes(lumas), borders.frame(pixels)]
    planes = {name: variants._plane(name, seen) for name, _, _ in found["planes"]}
    for plane, digest, rest in found["planes"]:
        expected = planes[plane]
        shape = {"rows": expected.luma.shape[0], "columns": expected.luma.shape[1]}
        edges = {name: getattr(expected, name) for name in ("top", "left", "height", "width")}
        assert rest == {**shape, **edges}, plane
        assert digest == hashlib.sha256(expected.luma.tobytes()).hexdigest(), plane
    assert found["boxes"] == [box._asdict() for box in boxes]
    for variant, part in zip(table(), found["parts"], strict=True):
        expected_part = variants._seen(variant, planes[variant.plane], seen, boxes)
        assert part == {
            "rows": expected_part.rows._asdict(),
            "columns": expected_part.columns._asdict(),
            "transposed": expected_part.transposed,
            "fill": expected_part.fill,
        }, variant.name


def _picture(pixels: Pixels, size: Size) -> variants._Picture:
    plain = variant_planes.plain(pdq.luma(pixels))
    return variants._Picture(plain, variant_planes.small(plain), *size)


@settings(deadline=None, max_examples=10)
@given(st.data())
def test_frames_are_those_of_the_library(modules: Modules, data: st.DataObject) -> None:
    pictures = [_framed(data) for _ in range(15)]
    found = modules.map("borders.js", "(one, {frame}) => frame(one)", [picture(one) for one in pictures])
    assert found == [borders.frame(one)._asdict() for one in pictures]


def _framed(data: st.DataObject) -> Pixels:
    """Frames of one or two colours, here and there a pixel of another, around noise."""
    width, height = data.draw(st.integers(5, 90)), data.draw(st.integers(5, 90))
    pixels = noise(width, height, seed=width * height)
    for _ in range(data.draw(st.integers(0, 3))):
        top, left = data.draw(st.integers(0, height // 2)), data.draw(st.integers(0, width // 2))
        bottom, right = (
            height - data.draw(st.integers(0, height // 2)),
            width - data.draw(st.integers(0, width // 2)),
        )
        inside = pixels[top:bottom, left:right].copy()
        pixels[:] = data.draw(st.sampled_from([0, 30, 128, 255]))
        pixels[top:bottom, left:right] = inside
    for _ in range(data.draw(st.integers(0, 4))):
        pixels[data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))] = 77
    return pixels
