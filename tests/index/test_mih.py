"""The multi-index hash finds what comparing with every code finds: same pairs, same order, same distances."""

from __future__ import annotations

import itertools
import multiprocessing
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from takedown.errors import BadIndex
from takedown.index import files, mih, mih_bands, mih_build, mih_search
from takedown.index.interface import Hits
from takedown.index.linear import Linear
from takedown.index.mih_layout import Layout, allot, choose, order

#: Narrow, usual and wide bands; signatures within one band, over two, and none; bits left over; no bands.
LAYOUTS = {
    32: [Layout(16, 16, 16), Layout(32, 8, 16), Layout(23, 11, 32), Layout(12, 12, 0), Layout(0, 0, 0)],
    8: [Layout(4, 16, 16), Layout(8, 8, 16), Layout(5, 12, 32), Layout(6, 10, 0), Layout(0, 0, 0)],
}
CASES = [(width, layout) for width, layouts in LAYOUTS.items() for layout in layouts]

#: The beginning of the order for PDQ and for pHash, as the first version of the format has it.
ORDER_32 = [73, 215, 87, 129, 231, 157, 179, 121]
ORDER_8 = [13, 58, 11, 34, 62, 33, 50, 18]

_numbers = itertools.count()


@pytest.fixture(params=["kernels", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with the compiled kernels, and once more without."""
    if request.param == "plain":
        monkeypatch.setattr(mih_bands, "kernels", None)
    elif mih_bands.kernels is None:
        pytest.skip("numba is not installed")
    return str(request.param)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mih")


def built(folder: Path, codes: NDArray[np.uint8], layout: Layout | None = None, **options: int) -> Path:
    out = folder / f"mih{next(_numbers)}"
    mih.build(codes, out, layout=layout, **options)
    return out


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
    codes[kind == 3] = codes[:1]
    return codes, np.concatenate([centres, codes[:8], np.zeros((1, width), np.uint8), codes[:0] | 255])


@pytest.mark.parametrize("kernels", [True, False])
@pytest.mark.parametrize(("width", "layout"), CASES)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 400), radius=st.integers(0, 64))
def test_it_equals_comparing_with_every_code(
    width: int, layout: Layout, kernels: bool, scratch: Path, seed: int, count: int, radius: int
) -> None:
    codes, queries = clustered(seed, count, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mih, "cost", lambda *_: 0.0 if radius < 40 else np.inf)  # few codes would be scanned
        patch.setattr(mih, "SCAN_COST", 1e9)
        if not kernels:
            patch.setattr(mih_bands, "kernels", None)
        out = built(scratch, codes, layout)
        found = mih.open(out).search(queries, radius)
        shutil.rmtree(out)
    assert same(found, Linear(codes).search(queries, radius))


@pytest.mark.parametrize("width", [8, 32])
def test_the_layouts_chosen_by_size_agree(width: int, way: str, tmp_path: Path) -> None:
    codes, queries = clustered(4, 20_000, width)
    index = mih.open(built(tmp_path, codes))
    assert index.layout == choose(20_000, width) == Layout(width // 2, 16, 16)
    for radius in (0, 6, 31):
        assert same(index.search(queries, radius), Linear(codes).search(queries, radius))


@pytest.mark.parametrize("count", [1, 63, 64, 1023, 1025])
def test_batches_of_any_size_answer_alike(count: int, tmp_path: Path) -> None:
    codes, _ = clustered(5, 17_000, 32)
    queries = np.resize(codes[::7], (count, 32)) ^ np.uint8(1)
    index = mih.open(built(tmp_path, codes[:16_500]))
    assert same(index.search(queries, 20), Linear(codes[:16_500]).search(queries, 20))


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("layout", [None, Layout(16, 16, 16)])
def test_no_rows_or_one(rows: int, layout: Layout | None, way: str, tmp_path: Path) -> None:
    codes = np.full((rows, 32), 7, np.uint8)
    index = mih.open(built(tmp_path, codes, layout))
    assert len(index) == rows
    assert index.search(codes, 0).row.tolist() == [0] * rows
    assert index.search(np.full((2, 32), 7, np.uint8), 300).query.tolist() == [0, 1][: 2 * rows]


def test_no_query_or_a_negative_radius_finds_nothing(way: str, tmp_path: Path) -> None:
    codes, queries = clustered(1, 300, 32)
    index = mih.open(built(tmp_path, codes, Layout(16, 16, 16)))
    for found in (index.search(queries[:0], 31), index.search(queries, -1)):
        assert [len(part) for part in found] == [0, 0, 0]
        assert {part.dtype for part in found} == {np.dtype(np.int64)}


def test_buckets_that_hold_most_rows_stay_exact(way: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    codes = rng.integers(0, 256, (60_000, 32), dtype=np.uint8)
    codes[10_000:, :24] = 0  # no hits for a query of zeros, but candidates in most bands
    codes[50_000:50_500] = 0
    queries = np.concatenate([np.zeros((1, 32), np.uint8), codes[:70], codes[59_990:]])
    index = mih.open(built(tmp_path, codes, Layout(16, 16, 16)))
    assert same(index.search(queries, 31), Linear(codes).search(queries, 31))


def test_an_index_larger_than_memory_answers_alike(way: str, tmp_path: Path) -> None:
    codes, queries = clustered(6, 20_000, 32)
    index = mih.open(built(tmp_path, codes))
    index.on_disk = True
    for part in (queries[:1], queries):
        assert same(index.search(part, 31), Linear(codes).search(part, 31))


def test_the_same_codes_give_the_same_bytes_however_little_memory(way: str, tmp_path: Path) -> None:
    codes, _ = clustered(9, 30_000, 32)
    mapped = np.memmap(tmp_path / "codes", np.uint8, "w+", shape=codes.shape)
    mapped[:] = codes
    wanted = files.describe(built(tmp_path, codes), "")
    for memory in (1 << 12, 1 << 17, 1 << 20):
        assert files.describe(built(tmp_path, mapped, memory_bytes=memory), "") == wanted


def test_both_ways_write_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codes, _ = clustered(10, 5000, 32)
    for layout in LAYOUTS[32]:
        compiled = files.describe(built(tmp_path, codes, layout), "")
        with monkeypatch.context() as patch:
            patch.setattr(mih_bands, "kernels", None)
            assert files.describe(built(tmp_path, codes, layout), "") == compiled


def test_codes_come_back_as_they_were_given(tmp_path: Path) -> None:
    codes, _ = clustered(11, 400, 32)
    index = mih.open(built(tmp_path, codes))
    assert np.array_equal(index.codes, codes)
    with pytest.raises(ValueError, match="read-only"):
        index.codes[0] = 0


def test_threads_and_processes_share_an_index(tmp_path: Path) -> None:
    codes, queries = clustered(12, 20_000, 32)
    out = built(tmp_path, codes)
    index, wanted = mih.open(out), Linear(codes).search(queries, 31)
    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(lambda _: same(index.search(queries, 31), wanted), range(24)))
    with multiprocessing.get_context("fork").Pool(2) as processes:
        for found in processes.starmap(_search, [(out, queries)] * 4):
            assert same(found, wanted)


def _search(out: Path, queries: NDArray[np.uint8]) -> Hits:
    return mih.open(out).search(queries, 31)


@pytest.mark.parametrize("name", ["codes", "buckets", "rows", "signatures"])
def test_a_file_cut_short_is_refused(name: str, tmp_path: Path) -> None:
    codes, _ = clustered(13, 500, 32)
    out = built(tmp_path, codes, Layout(16, 16, 16))
    (out / name).write_bytes((out / name).read_bytes()[:-2])
    with pytest.raises(BadIndex) as caught:
        mih.open(out)
    assert caught.value.slug == "index-damaged"


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"version": 99}, "index-version"),
        ({"structure": "exact"}, "index-damaged"),
        ({"order": 0}, "index-damaged"),
        ({"width": 31}, "index-damaged"),
        ({"width": 0}, "index-damaged"),
        ({"bands": 17}, "index-damaged"),
        ({"bits": 25}, "index-damaged"),
        ({"signature": 7}, "index-damaged"),
        ({"count": -1}, "index-damaged"),
        ({"largest": "many"}, "index-damaged"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(
    change: dict[str, int | str], slug: str, tmp_path: Path
) -> None:
    codes, _ = clustered(14, 500, 32)
    out = built(tmp_path, codes, Layout(16, 16, 16))
    header = files.read_json(out / files.HEADER) | change
    (out / files.HEADER).unlink()
    files.write_json(out / files.HEADER, header)
    with pytest.raises(BadIndex) as caught:
        mih.open(out)
    assert caught.value.slug == slug


def test_the_plan_says_what_is_written(tmp_path: Path) -> None:
    for layout in LAYOUTS[32]:
        codes, _ = clustered(15, 700, 32)
        out = built(tmp_path, codes, layout)
        written = sum(file.stat().st_size for file in out.iterdir() if file.name != files.HEADER)
        padding = mih_build.PADDING * layout.signature // 8
        assert mih.plan(700, 32, layout).bytes == written - padding
    assert mih.plan(10_000_000, 32).bytes_per_row <= 130
    assert mih.plan(100_000_000, 32).bytes_per_row <= 80
    assert mih.plan(5_526_641_167, 32).bytes_per_row <= 250


def test_budgets_leave_no_pair_out() -> None:
    for layout in (Layout(16, 16, 16), Layout(11, 23, 0), Layout(4, 16, 16)):
        for radius in range(80):
            assert (allot(layout, radius) + 1).sum() == radius + 1


def test_the_order_of_the_bits_never_changes() -> None:
    assert order(32)[:8].tolist() == ORDER_32
    assert order(8)[:8].tolist() == ORDER_8
    assert sorted(order(32).tolist()) == list(range(256))


def test_few_queries_stay_on_the_calling_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = np.random.default_rng(16).integers(0, 256, (20_000, 32), dtype=np.uint8)
    index = mih.open(built(tmp_path, codes))
    monkeypatch.setattr(mih_search, "in_threads", None)
    assert index.search(codes[:63], 31).row.tolist() == list(range(63))


def test_what_a_look_up_touches_is_counted(tmp_path: Path) -> None:
    codes = np.random.default_rng(2).integers(0, 256, (20_000, 32), dtype=np.uint8)
    index = mih.open(built(tmp_path, codes))
    cost = index.count(codes[:4], 31)
    assert cost is not None
    assert cost.probes == 4 * 16 * 17
    assert 4 * 16 <= cost.looked_at < cost.candidates
    assert index.count(codes[:4], 200) is None
