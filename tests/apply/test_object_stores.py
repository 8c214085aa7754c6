"""Shards in an object store: only what has a listed row is fetched and written, and nothing is lost."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import lists, shards

from takedown.apply import apply, remote, remote_restore
from takedown.apply.outcome import Outcome
from takedown.dataset.remote import list_shards
from takedown.errors import BadDataset, MissingExtra, UsageError

BASE = "memory://bucket/laion"


class Bucket:
    """The store, and what was asked of it."""

    def __init__(self) -> None:
        self.files = fsspec.filesystem("memory")
        self.files.store.clear()
        self.files.pseudo_dirs[:] = [""]

    def parquet(self, name: str, urls: list[str | None]) -> None:
        sink = io.BytesIO()
        pq.write_table(pa.table({"URL": urls, "n": list(range(len(urls)))}), sink)
        self.files.pipe_file(f"/bucket/laion/{name}", sink.getvalue())

    def upload(self, folder: Path) -> None:
        for file in folder.iterdir():
            self.files.pipe_file(f"/bucket/laion/{file.name}", file.read_bytes())

    def names(self, base: str = "/bucket/laion") -> list[str]:
        return sorted(path.removeprefix(f"{base}/") for path in self.files.find(base))

    def urls(self, name: str, base: str = "/bucket/laion") -> list[str | None]:
        content = self.files.cat_file(f"{base}/{name}")
        return list(pq.read_table(io.BytesIO(content))["URL"].to_pylist())

    def content(self) -> dict[str, bytes]:
        return {name: self.files.cat_file(f"/bucket/laion/{name}") for name in self.names()}


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    found = Bucket()
    for shard in range(3):
        found.parquet(f"part/{shard}.parquet", [f"https://x.example/{shard}/{row}" for row in range(5)])
    yield found
    found.files.store.clear()


LISTED = lists.of_urls("https://x.example/1/2", "https://x.example/1/4")


def _run(tmp_path: Path, listing: Any = LISTED, **options: Any) -> Outcome:
    folders = {"work": tmp_path / "work", "ledger": tmp_path / "ledger"}
    return remote.run(listing, [BASE], **(folders | options))


def test_a_plan_counts_and_writes_nothing(bucket: Bucket, tmp_path: Path) -> None:
    before = bucket.content()
    outcome = _run(tmp_path, planning=True)
    assert (outcome.rows_in, outcome.removed, outcome.files, outcome.errors) == (15, 2, 3, [])
    assert bucket.content() == before


def test_elsewhere_only_shards_with_hits_are_written(bucket: Bucket, tmp_path: Path) -> None:
    before = bucket.content()
    outcome = _run(tmp_path, out="memory://bucket/clean")
    assert (outcome.removed, outcome.rows_out) == (2, 13)
    assert bucket.names("/bucket/clean") == ["part/1.parquet"]
    assert bucket.urls("part/1.parquet", "/bucket/clean") == [
        f"https://x.example/1/{row}" for row in (0, 1, 3)
    ]
    assert bucket.content() == before


def test_in_place_only_shards_with_hits_are_replaced(bucket: Bucket, tmp_path: Path) -> None:
    before = bucket.content()
    assert _run(tmp_path).removed == 2
    after = bucket.content()
    assert [name for name in before if after[name] != before[name]] == ["part/1.parquet"]
    assert bucket.urls("part/1.parquet") == [f"https://x.example/1/{row}" for row in (0, 1, 3)]
    assert _run(tmp_path).rows_in == 15  # noted by the first run, which it does not repeat
    assert _run(tmp_path, planning=True).removed == 0


def test_only_the_address_column_is_read_of_what_stays(
    bucket: Bucket, tmp_path: Path, monkeypatch: Any
) -> None:
    fetched: list[str] = []
    real = type(bucket.files).get_file
    monkeypatch.setattr(
        type(bucket.files), "get_file", lambda self, a, b, **k: (fetched.append(a), real(self, a, b, **k))[1]
    )
    _run(tmp_path)
    assert fetched == ["/bucket/laion/part/1.parquet"]


def test_img2dataset_shards_go_with_all_their_files(bucket: Bucket, tmp_path: Path) -> None:
    rows = shards.img2dataset(tmp_path / "copy")
    bucket.upload(tmp_path / "copy")
    listing = lists.of_urls(rows[1][3]["url"])
    assert _run(tmp_path, listing).removed == 1
    fetched = tmp_path / "fetched"
    [shard] = list_shards(f"{BASE}/00001.tar")
    shard.fetch(fetched)
    apply(listing, [tmp_path / "copy"], tmp_path / "clean")
    for name in ("00001.tar", "00001.parquet", "00001_stats.json"):
        assert (fetched / name).read_bytes() == (tmp_path / "clean" / name).read_bytes()


def test_a_tar_without_a_sidecar_is_fetched_to_be_looked_at(bucket: Bucket, tmp_path: Path) -> None:
    rows = shards.img2dataset(tmp_path / "copy", shards=1, sidecar=False, stats=False, failed=())
    bucket.upload(tmp_path / "copy")
    listing = lists.of_urls(rows[0][3]["url"])
    assert _run(tmp_path, listing, planning=True).removed == 1
    assert _run(tmp_path, listing).removed == 1
    assert _run(tmp_path, listing, planning=True).removed == 0


def test_rows_kept_aside_come_back(bucket: Bucket, tmp_path: Path) -> None:
    before = bucket.urls("part/1.parquet")
    listing = lists.FakeBlocklist(LISTED.digests, disposition="quarantine")
    assert _run(tmp_path, listing).quarantined == 2
    assert len(bucket.urls("part/1.parquet")) == 3
    newer = lists.FakeBlocklist({}, disposition="quarantine", seq=8)
    done = remote_restore.restore(newer, [BASE], work=tmp_path / "work", ledger=tmp_path / "ledger")
    assert (done.rows_restored, done.rows_kept, done.errors) == (2, 0, [])
    assert bucket.urls("part/1.parquet") == before


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_restore_that_could_not_upload_loses_no_row(
    bucket: Bucket, tmp_path: Path, monkeypatch: Any, when: str
) -> None:
    before = bucket.urls("part/1.parquet")
    _run(tmp_path, lists.FakeBlocklist(LISTED.digests, disposition="quarantine"))
    newer = lists.FakeBlocklist({}, disposition="quarantine", seq=8)
    real = type(bucket.files).put_file

    def broken(self: Any, *arguments: Any, **options: Any) -> None:
        if when == "after":
            real(self, *arguments, **options)
        raise OSError("the connection broke")

    def restored() -> Any:
        return remote_restore.restore(newer, [BASE], work=tmp_path / "work", ledger=tmp_path / "ledger")

    with monkeypatch.context() as patch:
        patch.setattr(type(bucket.files), "put_file", broken)
        assert [error.error for error in restored().errors] == ["io-error"]
        refused = ["restore-unfinished"] if when == "after" else []  # before, it has no listed row
        assert [error.error for error in _run(tmp_path, LISTED).errors] == refused
    assert restored().errors == []
    assert bucket.urls("part/1.parquet") == before


def test_a_shard_that_changes_meanwhile_is_not_overwritten(
    bucket: Bucket, tmp_path: Path, monkeypatch: Any
) -> None:
    real = type(bucket.files).get_file

    def changed(self: Any, path: str, target: str, **options: Any) -> None:
        real(self, path, target, **options)
        bucket.parquet("part/1.parquet", ["https://new.example/"])

    monkeypatch.setattr(type(bucket.files), "get_file", changed)
    assert [error.error for error in _run(tmp_path).errors] == ["dataset-changed"]
    assert bucket.urls("part/1.parquet") == ["https://new.example/"]


def test_one_bad_shard_does_not_stop_the_others(bucket: Bucket, tmp_path: Path) -> None:
    bucket.files.pipe_file("/bucket/laion/part/0.parquet", b"PAR1 and then nothing")
    outcome = _run(tmp_path)
    assert [(error.file, error.error) for error in outcome.errors] == [
        (f"{BASE}/part/0.parquet", "dataset-unreadable")
    ]
    assert outcome.removed == 2


def test_a_missing_address_column_is_a_hard_error(bucket: Bucket, tmp_path: Path) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"link": ["x"]}), sink)
    bucket.files.pipe_file("/bucket/laion/part/0.parquet", sink.getvalue())
    [error] = _run(tmp_path).errors
    assert (error.error, "link" in error.message) == ("dataset-no-url-column", True)


@pytest.mark.parametrize(
    ("address", "error", "says"),
    [
        ("s3://bucket/x", MissingExtra, "s3fs"),
        ("nonsense://bucket/x", UsageError, "s3://bucket/folder"),
    ],
)
def test_addresses_that_cannot_be_used(address: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        list_shards(address)


def test_nothing_there(bucket: Bucket) -> None:
    with pytest.raises(BadDataset, match="check the address"):
        list_shards("memory://bucket/elsewhere")


def test_the_result_cannot_go_over_the_sources(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="in-place"):
        _run(tmp_path, out=BASE)


def test_paths_and_addresses_do_not_mix(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name them apart"):
        remote.run(LISTED, [BASE, str(tmp_path)], work=tmp_path / "work", ledger=tmp_path / "ledger")


def test_nothing_of_the_rows_stays_on_this_disk(bucket: Bucket, tmp_path: Path) -> None:
    """Purged: the working folder is empty afterwards, and what is noted names no address of a row."""
    _run(tmp_path)
    left = [file for file in (tmp_path / "work").rglob("*") if file.is_file()]
    assert not any(b"x.example" in file.read_bytes() for file in left)
    digests = [hashlib.sha256(b"https://x.example/1/2").hexdigest().encode()]
    assert not any(digest in file.read_bytes() for file in left for digest in digests)
