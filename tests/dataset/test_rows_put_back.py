"""Rows that were removed and set aside come back where they were."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import shards
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown.dataset import Shard, open_source
from takedown.dataset.atomic import Pending
from takedown.dataset.tar import members
from takedown.errors import BadDataset


def numbers(rows) -> np.ndarray:
    return np.array(sorted(rows), np.int64)


def placed(work) -> int:
    with Pending() as pending:
        written = work(pending)
        pending.place()
    return written


def one(path: Path) -> Shard:
    (shard,) = open_source(path).shards
    return shard


def there_and_back(source: Path, removed: np.ndarray, folder: Path) -> tuple[Path, Path, Path]:
    """Paths of what is kept, what is set aside, and the two put together again."""
    shard, name = one(source), source.name
    kept, aside, whole = folder / "kept", folder / "aside", folder / "whole"
    assert placed(lambda p: shard.rewrite(removed, kept, p)) > 0
    written = placed(lambda p: shard.set_aside(removed, aside, p))
    assert written == sum(file.stat().st_size for file in aside.rglob("*") if file.is_file())
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in aside.rglob("*") if file.is_file())
    placed(lambda p: one(kept / name).put_back(one(aside / name), removed, whole, p))
    return kept / name, aside / name, whole / name


def groups(path: Path) -> list[int]:
    metadata = pq.ParquetFile(path).metadata
    return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_parquet_file_is_again_what_it_was(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("back")
    rows = data.draw(st.integers(1, 40))
    cells = st.none() | st.sampled_from(["a", "b", "long " * 9])
    words = data.draw(st.lists(cells, min_size=rows, max_size=rows))
    table = pa.table(
        {
            "n": range(rows),
            "URL": words,
            "word": pa.array(words, pa.string()).dictionary_encode(),
            "nested": pa.array([[{"x": [n] * (n % 3)}] for n in range(rows)]),
            "map": pa.array([[("k", n)] for n in range(rows)], pa.map_(pa.string(), pa.int32())),
        }
    ).replace_schema_metadata({"license": "CC-BY"})
    pq.write_table(table, folder / "a.parquet", row_group_size=data.draw(st.integers(1, 15)))
    removed = numbers(data.draw(st.sets(st.integers(0, rows - 1))))

    kept, aside, whole = there_and_back(folder / "a.parquet", removed, folder)

    before, after = pq.ParquetFile(folder / "a.parquet"), pq.ParquetFile(whole)
    assert after.read().to_pylist() == before.read().to_pylist()
    assert after.schema_arrow.equals(before.schema_arrow, check_metadata=True)
    assert groups(whole) == groups(folder / "a.parquet")
    assert pq.read_table(aside)["n"].to_pylist() == removed.tolist()
    assert pq.read_table(kept)["n"].to_pylist() == sorted({*range(rows)} - {*removed.tolist()})


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_part_of_what_was_set_aside_comes_back_in_two_steps(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("steps")
    rows = data.draw(st.integers(2, 40))
    table = shards.laion(folder / "a.parquet", rows, group=data.draw(st.integers(1, 15)))
    removed = numbers(data.draw(st.sets(st.integers(0, rows - 1), min_size=1)))
    kept, aside, _ = there_and_back(folder / "a.parquet", removed, folder)
    later = numbers(data.draw(st.sets(st.sampled_from(range(len(removed))))))
    first = numbers({*range(len(removed))} - {*later.tolist()})

    # Those of `first` come back; those of `later` stay aside until the second step.
    placed(lambda p: one(aside).set_aside(first, folder / "first", p))
    placed(lambda p: one(aside).rewrite(first, folder / "later", p))
    in_between = [n for n in range(rows) if n not in removed[later]]
    places = np.searchsorted(in_between, removed[first])
    placed(lambda p: one(kept).put_back(one(folder / "first" / aside.name), places, folder / "half", p))
    half = folder / "half" / aside.name
    assert pq.read_table(half).equals(table.take(pa.array(in_between, pa.int64())))
    assert len(groups(half)) <= len(groups(folder / "a.parquet"))
    placed(
        lambda p: one(half).put_back(one(folder / "later" / aside.name), removed[later], folder / "all", p)
    )
    assert pq.read_table(folder / "all" / aside.name).equals(table)


@pytest.mark.parametrize("places", [[0], [0, 0], [1, 0], [0, 20], [-1, 0]])
def test_places_that_do_not_fit_are_refused(tmp_path, places):
    shards.laion(tmp_path / "a.parquet", 20)
    kept, aside, _ = there_and_back(tmp_path / "a.parquet", numbers([3, 4]), tmp_path)
    with Pending() as pending, pytest.raises(BadDataset) as caught:
        one(kept).put_back(one(aside), np.array(places, np.int64), tmp_path / "again", pending)
    assert caught.value.slug == "restore-not-fitting"


def test_rows_of_another_file_are_refused(tmp_path):
    shards.laion(tmp_path / "a.parquet", 20)
    kept, aside, _ = there_and_back(tmp_path / "a.parquet", numbers([3, 4]), tmp_path)
    pq.write_table(pa.table({"URL": ["u"] * 18}), kept)
    with Pending() as pending, pytest.raises(BadDataset) as caught:
        one(kept).put_back(one(aside), numbers([3, 4]), tmp_path / "again", pending)
    assert caught.value.slug == "restore-not-fitting"


@pytest.mark.parametrize("sidecar", [True, False])
@pytest.mark.parametrize("version", ["v1.1", "v1.2", None])
@pytest.mark.parametrize("removed", [[0], [4], [0, 2, 4], [2], [*range(5)]])
def test_an_img2dataset_shard_is_again_what_it_was(tmp_path, sidecar, version, removed):
    source = tmp_path / "in"
    shards.img2dataset(source, shards=1, rows=7, failed=(2, 5), sidecar=sidecar)
    if version:
        shards.wds2idx(source / "00000.tar", version)
    kept, aside, whole = there_and_back(source / "00000.tar", numbers(removed), tmp_path)
    assert whole.read_bytes() == (source / "00000.tar").read_bytes()
    assert one(aside).num_rows == len(removed)
    stats = [path.with_name("00000_stats.json").read_text() for path in (source / "a", whole, kept)]
    assert json.loads(stats[0]) == json.loads(stats[1]) != json.loads(stats[2])
    if sidecar:
        before, after = (pq.read_table(path.with_suffix(".parquet")) for path in (source / "00000", whole))
        assert after.equals(before)
    if version:
        assert whole.with_suffix(".idx").read_bytes() == (source / "00000.idx").read_bytes()
        index = kept.with_suffix(".idx").read_bytes()
        assert index == shards.wds2idx(kept, version).read_bytes()
        same = sidecar and removed == [2]  # whose download failed: it is not in the tar
        assert (index == (source / "00000.idx").read_bytes()) == same
    assert sorted(p.name for p in whole.parent.iterdir()) == sorted(p.name for p in source.iterdir())


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("end", [0, 1024, 3 * 10_240])
def test_long_names_folders_and_any_end_of_a_tar_come_back(tmp_path, form, end):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=form) as tar:
        folder = tarfile.TarInfo("d")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for number in range(4):
            row = json.dumps({"url": f"u{number}"}).encode()
            shards.add(tar, f"d/{number}{'ü' * 120}.json", row)
            shards.add(tar, f"d/{number}{'ü' * 120}.jpg", b"x" * 700 * number)
        shards.add(tar, "notes", b"of no sample")
        behind = tar.offset
    if end:
        path.write_bytes(path.read_bytes()[:behind] + bytes(end))
    for removed in ([0], [1, 2], [3], [0, 1, 2]):
        _, aside, whole = there_and_back(path, numbers(removed), tmp_path)
        assert whole.read_bytes() == path.read_bytes()
        assert [m.name for m in members(aside)] == [
            m.name for m in members(path) if m.key[2:3] in map(str, removed)
        ]


@pytest.mark.parametrize("content", [b"", b"v1.3 1\n", b"v1.2 0\n", b"\x80\x05idx"])
def test_an_index_of_unknown_format_is_never_left_beside_a_new_tar(tmp_path, content):
    shards.img2dataset(tmp_path, shards=1)
    (tmp_path / "00000.idx").write_bytes(content)
    with Pending() as pending, pytest.raises(BadDataset, match=r"00000\.idx") as caught:
        one(tmp_path / "00000.tar").rewrite(numbers([0]), tmp_path / "out", pending)
    assert caught.value.slug == "tar-index-unknown"
    assert not list((tmp_path / "out").glob("*"))


def test_samples_that_are_there_already_are_not_put_back_twice(tmp_path):
    shards.img2dataset(tmp_path / "in", shards=1)
    shard = one(tmp_path / "in" / "00000.tar")
    placed(lambda p: shard.set_aside(numbers([1]), tmp_path / "aside", p))
    with Pending() as pending, pytest.raises(BadDataset) as caught:
        shard.put_back(one(tmp_path / "aside" / "00000.tar"), numbers([1]), tmp_path / "out", pending)
    assert caught.value.slug == "restore-not-fitting"
