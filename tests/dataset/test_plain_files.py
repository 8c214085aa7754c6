"""img2dataset's layout of plain files: samples in a folder beside their sidecar."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from factories import shards

from takedown.dataset import open_source
from takedown.dataset.atomic import Pending
from takedown.errors import BadDataset


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def one(folder: Path):
    (shard,) = open_source(folder).shards
    return shard


def run(work) -> int:
    with Pending() as pending:
        written = work(pending)
        pending.place()
    return written


def without(records, removed) -> dict[str, object]:
    return shards.stats_of([row for number, row in enumerate(records) if number not in removed])


def test_rows_come_from_the_sidecar_and_pictures_from_the_folder(tmp_path):
    records = shards.plain_files(tmp_path, shards=2)
    (tmp_path / "00000" / "README.md").write_text("about")
    dataset = open_source(tmp_path)
    assert (dataset.kind, [s.name for s in dataset.shards]) == ("files", ["00000.parquet", "00001.parquet"])
    assert not dataset.unread
    shard = dataset.shards[1]
    assert next(iter(shard.rows())).url.to_pylist() == [row["url"] for row in records[1]]
    assert dict(shard.pictures())[1] == shards.picture(10_001)
    assert [number for number, _ in shard.pictures()] == [0, 1, 3, 4, 5]
    assert shard.read_rows([3])[0].caption == records[1][3]["caption"]
    assert open_source(tmp_path / "00000.parquet").kind == "files"
    before = shard.stamp()
    (tmp_path / "00001" / "000010001.jpg").unlink()
    assert shard.stamp() != before


@pytest.mark.parametrize("removed", [[0], [1, 2, 5], [2], [*range(6)]])
def test_samples_go_and_come_back(tmp_path, removed):
    (records,) = shards.plain_files(tmp_path / "in", shards=1)
    source = one(tmp_path / "in")
    gone = np.array(removed, np.int64)
    run(lambda p: source.rewrite(np.empty(0, np.int64), tmp_path / "kept", p))  # of an older list
    run(lambda p: source.rewrite(gone, tmp_path / "kept", p))
    written = run(lambda p: source.set_aside(gone, tmp_path / "aside", p))

    keys = {records[number]["key"] for number in removed}
    before, kept, aside = (tree(tmp_path / name) for name in ("in", "kept", "aside"))
    samples = {name for name in before if "/" in name}
    assert {name for name in kept if "/" in name} == {n for n in samples if Path(n).stem not in keys}
    assert {name for name in aside if "/" in name} == {n for n in samples if Path(n).stem in keys}
    assert all(before[name] == {**kept, **aside}[name] for name in samples)
    assert json.loads(kept["00000_stats.json"]) == without(records, removed)
    assert written == sum(len(data) for data in aside.values())
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in (tmp_path / "aside").rglob("*.*"))
    assert pq.read_table(tmp_path / "kept" / "00000.parquet").num_rows == 6 - len(removed)

    run(lambda p: one(tmp_path / "kept").put_back(one(tmp_path / "aside"), gone, tmp_path / "whole", p))
    whole = tree(tmp_path / "whole")
    assert {name: whole[name] for name in samples} == {name: before[name] for name in samples}
    assert json.loads(whole["00000_stats.json"]) == without(records, [])
    assert pq.read_table(tmp_path / "whole" / "00000.parquet").equals(
        pq.read_table(tmp_path / "in" / "00000.parquet")
    )
    assert tree(tmp_path / "in") == before


def test_in_place_only_the_removed_files_go(tmp_path):
    (records,) = shards.plain_files(tmp_path, shards=1)
    before = tree(tmp_path)
    run(lambda p: one(tmp_path).rewrite(np.array([1]), tmp_path, p))
    key = records[1]["key"]
    assert {*before} - {*tree(tmp_path)} == {f"00000/{key}.{ending}" for ending in ("jpg", "txt", "json")}


def test_what_a_kill_in_place_leaves_is_no_part_of_the_shard(tmp_path):
    (records,) = shards.plain_files(tmp_path, shards=1)
    before = tree(tmp_path)
    old = one(tmp_path)
    run(lambda p: old.rewrite(np.array([1]), tmp_path, p))
    left = f"00000/{records[1]['key']}.jpg"
    (tmp_path / left).write_bytes(before[left])  # as if it had not been taken away yet
    shard = one(tmp_path)
    assert [number for number, _ in shard.pictures()] == [0, 2, 3, 4]
    shard.verify()
    assert left not in tree(tmp_path)
    assert not (tmp_path / "00000" / ".unlisted").exists()
    (tmp_path / left).write_bytes(before[left])
    with pytest.raises(BadDataset):
        one(tmp_path).verify()


def test_a_restore_in_place_that_did_not_end_can_be_done_again(tmp_path):
    shards.plain_files(tmp_path / "in", shards=1)
    before = tree(tmp_path / "in")
    gone = np.array([1, 3])
    run(lambda p: one(tmp_path / "in").set_aside(gone, tmp_path / "aside", p))
    run(lambda p: one(tmp_path / "in").rewrite(gone, tmp_path / "in", p))
    aside = one(tmp_path / "aside")
    with Pending() as pending:
        one(tmp_path / "in").put_back(aside, gone, tmp_path / "in", pending)
    assert len(dict(one(tmp_path / "in").pictures())) == 3
    run(lambda p: one(tmp_path / "in").put_back(aside, gone, tmp_path / "in", p))
    one(tmp_path / "in").verify()
    after = tree(tmp_path / "in")
    assert {n: after[n] for n in before if "/" in n} == {n: before[n] for n in before if "/" in n}
    assert after.keys() == before.keys()


def test_nothing_goes_before_everything_is_written(tmp_path):
    shards.plain_files(tmp_path, shards=1)
    before = tree(tmp_path)
    (tmp_path / "00000_stats.json").write_text("[]")
    with Pending() as pending, pytest.raises(BadDataset):
        one(tmp_path).rewrite(np.array([1]), tmp_path, pending)
    after = tree(tmp_path)
    del after["00000/.unlisted"]
    assert after == {**before, "00000_stats.json": b"[]"}


def test_a_sample_that_the_sidecar_does_not_list_is_refused(tmp_path):
    shards.plain_files(tmp_path, shards=1)
    (tmp_path / "00000" / "999999999.jpg").write_bytes(b"x")
    shard = one(tmp_path)
    with Pending() as pending:
        for work in (shard.verify, lambda: shard.rewrite(np.array([0]), tmp_path / "out", pending)):
            with pytest.raises(BadDataset) as caught:
                work()
            assert caught.value.slug == "files-unknown-key"


def test_where_files_go_in_a_copy_is_said(tmp_path):
    shards.plain_files(tmp_path, shards=1, rows=1, failed=())
    assert [path.as_posix() for path in one(tmp_path).relative_files()] == [
        "00000.parquet",
        "00000_stats.json",
        "00000/000000000.jpg",
        "00000/000000000.json",
        "00000/000000000.txt",
    ]
