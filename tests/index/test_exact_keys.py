"""The exact index answers like a dictionary of lists, whatever the keys."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown.errors import BadIndex
from takedown.index import exact

# Few distinct values make repeats; the extremes and neighbours probe the edges of buckets.
EDGES = [0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 2, (1 << 64) - 1]
KEYS = st.one_of(st.sampled_from(EDGES), st.integers(0, 5), st.integers(0, (1 << 64) - 1))


def built(keys: list[int], rows: list[int] | None = None) -> exact.Exact:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "exact"
        owners = None if rows is None else np.array(rows, dtype=np.int64)
        exact.build(np.array(keys, dtype=np.uint64), out, rows=owners)
        return exact.open(out)  # the maps outlive the names of their files


@settings(max_examples=150, deadline=None)
@given(st.lists(KEYS, max_size=400), st.lists(KEYS, max_size=40))
def test_it_equals_a_dictionary(keys: list[int], queries: list[int]) -> None:
    oracle = defaultdict(list)
    for row, key in enumerate(keys):
        oracle[key].append(row)
    asked = queries + keys[:40]
    query, row = built(keys).search(np.array(asked, dtype=np.uint64))
    expected = [(number, row) for number, key in enumerate(asked) for row in oracle[key]]
    assert list(zip(query.tolist(), row.tolist(), strict=True)) == expected


@settings(max_examples=50, deadline=None)
@given(st.lists(KEYS, max_size=200))
def test_counts_are_those_of_a_dictionary(keys: list[int]) -> None:
    asked = np.array([*keys, *EDGES], dtype=np.uint64)
    assert built(keys).count(asked).tolist() == [keys.count(int(key)) for key in asked]


def test_uniform_keys_fill_many_buckets_and_all_are_found() -> None:
    keys = np.random.default_rng(1).integers(0, 1 << 64, 200_000, dtype=np.uint64)
    index = built(keys.tolist())
    assert len(index.buckets) > 1 << 12
    query, row = index.search(keys[::7])
    assert np.array_equal(keys[row], keys[::7][query])
    assert set(query.tolist()) == set(range(len(keys[::7])))


@pytest.mark.parametrize("past", [5, (1 << 32) - 1, 1 << 32, 1 << 40])
def test_rows_may_be_given_and_may_pass_32_bits(past: int) -> None:
    index = built([7, 3, 7], [1, 4, past])
    assert index.rows.dtype.itemsize == (8 if past >= 1 << 32 else 4)
    query, row = index.search(np.array([7, 3], dtype=np.uint64))
    assert query.tolist() == [0, 0, 1]
    assert row.tolist() == [1, past, 4]


def test_keys_are_ordered_like_the_hex_text_of_their_digests() -> None:
    digests = np.random.default_rng(2).integers(0, 256, (50, 32), dtype=np.uint8)
    by_key = np.argsort(exact.prefixes(digests)).tolist()
    assert by_key == sorted(range(50), key=lambda row: digests[row].tobytes().hex())


@pytest.mark.parametrize("name", ["keys", "rows", "buckets", "header.json"])
def test_a_file_cut_short_or_missing_is_refused(tmp_path: Path, name: str) -> None:
    exact.build(np.arange(100, dtype=np.uint64), tmp_path / "x")
    file = tmp_path / "x" / name
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(BadIndex, match="damaged"):
        exact.open(tmp_path / "x")
    file.unlink()
    with pytest.raises(BadIndex, match="missing"):
        exact.open(tmp_path / "x")


def test_another_version_is_refused(tmp_path: Path) -> None:
    exact.build(np.arange(3, dtype=np.uint64), tmp_path / "x")
    header = tmp_path / "x" / "header.json"
    header.write_text(header.read_text().replace(f'"version": {exact.VERSION}', '"version": 99'))
    with pytest.raises(BadIndex, match="build the index again"):
        exact.open(tmp_path / "x")
