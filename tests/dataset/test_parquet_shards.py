"""Parquet sources: columns by alias, drifting types, random access, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import shards
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown.dataset import open_source
from takedown.dataset.atomic import Pending
from takedown.errors import BadDataset

SHA = "ab" * 32


def one(path: Path, columns: dict[str, object]):
    pq.write_table(pa.table(columns), path)
    shard = open_source(path).shards[0]
    return next(iter(shard.rows()))


@pytest.mark.parametrize("alias", ["URL", "url"])
@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())],
)
def test_the_address_is_found_under_its_aliases_and_in_every_text_type(tmp_path, alias, kind):
    values = pa.array(["http://a.example/1", None, "http://a.example/1"], pa.string())
    values = values.dictionary_encode() if pa.types.is_dictionary(kind) else values.cast(kind)
    batch = one(tmp_path / "a.parquet", {alias: values})
    assert batch.url.to_pylist() == ["http://a.example/1", None, "http://a.example/1"]
    assert batch.url_bytes.to_pylist() == [b"http://a.example/1", None, b"http://a.example/1"]


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.float64(), pa.float32(), pa.string()])
def test_sizes_are_whole_numbers_whatever_their_type(tmp_path, kind):
    cells = pa.array([512, None, 7], pa.int64()).cast(kind)
    batch = one(tmp_path / "a.parquet", {"url": ["a", "b", "c"], "WIDTH": cells})
    assert batch.width.to_pylist() == [512, None, 7]


def test_not_a_number_is_null(tmp_path):
    cells = pa.array([float("nan"), float("inf"), 3.0])
    batch = one(tmp_path / "a.parquet", {"url": ["a", "b", "c"], "HEIGHT": cells})
    assert batch.height.to_pylist() == [None, None, 3]


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        (SHA, bytes.fromhex(SHA)),
        (SHA.upper(), bytes.fromhex(SHA)),
        (SHA[:-2], None),
        (SHA[:-2] + "zz", None),
        (SHA[:-4] + " abc", None),
        (" " * 64, None),
        ("", None),
        (None, None),
    ],
)
def test_malformed_digests_are_null(tmp_path, cell, read):
    batch = one(tmp_path / "a.parquet", {"url": ["a"], "sha256": pa.array([cell], pa.string())})
    assert batch.sha256.to_pylist() == [read]


def test_raw_digests_are_taken_as_they_are(tmp_path):
    raw = pa.array([bytes(16), b"short"], pa.binary())
    assert one(tmp_path / "a.parquet", {"url": ["a", "b"], "md5": raw}).md5.to_pylist() == [bytes(16), None]


def test_laions_hash_column_is_no_digest(tmp_path):
    batch = one(tmp_path / "a.parquet", {"URL": ["a"], "hash": [SHA]})
    assert (batch.sha256, batch.md5, batch.sha1, batch.pdq, batch.phash) == (None,) * 5


def test_an_address_that_is_not_utf8_keeps_its_bytes(tmp_path):
    batch = one(tmp_path / "a.parquet", {"url": pa.array([b"\xff\xfe", b"ok"], pa.binary())})
    assert batch.url.to_pylist() == [None, "ok"]
    assert batch.url_bytes.to_pylist() == [b"\xff\xfe", b"ok"]


def test_a_file_without_an_address_names_the_columns_it_has(tmp_path):
    pq.write_table(pa.table({"image_url": ["a"], "TEXT": ["b"]}), tmp_path / "a.parquet")
    with pytest.raises(BadDataset, match="image_url, TEXT") as caught:
        open_source(tmp_path / "a.parquet")
    assert caught.value.slug == "dataset-no-url-column"


def _two_addresses(path: Path) -> None:
    pq.write_table(pa.table({"URL": ["a"], "url": ["b"]}), path)


def _number_address(path: Path) -> None:
    pq.write_table(pa.table({"URL": [1]}), path)


def _many_columns(path: Path) -> None:
    names = [f"c{i}" for i in range(10_001)]
    pq.write_table(pa.Table.from_arrays([pa.array([1])] * len(names), names), path)


def _truncated(path: Path) -> None:
    shards.laion(path, 500)
    path.write_bytes(path.read_bytes()[:-200])


def _bad_footer(path: Path) -> None:
    shards.laion(path, 5)
    content = bytearray(path.read_bytes())
    content[-60:-20] = b"\xff" * 40
    path.write_bytes(bytes(content))


def _huge_footer(path: Path) -> None:
    path.write_bytes(b"PAR1" + bytes(100) + (2**31).to_bytes(4, "little") + b"PAR1")


def _fingerprint_table(path: Path) -> None:
    pq.write_table(pa.table({"url_sha256": [SHA], "pdq": [SHA]}), path)


@pytest.mark.parametrize(
    ("make", "slug"),
    [
        (_two_addresses, "dataset-ambiguous-column"),
        (_many_columns, "dataset-too-many-columns"),
        (_truncated, "dataset-unreadable"),
        (_bad_footer, "dataset-unreadable"),
        (_huge_footer, "dataset-unreadable"),
        (lambda path: path.write_bytes(b""), "dataset-unreadable"),
        (lambda path: path.write_bytes(b"PAR1"), "dataset-unreadable"),
        (lambda path: path.write_text("<html>"), "dataset-unreadable"),
        (_fingerprint_table, "dataset-fingerprint-table"),
    ],
)
def test_what_cannot_be_used_is_refused_when_it_is_opened(tmp_path, make, slug):
    path = tmp_path / "a.parquet"
    make(path)
    with pytest.raises(BadDataset) as caught:
        open_source(path)
    assert caught.value.slug == slug
    assert caught.value.sentence.endswith(".")


def test_damaged_pages_are_found_when_they_are_read(tmp_path):
    path = tmp_path / "a.parquet"
    shards.laion(path, 3000, group=1000)
    content = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(1).column(1).dictionary_page_offset
    content[start : start + 500] = b"\xff" * 500
    path.write_bytes(bytes(content))
    with pytest.raises(BadDataset) as caught:
        list(open_source(path).shards[0].rows(columns=["url", "width", "caption"]))
    assert caught.value.slug == "dataset-unreadable"


def test_an_address_of_another_type_is_refused_when_it_is_read(tmp_path):
    _number_address(tmp_path / "a.parquet")
    with pytest.raises(BadDataset) as caught:
        list(open_source(tmp_path / "a.parquet").shards[0].rows())
    assert caught.value.slug == "dataset-column-type"


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_random_access_agrees_with_reading_through(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("access") / "a.parquet"
    count = data.draw(st.integers(1, 40))
    table = shards.laion(path, count, group=data.draw(st.integers(1, 15)))
    shard = open_source(path).shards[0]
    batches = list(shard.rows(data.draw(st.integers(1, 50))))
    assert [url for b in batches for url in b.url.to_pylist()] == table["URL"].to_pylist()
    assert [b.first for b in batches] == [sum(b.num_rows for b in batches[:i]) for i in range(len(batches))]
    numbers = data.draw(st.lists(st.integers(0, count - 1), max_size=20))
    rows = shard.read_rows(numbers)
    assert [row.url for row in rows] == [table["URL"][n].as_py() for n in numbers]
    assert [row.caption for row in rows] == [table["TEXT"][n].as_py() for n in numbers]
    assert [row.width for row in rows] == [table["WIDTH"][n].as_py() for n in numbers]
    assert [row.row_in_source for row in rows] == numbers


def test_random_access_reads_only_the_row_groups_it_needs(tmp_path, monkeypatch):
    shards.laion(tmp_path / "a.parquet", 100, group=10)
    shard = open_source(tmp_path / "a.parquet").shards[0]
    read: list[int] = []
    original = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda self, i, **k: read.append(i) or original(self, i, **k)
    )
    shard.read_rows([55, 3, 57])
    assert read == [0, 5]


def test_a_row_that_is_not_there_is_refused(tmp_path):
    shards.laion(tmp_path / "a.parquet", 3)
    with pytest.raises(BadDataset) as caught:
        open_source(tmp_path / "a.parquet").shards[0].read_rows([3])
    assert caught.value.slug == "dataset-no-such-row"


def test_the_stamp_notices_a_changed_source(tmp_path):
    path = tmp_path / "a.parquet"
    shards.laion(path, 10)
    before = open_source(path).shards[0].stamp()
    assert open_source(path).shards[0].stamp() == before
    shards.laion(path, 10, start=1)
    assert open_source(path).shards[0].stamp() != before


def test_the_real_sample_is_read(laion_sample):
    shard = open_source(laion_sample).shards[0]
    assert shard.num_rows == 982
    assert shard.read_rows([0])[0].url == next(iter(shard.rows())).url[0].as_py()


@pytest.mark.parametrize("columns", [["URL", "TEXT"], ["TEXT", "URL"], ["URL"], ["URL", "a.b"]])
def test_a_rewrite_after_a_scan_gives_the_same_file(tmp_path: Path, columns: list[str]) -> None:
    """The address column is not read a second time, wherever it stands."""
    rows = 5_000
    made = {name: [None if row % 7 == 3 else f"{name} {row}" for row in range(rows)] for name in columns}
    pq.write_table(pa.table(made), tmp_path / "x.parquet", row_group_size=1_700)
    removed = np.arange(0, rows, 11)
    written = []
    for number, kept in enumerate((False, True)):
        [shard] = open_source(tmp_path / "x.parquet").shards
        if kept:
            shard.keep_for_rewrite()
        for _ in shard.rows(batch_size=999, columns=("url",)):
            pass
        with Pending() as pending:
            shard.rewrite(removed, tmp_path / str(number), pending)
            pending.place()
        written.append((tmp_path / str(number) / "x.parquet").read_bytes())
    assert written[0] == written[1]


def test_nothing_is_kept_of_a_scan_unless_it_is_wanted(tmp_path: Path, monkeypatch: Any) -> None:
    pq.write_table(pa.table({"URL": ["a"] * 100, "n": range(100)}), tmp_path / "x.parquet")

    def column(wanted: bool) -> Any:
        [shard] = open_source(tmp_path / "x.parquet").shards
        if wanted:
            shard.keep_for_rewrite()
        for _ in shard.rows(columns=("url",)):
            pass
        return shard._address.column(100)

    assert column(wanted=False) is None
    assert column(wanted=True) is not None
    monkeypatch.setattr("takedown.dataset.remembered.MOST_BYTES", 10)
    assert column(wanted=True) is None


def test_a_name_that_is_not_utf8_is_said_to_be_the_reason(tmp_path):
    shards.laion(tmp_path / "0.parquet")
    path = (tmp_path / "0.parquet").rename(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.parquet")))
    with pytest.raises(BadDataset) as caught:
        open_source(path)
    assert caught.value.slug == "dataset-name-not-utf8"
    assert "\\udcff" in caught.value.sentence
