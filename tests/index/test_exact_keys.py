"""The exact index answers like a dictionary of lists, whatever the keys, compiled or not."""

from __future__ import annotations

import os
import tempfile
import tracemalloc
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown.errors import BadIndex, BadKey
from takedown.index import exact, exact_layout, exact_plain, exact_steps

# Few distinct values make repeats; the extremes and neighbours probe the edges of buckets.
EDGES = [0, 1, (1 << 57) - 1, 1 << 57, (1 << 63) - 1, 1 << 63, (1 << 64) - 2, (1 << 64) - 1]
KEYS = st.one_of(st.sampled_from(EDGES), st.integers(0, 5), st.integers(0, (1 << 64) - 1))

WAYS = {"numpy": exact_plain, "numba": exact_steps.steps}


@pytest.fixture(params=list(WAYS), autouse=True, scope="module")
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test here runs with the compiled steps and without them."""
    if request.param == "numba" and WAYS["numba"] is exact_plain:
        pytest.skip("numba is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact_steps, "steps", WAYS[request.param])
        yield request.param


def built(keys: list[int] | np.ndarray, rows: list[int] | None = None) -> exact.Exact:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "exact"
        owners = None if rows is None else np.array(rows, dtype=np.int64)
        exact.build(np.array(keys, dtype=np.uint64), out, rows=owners)
        return exact.open(out)  # the maps outlive the names of their files


def u64(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint64)


@settings(max_examples=60, deadline=None)
@given(st.lists(KEYS, max_size=400), st.lists(KEYS, max_size=40))
def test_it_equals_a_dictionary(keys: list[int], queries: list[int]) -> None:
    oracle = defaultdict(list)
    for row, key in enumerate(keys):
        oracle[key].append(row)
    asked = queries + keys[:40]
    index = built(keys)
    query, row = index.search(u64(*asked))
    expected = [(number, row) for number, key in enumerate(asked) for row in oracle[key]]
    assert list(zip(query.tolist(), row.tolist(), strict=True)) == expected
    assert index.count(u64(*asked)).tolist() == [len(oracle[key]) for key in asked]
    assert len(index) == len(keys)


@settings(max_examples=40, deadline=None)
@given(st.lists(KEYS, max_size=200), KEYS, KEYS, st.integers(0, 5))
def test_ranges_equal_a_sorted_list(keys: list[int], low: int, high: int, limit: int) -> None:
    index = built(keys)
    inside = [row for key, row in sorted(zip(keys, range(len(keys)), strict=True)) if low <= key <= high]
    assert index.count_between(low, high) == len(inside)
    assert index.rows_between(low, high).tolist() == inside
    assert index.rows_between(low, high, limit).tolist() == inside[:limit]
    many = index.counts_between(u64(low, high, 0), u64(high, low, (1 << 64) - 1))
    assert many.tolist() == [len(inside), index.count_between(high, low), len(keys)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(min_size=8, max_size=8), max_size=60), st.binary(min_size=1, max_size=8), st.data())
def test_prefixes_are_counted_like_text(digests: list[bytes], prefix: bytes, data: st.DataObject) -> None:
    digests += [prefix.ljust(8, b"\x07"), prefix.ljust(8, b"\xff")]
    index = built([int.from_bytes(digest, "big") for digest in digests])
    digits = data.draw(st.integers(1, 2 * len(prefix)))
    text = prefix.hex()[:digits]
    expected = sum(digest.hex().startswith(text) for digest in digests)
    low, high = exact.hex_range(text)
    assert index.count_between(low, high) == index.count_prefix(text) == index.count_prefix(text.upper())
    assert index.count_prefix(text) == index.count_prefix(prefix, 4 * digits) == expected
    assert index.count_prefix(prefix) == sum(digest.startswith(prefix) for digest in digests)
    assert index.count_prefix(prefix, 0) == len(digests)


@pytest.mark.parametrize("text", ["", "g", "0x1", "-1", " 1", "1_0", "٣", "0" * 17])
def test_what_is_no_prefix_is_refused(text: str) -> None:
    with pytest.raises(BadKey, match="1 to 16 hex digits"):
        exact.hex_range(text)


@pytest.mark.parametrize(("prefix", "bits"), [("ab", 9), (b"ab", -1), (b"123456789", None)])
def test_bits_that_a_prefix_does_not_have_are_refused(prefix: str | bytes, bits: int | None) -> None:
    with pytest.raises(BadKey):
        built([1]).count_prefix(prefix, bits)


def test_uniform_keys_fill_many_buckets_and_all_are_found() -> None:
    keys = np.random.default_rng(1).integers(0, 1 << 64, 200_000, dtype=np.uint64)
    index = built(keys)
    assert len(index.buckets) > 1 << 10
    asked = keys[::2]  # more than are searched in one thread, and not in one piece of memory
    query, row = index.search(asked)
    assert np.array_equal(keys[row], asked[query])
    assert np.array_equal(np.unique(query), np.arange(len(asked)))


SKEWED = {
    "all zero": np.zeros(150_000, dtype=np.uint64),
    "all the highest": np.full(150_000, (1 << 64) - 1, dtype=np.uint64),
    "one long run among others": np.append(np.full(150_000, 77), np.arange(5_000)).astype(np.uint64),
    "one prefix": (np.arange(150_000, dtype=np.uint64) ** np.uint64(2)) | np.uint64(0xABCD << 48),
    "powers of two": np.uint64(1) << np.random.default_rng(3).integers(0, 64, 150_000, dtype=np.uint64),
    "descending": np.arange(150_000, dtype=np.uint64)[::-1].copy(),
}


@pytest.mark.parametrize("keys", SKEWED.values(), ids=SKEWED)
def test_skewed_keys_are_found(keys: np.ndarray) -> None:
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    asked = np.concatenate([keys[::5_000], keys[::5_000] + np.uint64(1), keys[::5_000] - np.uint64(1)])
    index = built(keys)
    first, last = np.searchsorted(ordered, asked, "left"), np.searchsorted(ordered, asked, "right")
    assert np.array_equal(index.count(asked), last - first)
    query, row = index.search(asked[:200])
    assert np.array_equal(row, np.concatenate([order[a:b] for a, b in zip(first, last, strict=True)][:200]))
    assert np.array_equal(query, np.repeat(np.arange(len(asked[:200])), (last - first)[:200]))


@pytest.mark.parametrize("past", [5, 255, 256, (1 << 32) - 1, 1 << 32, 1 << 40, (1 << 62) + 1])
def test_rows_may_be_given_and_may_be_of_any_size(past: int) -> None:
    index = built([7, 3, 7, (1 << 64) - 1], [1, 4, past - 1, past])
    query, row = index.search(u64(7, 3, (1 << 64) - 1))
    assert query.tolist() == [0, 0, 1, 2]
    assert row.tolist() == [1, past - 1, 4, past]


@pytest.mark.parametrize("rows", [[1, 0], [0, 9, 8, 9], [*range(40_000), 39_998]])
def test_rows_that_do_not_ascend_are_refused(tmp_path: Path, rows: list[int]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        exact.build(np.zeros(len(rows), dtype=np.uint64), tmp_path / "x", rows=np.array(rows))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1 << 36), st.integers(0, (1 << 63) - 1))
def test_a_layout_can_always_be_read(count: int, highest_row: int) -> None:
    layout = exact_layout.layout_for(count, highest_row)
    assert layout.is_sound()
    assert 8 * layout.width >= 64 - layout.bits + layout.row_bits
    assert layout.width <= 15


def test_a_key_costs_nine_bytes_where_there_are_many() -> None:
    for count in (1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 5_500_000_000):
        layout = exact_layout.layout_for(count, count - 1)
        table = (1 << layout.bits) * np.dtype(exact_layout.bucket_type(count)).itemsize
        assert layout.width + table / count < 9.3


def test_rows_of_any_integer_type_and_mapped_arrays_give_the_same_bytes(tmp_path: Path) -> None:
    keys = np.random.default_rng(4).integers(0, 1 << 64, 3_000, dtype=np.uint64)
    rows = np.arange(0, 9_000, 3)
    keys.tofile(tmp_path / "keys")
    for number, kind in enumerate((np.int64, np.uint64, np.uint32, np.int32)):
        given = np.memmap(tmp_path / "keys", dtype=np.uint64, mode="r") if number else keys
        exact.build(given, tmp_path / str(number), rows=rows.astype(kind))
        assert contents(tmp_path / str(number)) == contents(tmp_path / "0")


@pytest.mark.parametrize("keys", SKEWED.values(), ids=SKEWED)
def test_little_memory_and_both_ways_give_the_same_bytes(tmp_path: Path, keys: np.ndarray) -> None:
    for memory in (1 << 31, 2 << 20, 0):
        exact.build(keys, tmp_path / str(memory), memory_bytes=memory)
        assert contents(tmp_path / str(memory)) == contents(tmp_path / str(1 << 31))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact_steps, "steps", exact_plain)
        patch.setattr(exact_steps, "THREADS", 1)
        exact.build(keys, tmp_path / "plain")
    assert contents(tmp_path / "plain") == contents(tmp_path / "0")


def test_uniform_keys_that_do_not_fit_go_through_files_that_are_gone_at_the_end(tmp_path: Path) -> None:
    keys = np.random.default_rng(5).integers(0, 1 << 64, 300_000, dtype=np.uint64)
    rows = np.cumsum(np.random.default_rng(6).integers(1, 1 << 20, len(keys)))
    exact.build(keys, tmp_path / "a", rows=rows)
    exact.build(keys, tmp_path / "b", rows=rows, memory_bytes=1 << 20)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert sorted(contents(tmp_path / "b")) == ["buckets", "header.json", "records"]


def test_memory_stays_within_what_is_allowed(tmp_path: Path) -> None:
    keys = np.random.default_rng(10).integers(0, 1 << 64, 4_000_000, dtype=np.uint64)
    keys[::3] = 12345  # more equal keys than fit
    exact.build(keys[:10], tmp_path / "compiled")
    tracemalloc.start()
    try:
        exact.build(keys, tmp_path / "x", memory_bytes=32 << 20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20 < 12 * len(keys)
    assert exact.open(tmp_path / "x").count(u64(12345)) == len(keys[::3])


def test_keys_are_ordered_like_the_hex_text_of_their_digests() -> None:
    digests = np.random.default_rng(2).integers(0, 256, (50, 32), dtype=np.uint8)
    by_key = np.argsort(exact.prefixes(digests)).tolist()
    assert by_key == sorted(range(50), key=lambda row: digests[row].tobytes().hex())


def test_an_opened_index_answers_in_a_forked_process() -> None:
    keys = np.random.default_rng(7).integers(0, 1 << 64, 120_000, dtype=np.uint64)
    index = built(keys)
    index.count(keys)
    child = os.fork()
    if not child:
        os._exit(0 if index.count(keys).sum() == len(keys) else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("name", ["records", "buckets", "header.json"])
def test_a_file_cut_short_or_missing_is_refused(tmp_path: Path, name: str) -> None:
    exact.build(np.arange(100, dtype=np.uint64), tmp_path / "x")
    file = tmp_path / "x" / name
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(BadIndex, match="damaged"):
        exact.open(tmp_path / "x")
    file.unlink()
    with pytest.raises(BadIndex, match="missing"):
        exact.open(tmp_path / "x")


@pytest.mark.parametrize(
    ("fact", "value"), [("bits", "6"), ("bits", "25"), ("row_bits", "0"), ("row_bits", "64"), ("count", "-1")]
)
def test_a_header_that_cannot_be_is_refused(tmp_path: Path, fact: str, value: str) -> None:
    exact.build(np.arange(100, dtype=np.uint64), tmp_path / "x")
    header = tmp_path / "x" / "header.json"
    lines = [
        f' "{fact}": {value},' if f'"{fact}"' in line else line for line in header.read_text().split("\n")
    ]
    header.write_text("\n".join(lines))
    with pytest.raises(BadIndex, match="damaged"):
        exact.open(tmp_path / "x")


def test_altered_buckets_lead_to_wrong_answers_but_never_outside_the_files(tmp_path: Path) -> None:
    keys = np.random.default_rng(8).integers(0, 1 << 64, 5_000, dtype=np.uint64)
    exact.build(keys, tmp_path / "x")
    size = (tmp_path / "x" / "buckets").stat().st_size
    (tmp_path / "x" / "buckets").write_bytes(np.random.default_rng(9).bytes(size))
    index = exact.open(tmp_path / "x")
    query, row = index.search(keys)
    assert len(query) == len(row) <= len(keys)


@pytest.mark.parametrize(("version", "do"), [(1, "build the index again"), (99, "update this program")])
def test_another_version_is_refused(tmp_path: Path, version: int, do: str) -> None:
    exact.build(np.arange(3, dtype=np.uint64), tmp_path / "x")
    header = tmp_path / "x" / "header.json"
    header.write_text(header.read_text().replace(f'"version": {exact.VERSION}', f'"version": {version}'))
    with pytest.raises(BadIndex, match=f"has format {version}, this program reads {exact.VERSION}; {do}"):
        exact.open(tmp_path / "x")


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}
