"""Stores: no original is written over, nothing is passed over, a kill between two objects loses nothing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import lists, shards

from takedown.apply import remote, remote_restore
from takedown.apply.outcome import Outcome
from takedown.dataset.remote import RemoteShard, Store
from takedown.errors import UsageError

LISTED, FINE = "https://pictures.example/listed.jpg", "https://pictures.example/fine.jpg"


@pytest.fixture
def files() -> Iterator[Any]:
    """The store."""
    found = fsspec.filesystem("memory")
    found.store.clear()
    found.pseudo_dirs[:] = [""]
    yield found
    found.store.clear()


def put(files: Any, path: str, *urls: str, **columns: list[Any]) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"url": urls} | columns), sink)
    files.pipe_file(path, sink.getvalue())


def urls(files: Any, path: str) -> list[str]:
    found: list[str] = pq.read_table(io.BytesIO(files.cat_file(path)))["url"].to_pylist()
    return found


def run(folder: Path, *sources: str, listing: Any = None, **options: Any) -> Outcome:
    return remote.run(
        listing or lists.of_urls(LISTED), sources, work=folder / "work", ledger=folder / "ledger", **options
    )


@pytest.mark.parametrize("out", ["memory://a/b", "memory://a/b/../b", "memory://a//b", "memory:///a/new"])
def test_a_result_never_goes_among_its_sources(files: Any, tmp_path: Path, out: str) -> None:
    put(files, "/a/0.parquet", LISTED, FINE)
    put(files, "/a/b/0.parquet", FINE)
    with pytest.raises(UsageError) as caught:
        run(tmp_path, "memory://a", out=out)
    assert caught.value.slug == "out-is-source"
    assert urls(files, "/a/b/0.parquet") == [FINE]


def test_on_a_disk_however_the_folder_is_written(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    pq.write_table(pa.table({"url": [LISTED, FINE]}), source / "0.parquet")
    (tmp_path / "link").symlink_to(source)
    for out in (f"file://{tmp_path}/other/../in", f"file://{tmp_path}/link", f"local://{source}"):
        with pytest.raises(UsageError) as caught:
            run(tmp_path, f"file://{source}", out=out)
        assert caught.value.slug == "out-is-source"
    assert pq.read_metadata(source / "0.parquet").num_rows == 2


def test_two_results_do_not_meet(files: Any, tmp_path: Path) -> None:
    put(files, "/a/0.parquet", LISTED, FINE)
    put(files, "/b/0.parquet", LISTED)
    with pytest.raises(UsageError) as caught:
        run(tmp_path, "memory://a", "memory://b", out="memory://out")
    assert caught.value.slug == "out-ambiguous"


def test_objects_of_other_kinds_are_named(files: Any, tmp_path: Path) -> None:
    put(files, "/a/0.parquet", FINE)
    files.pipe_file("/a/urls.csv", f"url\n{LISTED}\n".encode())
    files.pipe_file("/a/README.md", b"about")
    [error] = run(tmp_path, "memory://a", planning=True).errors
    assert (error.error, "1 objects" in error.message, ".csv" in error.message) == (
        "files-not-read",
        True,
        True,
    )


@pytest.mark.parametrize("source", ["memory://a", "memory://a/00000.parquet"])
def test_rows_do_not_go_without_their_pictures(files: Any, tmp_path: Path, source: str) -> None:
    put(files, "/a/00000.parquet", LISTED, FINE, key=["1", "2"])
    files.pipe_file("/a/00000/1.jpg", b"picture")
    errors = [error.error for error in run(tmp_path, source).errors]
    assert errors[0] == "dataset-kind-unknown"
    assert urls(files, "/a/00000.parquet") == [LISTED, FINE]


def test_a_shard_replaced_while_it_was_read_is_not_believed_to_be_done(
    files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(files, "/a/0.parquet", FINE)
    read = RemoteShard.rows

    def replaced(self: RemoteShard, *given: Any, **options: Any) -> Iterator[Any]:
        yield from read(self, *given, **options)
        put(files, "/a/0.parquet", LISTED, FINE)

    with monkeypatch.context() as patch:
        patch.setattr(RemoteShard, "rows", replaced)
        assert [error.error for error in run(tmp_path, "memory://a").errors] == ["dataset-changed"]
    assert run(tmp_path, "memory://a").removed == 1
    assert urls(files, "/a/0.parquet") == [FINE]


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


@pytest.mark.parametrize("first", ["apply", "restore"])
@pytest.mark.parametrize("puts", [0, 1, 2])
def test_killed_between_the_objects_of_a_shard_its_samples_come_back(
    files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, puts: int, first: str
) -> None:
    records = shards.img2dataset(tmp_path / "in", shards=1)[0]
    for file in (tmp_path / "in").iterdir():
        files.pipe_file(f"/a/{file.name}", file.read_bytes())
    before = {path: files.cat_file(path) for path in files.find("/a")}
    listing = lists.of_urls(records[1]["url"])
    listing.disposition = "quarantine"
    done, put_one = [], Store.put

    def dying(self: Store, file: Path, name: str) -> int:
        if len(done) == puts:
            raise Killed
        done.append(name)
        return put_one(self, file, name)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put", dying)
        with pytest.raises(Killed):
            run(tmp_path, "memory://a", listing=listing)
    if first == "apply":
        assert run(tmp_path, "memory://a", listing=listing).errors == []
        assert records[1]["url"] not in urls(files, "/a/00000.parquet")
    newer = lists.FakeBlocklist({}, disposition="quarantine", seq=8)
    back = remote_restore.restore(newer, ["memory://a"], work=tmp_path / "work", ledger=tmp_path / "ledger")
    assert (back.rows_restored, back.errors) == (1, [])
    assert {path: files.cat_file(path) for path in files.find("/a")} == before
