"""Where the result may go, what stands there after a failure, and what a kill can leave behind."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
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


def assert_refused(tmp_path: Path, sources: list[Path], out: Path) -> None:
    """Neither plan nor apply agrees, and nothing changes."""
    before = tree(tmp_path)
    listed = lists.of_urls(shards.url(0), shards.url(50))
    for run in (lambda: plan(listed, sources, out=out), lambda: apply(listed, sources, out)):
        with pytest.raises(UsageError) as caught:
            run()
        assert caught.value.slug == "out-is-source"
        assert tree(tmp_path) == before


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    """d/a/x.parquet and d/b/y.parquet."""
    shards.laion(tmp_path / "d" / "a" / "x.parquet")
    shards.laion(tmp_path / "d" / "b" / "y.parquet", start=50)
    return [tmp_path / "d" / "a" / "x.parquet", tmp_path / "d" / "b" / "y.parquet"]


def test_the_folder_that_two_sources_have_in_common_is_refused(tmp_path, two):
    assert_refused(tmp_path, [path.parent for path in two], tmp_path / "d")
    assert_refused(tmp_path, two, tmp_path / "d")


def test_a_link_inside_the_result_that_leads_to_a_source_is_refused(tmp_path, two):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(two[0].parent)
    assert_refused(tmp_path, [path.parent for path in two], tmp_path / "out")


def test_a_link_to_a_folder_inside_a_source_is_refused(tmp_path, two):
    (two[0].parent / "deeper").mkdir()
    (tmp_path / "out").symlink_to(two[0].parent / "deeper")
    assert_refused(tmp_path, [two[0].parent], tmp_path / "out")


def test_the_folder_that_linked_files_lie_in_is_refused(tmp_path):
    shards.laion(tmp_path / "blobs" / "x.parquet")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.parquet").symlink_to(tmp_path / "blobs" / "x.parquet")
    assert_refused(tmp_path, [tmp_path / "in"], tmp_path / "blobs")


def test_a_source_further_up_does_not_lead_out_of_the_result(tmp_path, monkeypatch):
    shards.laion(tmp_path / "c" / "x.parquet")
    shards.laion(tmp_path / "y.parquet", start=50)
    shards.laion(tmp_path / "c" / "y.parquet", start=90)
    monkeypatch.chdir(tmp_path / "c")
    before = tree(tmp_path)
    listed = lists.of_urls(shards.url(0), shards.url(50))
    outcome = apply(listed, ["x.parquet", "../y.parquet"], Path("clean"))
    assert (outcome.files, outcome.removed, outcome.errors) == (2, 2, [])
    assert sorted(tree(tmp_path / "c" / "clean")) == ["c/x.parquet", "y.parquet"]
    assert {name: content for name, content in tree(tmp_path).items() if "clean" not in name} == before


def test_two_files_for_one_place_are_refused(tmp_path, monkeypatch):
    shards.laion(tmp_path / "real" / "folder" / "x.parquet")
    shards.laion(tmp_path / "real" / "y.parquet", start=50)
    shards.laion(tmp_path / "c" / "y.parquet", start=90)
    (tmp_path / "c" / "link").symlink_to(tmp_path / "real" / "folder")
    monkeypatch.chdir(tmp_path / "c")
    with pytest.raises(UsageError) as caught:
        apply(lists.of_urls(), ["y.parquet", "link/../y.parquet"], tmp_path / "out")
    assert caught.value.slug == "out-ambiguous"


RUN = """
import os, signal, sys
from pathlib import Path
from factories import lists, shards
from takedown.apply import apply

