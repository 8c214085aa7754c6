"""The multi-index hash finds what comparing with every code finds: same pairs, same order, same distances."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from takedown.errors import BadIndex
from takedown.index import mih, mih_bands
from takedown.index.interface import Hits
from takedown.index.linear import Linear
from takedown.index.mih_layout import Layout

#: Narrow, usual and wide bands; signatures within one band, over two, and none; bits left over.
LAYOUTS = {
    32: [Layout(16, 16, 16), Layout(32, 8, 16), Layout(23, 11, 32), Layout(12, 12, 0), Layout(0, 0, 0)],
    8: [Layout(4, 16, 16), Layout(8, 8, 16), Layout(5, 12, 32), Layout(6, 10, 0), Layout(0, 0, 0)],
}
CASES = [(width, layout) for width, layouts in LAYOUTS.items() for layout in layouts]

_numbers = itertools.count()


@pytest.fixture(params=["kernels", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with the compiled kernels, and once more without."""
    if request.param == "plain":
        monkeypatch.setattr(mih_bands, "kernels", None)
    elif mih_bands.kernels is None:
        pytest.skip("numba is not installed")
    return str(request.param)


def build(folder: Path, codes: NDArray[np.uint8], layout: Layout | None = None, **options: int) -> mih.Mih:
    out = folder / f"mih{next(_numbers)}"
    mih.build(codes, out, layout=layout, **options)
    return mih.open(out)


def same(found: Hits, wanted: Hits) -> bool:
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(found, wanted, strict=True))


def clustered(seed: int, count: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Codes of which many lie close to a few centres, some are equal, all zero or all one; and queries."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 256, (12, width), dtype=np.uint8)
    bits = np.unpackbits(centres[rng.integers(0, 12, count)], axis=1)
    bits ^= rng.random(bits.shape) < rng.uniform(0, 0.3, (count, 1))
    codes = np.packbits(bits, axis=1)
    kind = rng.integers(0, 8, count)
    codes[kind == 0] = rng.integers(0, 256, (int((kind == 0).sum()), width), dtype=np.uint8)
    codes[kind == 1], codes[kind == 2] = 0, 255
    codes[kind == 3] = codes[0]
    return codes, np.concatenate([centres, codes[:8], np.zeros_like(codes[:1]), ~np.zeros_like(codes[:1])])


@pytest.mark.parametrize(("width", "layout"), CASES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 400), radius=st.integers(0, 64))
def test_it_equals_comparing_with_every_code(
    width: int, layout: Layout, tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, radius: int
) -> None:
    codes, queries = clustered(seed, max(count, 1), width)
    codes = codes[:count]
    index = build(tmp_path_factory.mktemp("mih"), codes, layout)
    assert same(index.search(queries, radius), Linear(codes).search(queries, radius))
