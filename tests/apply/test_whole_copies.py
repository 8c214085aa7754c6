"""`plan` and `apply` on folders: img2dataset shards, linked files, failures that are named, and kills."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from factories import lists, shards

from takedown.apply import apply, plan
from takedown.errors import UsageError

TESTS = Path(__file__).parents[1]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, less the lock of a run."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith(".takedown."))
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def contents(path: Path) -> dict[str, tuple[bytes, bytes]]:
    """Member name -> (raw header, bytes) of a tar."""
    raw = path.read_bytes()
    with tarfile.open(path) as tar:
        return {
            m.name: (raw[m.offset : m.offset_data], raw[m.offset_data : m.offset_data + m.size]) for m in tar
        }


def test_samples_go_from_tar_sidecar_and_stats_and_the_rest_stays(tmp_path):
    records = shards.img2dataset(tmp_path / "in", shards=3, rows=7, failed=(2, 4))
    before = tree(tmp_path / "in")
    # Shard 0 loses a picture and a failed download, shard 1 a picture by digest, shard 2 nothing.
    listed = lists.of_urls(records[0][1]["url"], records[0][2]["url"])
    listed.digests["img_sha256"] = [records[1][5]["sha256"]]
    outcome = apply(listed, [tmp_path / "in"], tmp_path / "out")

    assert (outcome.files, outcome.rows_in, outcome.rows_out, outcome.errors) == (3, 21, 18, [])
    assert outcome.removed_by_kind == {"url_sha256": 2, "row_sha256": 0, "img_sha256": 1, "img_md5": 0}
    assert tree(tmp_path / "in") == before
    assert tree(tmp_path / "out").keys() == before.keys()
    for shard, gone in ((0, [1, 2]), (1, [5]), (2, [])):
        name = f"{shard:05d}"
        kept = [row for n, row in enumerate(records[shard]) if n not in gone]
        assert pq.read_table(tmp_path / "out" / f"{name}.parquet")["url"].to_pylist() == [
            r["url"] for r in kept
        ]
        old, new = contents(tmp_path / "in" / f"{name}.tar"), contents(tmp_path / "out" / f"{name}.tar")
        keys = {records[shard][n]["key"] for n in gone}
        assert list(new.items()) == [(k, v) for k, v in old.items() if k.split(".")[0] not in keys]
        stats = json.loads((tmp_path / "out" / f"{name}_stats.json").read_text())
        assert stats == shards.stats_of(kept)


def test_the_jpg_in_the_tar_is_never_hashed(tmp_path):
    import hashlib

    shards.img2dataset(tmp_path / "in", shards=1)
    jpg = hashlib.sha256(shards.picture(0)).hexdigest()
    outcome = plan(lists.FakeBlocklist({"img_sha256": [jpg]}), [tmp_path / "in"])
    assert outcome.removed == 0


def test_a_tar_without_sidecar_is_joined_by_its_json(tmp_path):
    records = shards.img2dataset(tmp_path / "in", shards=1, rows=5, failed=(), sidecar=False)
    outcome = apply(lists.of_urls(records[0][3]["url"]), [tmp_path / "in"], tmp_path / "out")
    assert (outcome.rows_in, outcome.rows_out) == (5, 4)
    names = contents(tmp_path / "out" / "00000.tar")
    assert len(names) == 12
    assert not any(name.startswith(records[0][3]["key"]) for name in names)
    assert json.loads((tmp_path / "out" / "00000_stats.json").read_text())["successes"] == 4


def test_a_plan_reads_sidecars_only_and_writes_nothing(tmp_path):
    records = shards.img2dataset(tmp_path / "in", shards=2, stats=False)
    (tmp_path / "in" / "00000.tar").write_bytes(b"not even a tar")
    before = tree(tmp_path)
    outcome = plan(lists.of_urls(records[0][1]["url"], records[1][1]["url"]), [tmp_path / "in"])
    assert (outcome.rows_in, outcome.rows_out, outcome.errors) == (12, 10, [])
    assert tree(tmp_path) == before


def test_a_plan_says_what_apply_then_reads_and_about_what_it_writes(tmp_path):
    records = shards.img2dataset(tmp_path / "in", shards=3)
    listed = lists.of_urls(records[0][1]["url"])
    said, did = plan(listed, [tmp_path / "in"]), apply(listed, [tmp_path / "in"], tmp_path / "out")
    assert said.bytes_read == did.bytes_read
    assert did.bytes_written == sum(
        (tmp_path / "out" / f.name).stat().st_size for f in (tmp_path / "in").glob("00000*")
    )
    assert 0.5 < said.bytes_written / did.bytes_written < 2
    said.bytes_written = did.bytes_written
    assert said == did


def test_files_without_a_removal_are_linked_and_a_rerun_changes_nothing(tmp_path):
    shards.laion(tmp_path / "in" / "a" / "0.parquet", start=0)
    shards.laion(tmp_path / "in" / "b" / "0.parquet", start=100)
    listed = lists.of_urls(shards.url(3))
    first = apply(listed, [tmp_path / "in"], tmp_path / "out")
    assert os.path.samefile(tmp_path / "in" / "b" / "0.parquet", tmp_path / "out" / "b" / "0.parquet")
    assert not os.path.samefile(tmp_path / "in" / "a" / "0.parquet", tmp_path / "out" / "a" / "0.parquet")
    once = tree(tmp_path)
    assert apply(listed, [tmp_path / "in"], tmp_path / "out") == first
    assert tree(tmp_path) == once


def test_a_later_list_replaces_a_link_and_leaves_the_original(tmp_path):
    shards.laion(tmp_path / "in" / "0.parquet")
    before = tree(tmp_path / "in")
    apply(lists.of_urls(), [tmp_path / "in"], tmp_path / "out")
    apply(lists.of_urls(shards.url(0)), [tmp_path / "in"], tmp_path / "out")
    assert tree(tmp_path / "in") == before
    assert pq.read_table(tmp_path / "out" / "0.parquet").num_rows == 19


def test_where_links_are_not_possible_files_are_copied(tmp_path, monkeypatch):
    shards.laion(tmp_path / "in" / "0.parquet")

    def refuse(*_: object) -> None:
        raise OSError("other file system")

    monkeypatch.setattr(os, "link", refuse)
    outcome = apply(lists.of_urls(), [tmp_path / "in"], tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "in")
    assert outcome.bytes_written == (tmp_path / "in" / "0.parquet").stat().st_size


def test_sources_of_one_name_do_not_meet_and_a_shard_named_twice_is_one(tmp_path):
    shards.laion(tmp_path / "a" / "x.parquet")
    shards.laion(tmp_path / "b" / "x.parquet", start=50)
    sources = [tmp_path / "a" / "x.parquet", tmp_path / "b", tmp_path / "b" / "x.parquet"]
    outcome = apply(lists.of_urls(shards.url(0), shards.url(50)), sources, tmp_path / "out")
    assert (outcome.files, outcome.rows_in, outcome.rows_out) == (2, 40, 38)
    assert sorted(tree(tmp_path / "out")) == ["a/x.parquet", "b/x.parquet"]


def test_a_glob_over_a_folder_of_shards_names_each_once(tmp_path):
    records = shards.img2dataset(tmp_path / "in", shards=2)
    outcome = apply(
        lists.of_urls(records[0][0]["url"]), sorted((tmp_path / "in").iterdir()), tmp_path / "out"
    )
    assert (outcome.files, outcome.rows_out, outcome.errors) == (2, 11, [])
    assert sorted(tree(tmp_path / "out")) == sorted(tree(tmp_path / "in"))


def test_bad_shards_are_named_and_the_others_done(tmp_path):
    source = tmp_path / "in"
    shards.laion(source / "good.parquet")
    shards.laion(source / "cut.parquet")
    (source / "cut.parquet").write_bytes((source / "cut.parquet").read_bytes()[:-9])
    pq.write_table(
        shards.laion(source / "renamed.parquet").rename_columns(list("abcdef")), source / "renamed.parquet"
    )
    (source / "rows.tfrecord").write_text("url\n")
    outcome = apply(lists.of_urls(shards.url(0)), [source, tmp_path / "absent"], tmp_path / "out")
    assert sorted((f.error, Path(f.file).name) for f in outcome.errors) == [
        ("dataset-no-url-column", "renamed.parquet"),
        ("dataset-not-found", "absent"),
        ("dataset-unreadable", "cut.parquet"),
        ("files-not-read", "in"),
    ]
    assert (outcome.files, outcome.rows_out) == (1, 19)
    assert sorted(p.name for p in (tmp_path / "out").rglob("*.parquet")) == ["good.parquet"]


@pytest.mark.parametrize(
    "damage", [lambda c: c[: len(c) // 2], lambda c: c + b"more", lambda c: b"\1" * len(c)]
)
def test_a_damaged_tar_leaves_nothing_half_made(tmp_path, damage):
    records = shards.img2dataset(tmp_path / "in", shards=1)
    tar = tmp_path / "in" / "00000.tar"
    tar.write_bytes(damage(tar.read_bytes()))
    outcome = apply(lists.of_urls(records[0][0]["url"]), [tmp_path / "in"], tmp_path / "out")
    assert [f.error.split("-")[0] for f in outcome.errors] == ["tar"]
    assert (outcome.files, outcome.rows_in) == (0, 0)
    assert tree(tmp_path / "out") == {}


@pytest.mark.parametrize("content", [b"", b"[]", b"{" * 9, b"[" * 100_000])
def test_a_damaged_stats_file_leaves_nothing_half_made(tmp_path, content):
    records = shards.img2dataset(tmp_path / "in", shards=1)
    (tmp_path / "in" / "00000_stats.json").write_bytes(content)
    outcome = apply(lists.of_urls(records[0][0]["url"]), [tmp_path / "in"], tmp_path / "out")
    assert [f.error for f in outcome.errors] == ["stats-damaged"]
    assert tree(tmp_path / "out") == {}


def test_a_source_that_changes_meanwhile_is_an_error(tmp_path):
    path = tmp_path / "in" / "0.parquet"
    shards.laion(path)

    def replace(*_: int) -> None:
        shards.laion(path, 30, start=5)

    outcome = apply(lists.of_urls(shards.url(7)), [path.parent], tmp_path / "out", progress=replace)
    assert [f.error for f in outcome.errors] == ["dataset-changed"]
    assert outcome.files == 0


def test_a_full_disk_is_an_error_of_the_file_and_leaves_no_part(tmp_path, monkeypatch):
    shards.laion(tmp_path / "in" / "0.parquet")
    shards.laion(tmp_path / "in" / "1.parquet", start=50)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    outcome = apply(lists.of_urls(shards.url(0)), [tmp_path / "in"], tmp_path / "out")
    assert [f.error for f in outcome.errors] == ["io-error", "io-error"]
    assert "No space left" in outcome.errors[0].message
    assert not [name for name in tree(tmp_path / "out") if name.endswith(".part")]


def test_pictures_alone_have_nothing_to_join(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.jpg").write_bytes(shards.picture(1))
    assert [f.error for f in plan(lists.of_urls(), [tmp_path / "in"]).errors] == ["dataset-not-rewritable"]


@pytest.mark.parametrize("out", ["in", "in/clean", "in/part.parquet", "in/../in"])
def test_the_result_can_never_touch_an_original(tmp_path, out):
    shards.laion(tmp_path / "in" / "part.parquet")
    before = tree(tmp_path)
    with pytest.raises(UsageError):
        apply(lists.of_urls(shards.url(0)), [tmp_path / "in"], tmp_path / out)
    with pytest.raises(UsageError):
        apply(lists.of_urls(shards.url(0)), [tmp_path / "in" / "part.parquet"], tmp_path / "in")
    assert tree(tmp_path) == before


def test_progress_ends_where_it_said(tmp_path):
    shards.img2dataset(tmp_path / "in", shards=2)
    seen: list[tuple[int, int]] = []
    plan(lists.of_urls(), [tmp_path / "in"], progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (12, 12)


RUN = """
import sys
from pathlib import Path
from factories import lists, shards
from takedown.apply import apply
apply(lists.of_urls(*[shards.url(n) for n in range(0, 60_000, 7)]), [Path(sys.argv[1])], Path(sys.argv[2]))
"""


def test_killed_at_random_every_file_is_old_or_new_and_a_rerun_finishes(tmp_path):
    for number in range(4):
        shards.laion(tmp_path / "in" / f"{number}.parquet", 15_000, start=15_000 * number, group=2_000)
    before = tree(tmp_path / "in")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}

    def start(out: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", RUN, tmp_path / "in", out], env=environment)

    began = time.monotonic()
    assert start(tmp_path / "whole").wait() == 0
    took = time.monotonic() - began
    whole = tree(tmp_path / "whole")
    # A result of an older list stands there already: each file must be that or the new one.
    apply(lists.of_urls(shards.url(1)), [tmp_path / "in"], tmp_path / "out")
    old = tree(tmp_path / "out")
    chance = random.Random(4)
    for _ in range(8):
        process = start(tmp_path / "out")
        time.sleep(took * chance.uniform(0.5, 1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        now = {
            name: content for name, content in tree(tmp_path / "out").items() if not name.endswith(".part")
        }
        assert all(content in (old[name], whole[name]) for name, content in now.items())
        assert now.keys() == whole.keys()
    assert start(tmp_path / "out").wait() == 0
    assert tree(tmp_path / "out") == whole
    assert tree(tmp_path / "in") == before
