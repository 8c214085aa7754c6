"""The linear search is the oracle, so it is itself compared with plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from takedown.index.linear import Linear


def naive(codes: list[bytes], queries: list[bytes], radius: int) -> list[tuple[int, int, int]]:
    found = []
    for number, query in enumerate(queries):
        for row, code in enumerate(codes):
            distance = (int.from_bytes(query, "big") ^ int.from_bytes(code, "big")).bit_count()
            if distance <= radius:
                found.append((number, row, distance))
    return found


def as_array(codes: list[bytes], width: int) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(codes), dtype=np.uint8).reshape(-1, width)


def answer(codes: list[bytes], queries: list[bytes], radius: int, width: int) -> list[tuple[int, int, int]]:
    hits = Linear(as_array(codes, width)).search(as_array(queries, width), radius)
    return list(zip(hits.query.tolist(), hits.row.tolist(), hits.distance.tolist(), strict=True))


@pytest.mark.parametrize("width", [8, 32])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_it_equals_counting_bits_one_by_one(width: int, data: st.DataObject) -> None:
    any_code = st.binary(min_size=width, max_size=width)
    extreme = st.sampled_from([bytes(width), b"\xff" * width, b"\x01" + bytes(width - 1)])
    codes = data.draw(st.lists(any_code | extreme, max_size=30))
    near = st.sampled_from(codes) if codes else any_code
    queries = data.draw(st.lists(any_code | extreme | near, max_size=8))
    radius = data.draw(st.integers(0, width * 8))
    assert answer(codes, queries, radius, width) == naive(codes, queries, radius)


def test_the_radius_is_inclusive() -> None:
    code = bytes(28) + b"\x7f\xff\xff\xff"  # 31 bits set
    assert answer([code], [bytes(32)], 31, 32) == [(0, 0, 31)]
    assert answer([code], [bytes(32)], 30, 32) == []


def test_hits_in_every_block_come_back_in_order() -> None:
    codes = np.random.default_rng(3).integers(0, 256, (150_000, 32), dtype=np.uint8)
    planted = [0, 65_535, 65_536, 149_999]
    queries = codes[planted[::-1]]
    hits = Linear(codes).search(queries, 31)
    assert hits.query.tolist() == [0, 1, 2, 3]
    assert hits.row.tolist() == planted[::-1]
    assert not hits.distance.any()