real = os.replace
os.replace = lambda a, b: os.kill(os.getpid(), signal.SIGKILL) if str(b).endswith("0.parquet") else real(a, b)
apply(lists.of_urls(shards.url(int(sys.argv[3]))), [Path(sys.argv[1])], Path(sys.argv[2]))
"""


@pytest.mark.parametrize(("first", "then"), [(999, 3), (3, 999), (3, 4)])
def test_killed_before_the_rename_and_run_with_another_list_the_original_stays(tmp_path, first, then):
    """999 is of no row, so the file is linked; the temporary name of the other run must not be written to."""
    shards.laion(tmp_path / "in" / "0.parquet")
    before = tree(tmp_path / "in")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    command = [sys.executable, "-c", RUN, tmp_path / "in", tmp_path / "out", str(first)]
    assert subprocess.run(command, env=environment).returncode == -signal.SIGKILL
    left = [name for name in tree(tmp_path / "out") if name.endswith(".part")]
    assert len(left) == 1
    outcome = apply(lists.of_urls(shards.url(then)), [tmp_path / "in"], tmp_path / "out")
    assert tree(tmp_path / "in") == before
    assert outcome.removed == (then != 999)
    assert list(tree(tmp_path / "out")) == ["0.parquet"]
    assert pq.read_table(tmp_path / "out" / "0.parquet").num_rows == 20 - outcome.removed


def test_a_link_that_cannot_be_put_in_place_is_taken_away(tmp_path, monkeypatch):
    shards.laion(tmp_path / "in" / "0.parquet")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert [f.error for f in apply(lists.of_urls(), [tmp_path / "in"], tmp_path / "out").errors] == [
            "io-error"
        ]
    assert tree(tmp_path / "out") == {}


def _changed(folder: Path):
    return lambda *_: shards.laion(folder / "0.parquet", 30, start=5)


def _damaged(folder: Path):
    (folder / "0.parquet").write_bytes(b"PAR1")


def _gone(folder: Path):
    (folder / "0.parquet").unlink()


@pytest.mark.parametrize(
    ("spoil", "slug"),
    [(_changed, "dataset-changed"), (_damaged, "dataset-unreadable"), (_gone, "dataset-not-found")],
)
def test_a_shard_that_fails_leaves_no_older_result(tmp_path, spoil, slug):
    shards.laion(tmp_path / "in" / "0.parquet")
    source = tmp_path / "in" / "0.parquet"
    apply(lists.of_urls(shards.url(0)), [source], tmp_path / "out")
    assert list(tree(tmp_path / "out")) == ["0.parquet"]
    old = tree(tmp_path / "out")["0.parquet"]
    progress = spoil(tmp_path / "in")
    outcome = apply(lists.of_urls(shards.url(7)), [source], tmp_path / "out", progress=progress)
    assert [f.error for f in outcome.errors] == [slug, "result-stale"]
    # Set aside, not deleted: it may be the only copy by now.
    assert tree(tmp_path / "out") == {".0.parquet.stale": old}
    shards.laion(source)
    assert apply(lists.of_urls(), [source], tmp_path / "out").errors == []
    assert tree(tmp_path / "out") == tree(tmp_path / "in")


def test_a_damaged_sidecar_leaves_neither_a_new_tar_nor_an_old_one(tmp_path):
    records = shards.img2dataset(tmp_path / "in", shards=1)
    apply(lists.of_urls(), [tmp_path / "in"], tmp_path / "out")
    sidecar = tmp_path / "in" / "00000.parquet"
    content = bytearray(sidecar.read_bytes())
    # The damage is in a column that no list speaks about: only writing the sidecar anew meets it.
    names = pq.ParquetFile(sidecar).schema_arrow.names
    chunk = pq.ParquetFile(sidecar).metadata.row_group(1).column(names.index("original_height"))
    start = chunk.dictionary_page_offset
    content[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    sidecar.unlink()  # the result is a link to it
    sidecar.write_bytes(bytes(content))
    outcome = apply(lists.of_urls(records[0][0]["url"]), [tmp_path / "in"], tmp_path / "out")
    assert [f.error for f in outcome.errors] == ["dataset-unreadable", "result-stale"]
    assert list(tree(tmp_path / "out")) == [".00000.parquet.stale"]


def test_a_tar_whose_sidecar_lost_its_key_leaves_no_older_result(tmp_path):
    shards.img2dataset(tmp_path / "in", shards=1)
    apply(lists.of_urls(), [tmp_path / "in"], tmp_path / "out")
    sidecar = tmp_path / "in" / "00000.parquet"
    table = pq.read_table(sidecar).drop_columns("key")
    sidecar.unlink()
    pq.write_table(table, sidecar)
    outcome = apply(lists.of_urls(), [tmp_path / "in"], tmp_path / "out")
    assert [f.error for f in outcome.errors] == ["dataset-no-key-column", "result-stale"]
    assert list(tree(tmp_path / "out")) == [".00000.parquet.stale"]


def test_a_tar_that_does_not_fit_its_sidecar_is_never_passed_as_clean(tmp_path):
    """No row of the sidecar is listed, but the tar may hold anything."""
    shards.img2dataset(tmp_path / "in", shards=2)
    sidecar = tmp_path / "in" / "00000.parquet"
    pq.write_table(pq.read_table(sidecar).slice(1), sidecar)
    tar = tmp_path / "in" / "00001.tar"
    tar.write_bytes(tar.read_bytes()[:2000])
    outcome = apply(lists.of_urls(), [tmp_path / "in"], tmp_path / "out")
    assert [f.error for f in outcome.errors] == ["tar-unknown-key", "tar-truncated"]
    assert tree(tmp_path / "out") == {}


@pytest.mark.parametrize("run", ["plan", "apply"])
def test_what_a_folder_hides_behind_links_is_named(tmp_path, run):
    shards.laion(tmp_path / "real" / "x.parquet", start=50)
    shards.laion(tmp_path / "in" / "0.parquet")
    (tmp_path / "in" / "part").symlink_to(tmp_path / "real")
    (tmp_path / "in" / "z.parquet").symlink_to(tmp_path / "nowhere")
    listed = lists.of_urls(shards.url(50))
    sources = [tmp_path / "in"]
    outcome = plan(listed, sources) if run == "plan" else apply(listed, sources, tmp_path / "out")
    assert sorted((f.error, Path(f.file).name) for f in outcome.errors) == [
        ("dataset-not-followed", "part"),
        ("dataset-not-followed", "z.parquet"),
    ]
    assert outcome.files == 1


def test_a_second_run_waits_and_says_so(tmp_path):
    shards.laion(tmp_path / "in" / "0.parquet")
    (tmp_path / "out").mkdir()
    waits = threading.Event()
    with (tmp_path / "out" / ".takedown.lock").open("ab") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = threading.Thread(
            target=apply,
            args=(lists.of_urls(), [tmp_path / "in"], tmp_path / "out"),
            kwargs={"waiting": waits.set},
        )
        second.start()
        assert waits.wait(10)
        assert tree(tmp_path / "out") == {}
    second.join(10)
    assert list(tree(tmp_path / "out")) == ["0.parquet"]


def test_a_result_that_cannot_be_written_is_a_wrong_call(tmp_path):
    shards.laion(tmp_path / "in" / "0.parquet")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        apply(lists.of_urls(), [tmp_path / "in"], tmp_path / "file" / "out")
    assert caught.value.slug == "out-not-writable"
