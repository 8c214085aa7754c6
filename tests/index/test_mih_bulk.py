"""Codes that pass by many queries give what comparing each pair gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from takedown.index import mih_bands, mih_bulk
from takedown.index.interface import Hits
from takedown.index.linear import Linear


def same(found: Hits, wanted: Hits) -> bool:
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(found, wanted, strict=True))


def near(seed: int, rows: int, queries: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Codes around the queries, some of them equal, and queries of all zeros and all ones."""
    rng = np.random.default_rng(seed)
    asked = rng.integers(0, 256, (queries, width), dtype=np.uint8)
    asked[: queries // 8], asked[queries // 8 : queries // 4] = 0, 255
    bits = np.unpackbits(asked[rng.integers(0, queries, rows)], axis=1)
    bits ^= rng.random(bits.shape) < rng.uniform(0, 0.3, (rows, 1))
    return np.packbits(bits, axis=1), asked


@pytest.mark.parametrize("kernels", [True, False])
@pytest.mark.parametrize("width", [8, 32])
@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32), rows=st.integers(0, 300), radius=st.integers(0, 40), block=st.integers(1, 300)
)
def test_it_equals_comparing_each_pair(
    width: int, kernels: bool, seed: int, rows: int, radius: int, block: int
) -> None:
    codes, queries = near(seed, rows, 90, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mih_bulk, "_BLOCK", block)
        patch.setattr(mih_bulk, "_ENTRIES", 1 << 12)
        if radius < 12:
            patch.setattr(mih_bulk, "cost", lambda *_: 0.0)  # else so few would be compared pair by pair
        if not kernels:
            patch.setattr(mih_bands, "kernels", None)
        found = mih_bulk.search(codes, queries, radius)
    assert same(found, Linear(codes).search(queries, radius))


def test_codes_may_come_in_arrays_one_after_the_other() -> None:
    codes, queries = near(1, 5000, 300, 32)
    wanted = Linear(codes).search(queries, 31)
    assert same(mih_bulk.search(iter([codes[:10], codes[10:10], codes[10:]]), queries, 31), wanted)


def test_queries_of_several_groups_and_a_wider_radius(monkeypatch: pytest.MonkeyPatch) -> None:
    codes, queries = near(2, 3000, 700, 32)
    monkeypatch.setattr(mih_bulk, "_ENTRIES", 137 * 200)
    assert same(mih_bulk.search(codes, queries, 40), Linear(codes).search(queries, 40))


def test_nothing_asked_or_nothing_there() -> None:
    codes, queries = near(3, 50, 20, 32)
    for found in (
        mih_bulk.search(codes, queries[:0], 31),
        mih_bulk.search(codes[:0], queries, 31),
        mih_bulk.search([], queries, 31),
        mih_bulk.search(codes, queries, -1),
    ):
        assert [len(part) for part in found] == [0, 0, 0]
