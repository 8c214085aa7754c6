"""The table of removed rows: asked for, complete, joinable with the list, and readable by nobody else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import lists, shards

from takedown.apply import apply, deal
from takedown.errors import UsageError
from takedown.keys import url_sha256


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for number in range(3):
        shards.laion(tmp_path / "in" / f"{number}.parquet", start=40 * number, nulls=(41,))
    return tmp_path / "in"


LISTED = lists.of_urls(shards.url(3), shards.url(19), shards.url(82))


def rows(table: Path) -> list[tuple[str, int, str, str]]:
    read = pq.read_table(table)
    assert read.column_names == ["file", "row", "kind", "digest"]
    return [(Path(row["file"]).name, row["row"], row["kind"], row["digest"]) for row in read.to_pylist()]


def expected() -> list[tuple[str, int, str, str]]:
    return [
        (name, row, "url_sha256", url_sha256(shards.url(number)).hex())
        for name, row, number in (("0.parquet", 3, 3), ("0.parquet", 19, 19), ("2.parquet", 2, 82))
    ]


@pytest.mark.parametrize("workers", [1, 3])
def test_each_removed_row_is_in_it_once(copy, tmp_path, workers):
    table = tmp_path / "removed.parquet"
    apply(LISTED, [copy], tmp_path / "out", removed=table, workers=workers)
    assert rows(table) == expected()
    assert table.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out", "removed.parquet"]


def test_every_kind_and_the_digest_of_the_entry_that_named_the_row(tmp_path):
    records = shards.img2dataset(tmp_path / "in", shards=1, rows=6, failed=())[0]
    listed = lists.of_urls(records[0]["url"], prefix_hex=7)
    listed.digests["img_sha256"] = [records[1]["sha256"]]
    listed.digests["img_md5"] = [records[0]["md5"], records[2]["md5"]]
    line = f"{records[3]['url']}\n{records[3]['caption']}".encode()
    listed.digests["row_sha256"] = [hashlib.sha256(line).hexdigest()]
    table = tmp_path / "removed.parquet"
    apply(listed, [tmp_path / "in"], tmp_path / "out", ledger=tmp_path / "ledger", removed=table)
    assert rows(table) == [
        ("00000.tar", 0, "url_sha256", url_sha256(records[0]["url"]).hex()[:7]),
        ("00000.tar", 1, "img_sha256", records[1]["sha256"][:7]),
        ("00000.tar", 2, "img_md5", records[2]["md5"][:7]),
        ("00000.tar", 3, "row_sha256", hashlib.sha256(line).hexdigest()[:7]),
    ]


def test_nothing_removed_is_an_empty_table(copy, tmp_path):
    apply(lists.of_urls(), [copy], tmp_path / "out", removed=tmp_path / "removed.parquet")
    assert rows(tmp_path / "removed.parquet") == []


def test_no_earlier_table_is_overwritten(copy, tmp_path):
    (tmp_path / "removed.parquet").write_text("the only record")
    with pytest.raises(UsageError) as caught:
        apply(LISTED, [copy], tmp_path / "out", removed=tmp_path / "removed.parquet")
    assert caught.value.slug == "removed-exists"
    assert (tmp_path / "removed.parquet").read_text() == "the only record"
    assert not (tmp_path / "out" / "0.parquet").exists()


def test_a_table_that_cannot_be_written_is_said_before_anything_is_done(copy, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        apply(LISTED, [copy], tmp_path / "out", removed=tmp_path / "file" / "removed.parquet")
    assert caught.value.slug == "removed-not-writable"


@pytest.mark.parametrize("in_place", [False, True])
def test_after_an_interruption_it_is_as_complete(copy, tmp_path, monkeypatch, in_place):
    table = tmp_path / "removed.parquet"
    place = {"in_place": True, "ledger": tmp_path / "ledger"} if in_place else {"out": tmp_path / "out"}
    real = deal.scan

    def scan(terms, job, tell):
        if job.shard.path.name == "2.parquet":
            raise KeyboardInterrupt
        return real(terms, job, tell)

    with monkeypatch.context() as patch:
        patch.setattr(deal, "scan", scan)
        with pytest.raises(KeyboardInterrupt):
            apply(LISTED, [copy], removed=table, workers=1, **place)
    assert not table.exists()
    parts = tmp_path / ".removed.parquet.parts"
    assert {path.stat().st_mode & 0o777 for path in (parts, *parts.iterdir())} == {0o700, 0o600}
    outcome = apply(LISTED, [copy], removed=table, workers=1, **place)
    assert outcome.resumed == 2
    assert rows(table) == expected()


def test_a_result_made_without_the_table_is_made_again_for_it(copy, tmp_path):
    apply(LISTED, [copy], tmp_path / "out")
    outcome = apply(LISTED, [copy], tmp_path / "out", removed=tmp_path / "removed.parquet")
    assert outcome.resumed == 0
    assert rows(tmp_path / "removed.parquet") == expected()


def test_it_joins_with_the_list_and_holds_no_address(copy, tmp_path):
    table = tmp_path / "removed.parquet"
    apply(LISTED, [copy], tmp_path / "out", removed=table)
    entries = pa.table({"digest": LISTED.entries("url_sha256")})
    joined = pq.read_table(table).join(entries, "digest", join_type="inner")
    assert joined.num_rows == 3
    assert b"host-" not in table.read_bytes()
