"""Rewriting Parquet files that others wrote: odd types, odd writers, and what must not stay behind."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from takedown.dataset import open_source
from takedown.dataset.atomic import Pending
from takedown.dataset.parquet_options import DictionarySize, dictionary_size
from takedown.errors import BadDataset

URLS = ["https://secret.example/0", "u1", None, "u3", "u4", "u5"]


def rewritten(path: Path, removed: list[int]) -> Path:
    out = path.parent / "out"
    with Pending() as pending:
        (shard,) = open_source(path).shards
        shard.rewrite(np.array(removed, np.int64), out, pending)
        pending.place()
    return out / path.name


def cells(file: pq.ParquetFile) -> list[dict[str, object]]:
    """Group by group, since pyarrow reads lists of dictionaries only so."""
    groups = range(file.metadata.num_row_groups)
    return [row for group in groups for row in file.read_row_group(group).to_pylist()]


COLUMNS = {
    "view": pa.array(["a" * 20, None] * 3, pa.string_view()),
    "bytes view": pa.array([b"\xff", None] * 3, pa.binary_view()),
    "list view": pa.array([[1], None] * 3, pa.list_view(pa.int32())),
    "large list": pa.array([["a"], None] * 3, pa.large_list(pa.large_string())),
    "fixed list": pa.array([[1, 2], None] * 3, pa.list_(pa.int16(), 2)),
    "half": pa.array([1.5, None] * 3, pa.float16()),
    "wide decimal": pa.array([Decimal("1.25"), None] * 3, pa.decimal256(50, 2)),
    "duration": pa.array([1, None] * 3, pa.duration("ms")),
    "nanoseconds": pa.array([1000, None] * 3, pa.timestamp("ns", "Europe/Berlin")),
    "time": pa.array([1, None] * 3, pa.time64("us")),
    "day": pa.array([datetime.date(2026, 11, 22), None] * 3),
    "unsigned": pa.array([2**63, None] * 3, pa.uint64()),
    "nothing": pa.nulls(6),
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([uuid.UUID(int=5).bytes] * 6, pa.binary(16))),
    "json": pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}", None] * 3)),
    "word": pa.array(["x", None] * 3).dictionary_encode(),
    "ordered": pa.DictionaryArray.from_arrays(pa.array([0, 1] * 3, pa.int8()), ["low", "high"], ordered=True),
    "words": pa.ListArray.from_arrays(range(7), pa.array(["x", "y"] * 3).dictionary_encode()),
    "structs": pa.array([[{"a": 1, "b": {"c": ["x"]}}], None] * 3),
    "map of maps": pa.array(
        [[("k", [("l", 1)])], None] * 3, pa.map_(pa.string(), pa.map_(pa.string(), pa.int8()))
    ),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("note", [True, False], ids=["with Arrow's schema", "without"])
def test_every_type_comes_through(tmp_path, name, note):
    path = tmp_path / "a.parquet"
    table = pa.table({name: COLUMNS[name], "URL": URLS})
    pq.write_table(table, path, row_group_size=4, store_schema=note)
    before, after = pq.ParquetFile(path), pq.ParquetFile(rewritten(path, [0, 3]))
    assert after.schema_arrow.equals(before.schema_arrow, check_metadata=True)
    assert after.schema.equals(before.schema)
    assert after.metadata.metadata == before.metadata.metadata
    rows = cells(before)
    assert cells(after) == [rows[n] for n in (1, 2, 4, 5)]


@pytest.mark.parametrize("name", ["view", "fixed list", "uuid", "word", "words", "structs"])
def test_duckdb_reads_what_was_rewritten(tmp_path, name):
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": COLUMNS[name], "URL": URLS}), path, row_group_size=4, compression="zstd")
    new = rewritten(path, [0, 3])
    with duckdb.connect() as connection:
        old_rows, new_rows = (connection.execute(f"FROM '{file}'").fetchall() for file in (path, new))
    assert new_rows == [old_rows[n] for n in (1, 2, 4, 5)]


def test_a_file_that_duckdb_wrote_keeps_types_encodings_and_bloom_filters(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "a.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT 'u' || i AS URL, i AS n, i / 7 AS share, ['a', 'b'][i % 2 + 1] AS word, "
            "uuid() AS id, {'x': [i]} AS nested, i::HUGEINT AS big, "
            "TIMESTAMP '2026-11-22' AS at, ('n' || i % 3)::ENUM('n0', 'n1', 'n2') AS choice "
            f"FROM range(5000) r(i)) TO '{path}' (FORMAT parquet, PARQUET_VERSION v2, ROW_GROUP_SIZE 2048)"
        )
        new = rewritten(path, [0, 2048, 4999])
        rows = connection.execute(f"FROM '{path}'").fetchall()
        assert connection.execute(f"FROM '{new}'").fetchall() == [
            row for n, row in enumerate(rows) if n not in (0, 2048, 4999)
        ]
    before, after = pq.ParquetFile(path).metadata, pq.ParquetFile(new).metadata
    for i in range(before.num_columns):
        old, now = before.row_group(0).column(i), after.row_group(0).column(i)
        assert (old.bloom_filter_offset is None) == (now.bloom_filter_offset is None), old.path_in_schema
        assert {e for e in old.encodings if "DELTA" in e or "SPLIT" in e} <= set(now.encodings)


def test_a_type_that_would_be_lost_is_refused(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "a.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 'u' AS URL, INTERVAL 1 SECOND AS span) TO '{path}'")
    with pytest.raises(BadDataset) as caught:
        rewritten(path, [0])
    assert caught.value.slug == "dataset-not-rewritable"
    assert not list((tmp_path / "out").iterdir())


def test_columns_of_one_name_come_through(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.Table.from_arrays([pa.array(range(6)), pa.array(URLS), pa.array(["x"] * 6)], ["a", "URL", "a"])
    pq.write_table(table, path)
    after = pq.ParquetFile(rewritten(path, [0])).read()
    assert after.equals(table.slice(1))


def test_the_address_may_be_of_every_text_type(tmp_path):
    raw = pa.array([url and url.encode() for url in ["u00", "u10", None, "u30"]], pa.binary())
    for number, kind in enumerate(
        [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view()]
    ):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table({"URL": raw.cast(kind)}), path)
        (shard,) = open_source(path).shards
        assert next(shard.rows()).url_bytes.to_pylist() == raw.to_pylist()
        assert pq.read_table(rewritten(path, [0]))["URL"].type == kind
    pq.write_table(pa.table({"URL": raw.cast(pa.binary(3))}), tmp_path / "fixed.parquet")
    (shard,) = open_source(tmp_path / "fixed.parquet").shards
    assert next(shard.rows()).url_bytes.to_pylist() == raw.to_pylist()


@pytest.mark.parametrize(
    "make",
    [
        lambda words: words,
        lambda words: words.dictionary_encode(),
        lambda words: pa.ListArray.from_arrays(range(len(words) + 1), words.dictionary_encode()),
        lambda words: pa.StructArray.from_arrays([words.dictionary_encode()], ["x"]),
    ],
    ids=["text", "dictionary", "list of dictionary", "struct of dictionary"],
)
def test_nothing_of_a_removed_row_stays_in_the_file(tmp_path, make):
    words = pa.array([f"secret{n}" for n in range(3)] + [f"word{n}" for n in range(9)])
    path = tmp_path / "a.parquet"
    table = pa.table({"URL": [f"u{n}" for n in range(12)], "x": make(words)})
    pq.write_table(
        table,
        path,
        compression="none",
        row_group_size=6,
        write_page_index=True,
        bloom_filter_options={"URL": {"ndv": 100, "fpp": 0.01}},
    )
    assert b"secret" in path.read_bytes()
    new = rewritten(path, [0, 1, 2])
    assert b"secret" not in new.read_bytes()
    assert b"u2" not in new.read_bytes()
    chunk = pq.ParquetFile(new).metadata.row_group(0).column(0)
    assert chunk.bloom_filter_offset is not None
    assert chunk.has_column_index


def test_a_dictionary_that_did_not_pay_is_not_begun_again(tmp_path):
    path, count = tmp_path / "a.parquet", 60_000
    table = pa.table(
        {
            "URL": [f"https://pictures.example/{n:060d}" for n in range(count)],
            "n": range(count),
            "word": ["yes", "no", "perhaps"] * (count // 3),
        }
    )
    pq.write_table(table, path, row_group_size=30_000)
    new = rewritten(path, [7])
    group = pq.ParquetFile(new).metadata.row_group(0)
    assert [group.column(i).has_dictionary_page for i in range(3)] == [False, False, True]
    assert pq.read_table(new).equals(pa.concat_tables([table.slice(0, 7), table.slice(8)]))


@given(st.binary(max_size=64))
def test_any_bytes_in_place_of_a_page_header_are_no_harm(head):
    size = dictionary_size(head)
    assert size is None or isinstance(size, DictionarySize)


def test_an_encrypted_file_is_refused_with_a_sentence(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"URL": URLS}), path)
    path.write_bytes(path.read_bytes()[:-4] + b"PARE")
    with pytest.raises(BadDataset, match="encrypted") as caught:
        open_source(path)
    assert caught.value.slug == "dataset-encrypted"


@pytest.mark.parametrize("groups", [0, 1])
def test_a_file_without_rows_is_rewritten(tmp_path, groups):
    path = tmp_path / "a.parquet"
    schema = pa.schema([("URL", pa.string()), ("n", pa.list_(pa.int8()))], metadata={"a": "b"})
    with pq.ParquetWriter(path, schema) as writer:
        for _ in range(groups):
            writer.write_table(schema.empty_table())
    new = pq.ParquetFile(rewritten(path, []))
    assert (new.metadata.num_rows, new.schema_arrow) == (0, schema)


@pytest.mark.parametrize("says", [0, 2, 5])
def test_a_footer_that_hides_rows_is_refused(tmp_path, says):
    """Other readers go by the row groups, and would find rows there that a scan never saw."""
    path = tmp_path / "0.parquet"
    pq.write_table(pa.table({"url": [f"u{n}" for n in range(4)]}), path, row_group_size=2)
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    # Field 3 of FileMetaData, a 64-bit number in zigzag, before the list of row groups.
    footer = content[start:].replace(b"\x16\x08\x19", bytes([0x16, 2 * says, 0x19]), 1)
    path.write_bytes(content[:start] + footer)
    assert pq.read_metadata(path).num_rows == says
    with pytest.raises(BadDataset) as caught:
        open_source(path)
    assert caught.value.slug == "dataset-row-count"
