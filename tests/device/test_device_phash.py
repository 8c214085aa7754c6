"""pHash made in the browser, compared with the library's on equal pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from device_modules import Modules, picture
from factories.pictures import soft

from takedown import cosines
from takedown.phash import lanczos, phash

pytestmark = pytest.mark.browser

SIZES = [(1, 1), (1, 9), (31, 32), (32, 32), (32, 33), (33, 32), (97, 64), (96, 64), (512, 40), (512, 512)]


def _pictures() -> list[Any]:
    """Noise, soft ones, and those whose coefficients are equal but for the rounding: flat and symmetric."""
    rng = np.random.default_rng(3)
    found = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in SIZES]
    found += [soft(width, height, seed=width) for height, width in SIZES]
    found += [np.full((*size, 3), grey, np.uint8) for size in SIZES for grey in (0, 127, 255)]
    for height, width in SIZES[2:]:
        half = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        across = np.maximum(half, half[:, ::-1])
        found += [across, np.maximum(half, half[::-1]), np.maximum(across, across[::-1])]
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::2] = 255
    return [*found, stripes, stripes.transpose(1, 0, 2)]


def test_phash_is_that_of_the_library(modules: Modules) -> None:
    pictures = _pictures()
    found = modules.map("phash.js", "(one, {phash}) => phash(one)", [picture(one) for one in pictures])
    wrong = [one.shape for one, mine in zip(pictures, found, strict=True) if mine != phash(one).hex()]
    assert len(pictures) > 70
    assert wrong == []


def test_filters_of_every_length_are_those_of_the_library(modules: Modules) -> None:
    found = modules.map("phash.js", "(length, {lanczos}) => lanczos(length)", range(1, 513))
    for length, lines in enumerate(found, start=1):
        starts, weights = lanczos(length)
        for start, line, mine in zip(starts, weights, lines, strict=True):
            expected = np.zeros(length)
            expected[start : start + len(line)] = line
            got = np.zeros(length)
            got[mine["start"] : mine["start"] + len(mine["weights"])] = mine["weights"]
            assert np.array_equal(got, expected), length


def test_no_weight_is_so_near_to_a_half_that_another_sine_could_change_it(modules: Modules) -> None:
    body = """(_, {lanczos}) => {
      const sine = Math.sin;
      const all = () => JSON.stringify(Array.from({length: 512}, (_, n) => lanczos(n + 1)));
      const before = all();
      Math.sin = (x) => sine(x) * (1 + 2 ** -46);  // a hundred times what browsers differ by
      try { return all() === before; } finally { Math.sin = sine; }
    }"""
    assert modules.run("phash.js", body) is True


def test_constants_are_the_same_to_the_last_bit(modules: Modules) -> None:
    body = "(_, {QUARTER, REAL, IMAGINARY}) => [QUARTER, REAL, IMAGINARY]"
    found = modules.run("phash_cosines.js", body)
    assert found == [cosines.QUARTER.tolist(), cosines.REAL.tolist(), cosines.IMAGINARY.tolist()]
