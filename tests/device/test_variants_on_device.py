"""PDQ and the codes of all variants made in the browser, compared with the library's on equal pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from device_modules import Modules, picture
from device_pictures import Pixels, noise, screen, sent, written
from factories.pictures import soft
from factories.real import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from takedown import pdq
from takedown.pixels import canonical_pixels
from takedown.variant_table import VARIANTS_VERSION
from takedown.variants import hash_variants, names

pytestmark = pytest.mark.browser

Size = tuple[int, int]


def wrong(modules: Modules, pictures: list[tuple[Pixels, Size]]) -> list[object]:
    """Those of which a code or a quality differs, with the names of the variants."""
    found = modules.map(
        "variants.js", "(one, {variants}) => variants(one)", [sent(p, *s) for p, s in pictures]
    )
    differ: list[object] = []
    for number, ((pixels, size), mine) in enumerate(zip(pictures, found, strict=True)):
        codes, quality = hash_variants(pixels, *size)
        got = np.frombuffer(bytes.fromhex(mine["codes"]), np.uint8).reshape(-1, 32)
        assert got.shape == codes.shape
        other = [names()[k] for k in np.flatnonzero((got != codes).any(axis=1))]
        if other or mine["quality"] != quality:
            differ.append((number, pixels.shape, size, mine["quality"], quality, other[:5]))
    return differ


def test_names_and_version_are_those_of_the_library(modules: Modules) -> None:
    assert modules.run("variants.js", "(_, {names}) => names()") == list(names())
    assert modules.run("variant_table.js", "(_, m) => m.VARIANTS_VERSION") == VARIANTS_VERSION


def test_the_codes_of_pictures_of_all_sizes_are_those_of_the_library(modules: Modules) -> None:
    pictures: list[tuple[Pixels, Size]] = [
        *((noise(*size), size) for size in [(1, 1), (4, 300), (300, 4), (5, 5), (5, 7), (5, 512), (512, 5)]),
        *((soft(*size), size) for size in [(33, 47), (64, 63), (97, 60), (255, 257)]),
        (noise(512, 512), (4000, 3000)),
        (soft(512, 10), (20_000, 10)),
        (soft(5, 512), (5, 20_000)),
        (np.full((300, 400, 3), 90, dtype=np.uint8), (400, 300)),
        (written(512, 400), (600, 400)),
        (written(512, 512), (1001, 1777)),
        (screen(240, 480, 250), (240, 480)),
        (screen(512, 380, 8), (900, 380)),
    ]
    assert wrong(modules, pictures) == []


@pytest.mark.slow
def test_the_codes_of_real_pictures_are_those_of_the_library(modules: Modules) -> None:
    skimage = pytest.importorskip("skimage", reason="scikit-image brings the photographs")
    files = sorted((Path(skimage.__file__).parent / "data").glob("*.[jp][pn]g"))
    _compare_files(modules, files)


@pytest.mark.slow
def test_the_codes_of_the_reference_pictures_are_those_of_the_library(modules: Modules) -> None:
    _compare_files(modules, sorted((shared_data() / "pdq").glob("*.jpg")))


def _compare_files(modules: Modules, files: list[Path]) -> None:
    pictures = []
    for path in files:
        with Image.open(path) as image:
            shown = image.convert("RGB")
            pictures.append((canonical_pixels(shown), shown.size))
    assert len(pictures) > 7
    assert wrong(modules, pictures) == []


@settings(deadline=None, max_examples=3)
@given(st.data())
def test_the_codes_of_any_picture_are_those_of_the_library(modules: Modules, data: st.DataObject) -> None:
    sides = st.integers(5, 200)
    pictures = []
    for seed in range(4):
        width, height = data.draw(sides), data.draw(sides)
        make = data.draw(st.sampled_from([noise, soft, written]))
        pixels = make(width, height) if make is written else make(width, height, seed=seed)
        pictures.append((pixels, (width, height)))
    assert wrong(modules, pictures) == []


def test_plain_pdq_is_that_of_the_library(modules: Modules) -> None:
    rng = np.random.default_rng(7)
    sizes = [*rng.integers(1, 513, (60, 2)).tolist(), (512, 512), (512, 511), (1, 1), (5, 4), (128, 129)]
    pictures = [noise(*size, seed=k) if k % 2 else soft(*size, seed=k) for k, size in enumerate(sizes)]
    pictures.append(np.full((64, 64, 3), 128, np.uint8))
    found = modules.map("pdq.js", "(one, {base}) => base(one)", [picture(one) for one in pictures])
    for pixels, mine in zip(pictures, found, strict=True):
        codes, qualities = pdq.hash_regions(pdq.luma(pixels), pdq.upright(*pixels.shape[:2]))
        assert mine == {"code": codes[0].tobytes().hex(), "quality": int(qualities[0])}, pixels.shape


def test_progress_is_told_and_never_goes_back(modules: Modules) -> None:
    body = """(one, {variants}) => {
      const told = [];
      variants(one, (done, all) => told.push([done, all]));
      return told;
    }"""
    told = modules.run("variants.js", body, sent(noise(20, 30), 20, 30))
    done = [count for count, _ in told]
    assert {count for _, count in told} == {len(names())}
    assert done == sorted(set(done))
    assert len(done) >= 40
    assert done[-1] == len(names())


def test_no_cosine_is_so_near_to_a_half_that_another_browser_could_round_it_otherwise(
    modules: Modules,
) -> None:
    body = """() => {
      let nearest = 1;
      for (let k = 0; k < 256; k++) {
        const value = 1048576 * Math.cos((k * Math.PI) / 128);
        nearest = Math.min(nearest, Math.abs(value - Math.floor(value) - 0.5));
      }
      return nearest;
    }"""
    assert modules.run("pdq_code.js", body) > 2**-20
