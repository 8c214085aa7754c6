"""What `apply` leaves of a Parquet file: exactly the rows that are not listed, and all else as it was."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import lists
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown.apply import apply, plan

DECIMAL = st.integers(-(10**8), 10**8).map(lambda n: Decimal(n).scaleb(-2))
FIELDS = {
    "int": (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "float": (pa.float32(), st.floats(width=32, allow_nan=False)),
    "text": (pa.large_string(), st.text(max_size=8)),
    "bytes": (pa.binary(), st.binary(max_size=8)),
    "fixed": (pa.binary(3), st.binary(min_size=3, max_size=3)),
    "flag": (pa.bool_(), st.booleans()),
    "day": (pa.date32(), st.dates()),
    "time": (pa.timestamp("us", "UTC"), st.integers(0, 2**40)),
    "price": (pa.decimal128(12, 2), DECIMAL),
    "word": (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["a", "b", "c"])),
    "list": (pa.list_(pa.int64()), st.lists(st.integers(0, 9), max_size=3)),
    "struct": (
        pa.struct([("x", pa.int8()), ("y", pa.list_(pa.string()))]),
        st.fixed_dictionaries({"x": st.integers(0, 9), "y": st.lists(st.text(max_size=3), max_size=2)}),
    ),
    "map": (
        pa.map_(pa.string(), pa.int32()),
        st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=2),
    ),
}
CODECS = ["NONE", "SNAPPY", "GZIP", "ZSTD", "LZ4", "BROTLI"]


@st.composite
def tables(draw) -> pa.Table:
    """Any columns in any order around the address."""
    rows = draw(st.integers(1, 25))
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), unique=True, max_size=4))
    columns = {}
    for name in names:
        kind, values = FIELDS[name]
        cells = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        columns[name] = pa.array(cells, kind)
    urls = (
        st.none() | st.sampled_from(["http://a/", "http://A/", "", " http://a/", "é"]) | st.text(max_size=5)
    )
    columns["URL"] = pa.array(draw(st.lists(urls, min_size=rows, max_size=rows)), pa.string())
    order = draw(st.permutations(sorted(columns)))
    table = pa.table({name: columns[name] for name in order})
    return table.replace_schema_metadata(draw(st.sampled_from([None, {"license": "CC-BY", "n": "1"}])))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_exactly_the_listed_rows_go_and_the_others_stay_equal(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("apply")
    table = data.draw(tables())
    codec = data.draw(st.sampled_from(CODECS))
    group = data.draw(st.integers(1, 10))
    pq.write_table(table, folder / "in.parquet", compression=codec, row_group_size=group)
    present = [url for url in table["URL"].to_pylist() if url is not None]
    listed = data.draw(st.sets(st.sampled_from(present))) if present else set()
    before = (folder / "in.parquet").read_bytes()

    outcome = apply(lists.of_urls(*listed), [folder / "in.parquet"], folder / "out")

    keep = [url not in listed for url in table["URL"].to_pylist()]
    result = pq.ParquetFile(folder / "out" / "in.parquet")
    assert result.read().to_pylist() == table.filter(pa.array(keep)).to_pylist()
    stored = pq.ParquetFile(folder / "in.parquet").schema_arrow
    assert result.schema_arrow.equals(stored, check_metadata=True)
    assert (outcome.rows_in, outcome.rows_out) == (len(keep), sum(keep))
    assert outcome.null_urls == table["URL"].null_count
    assert (folder / "in.parquet").read_bytes() == before
    kept_groups = [sum(keep[i : i + group]) for i in range(0, len(keep), group)]
    groups = [result.metadata.row_group(i).num_rows for i in range(result.metadata.num_row_groups)]
    assert groups == (
        [n for n in kept_groups if n]
        if listed
        else [len(keep[i : i + group]) for i in range(0, len(keep), group)]
    )
    source = pq.ParquetFile(folder / "in.parquet").metadata
    if groups:
        for i in range(source.num_columns):
            old, new = source.row_group(0).column(i), result.metadata.row_group(0).column(i)
            assert (old.path_in_schema, old.compression) == (new.path_in_schema, new.compression)
            assert old.has_dictionary_page == new.has_dictionary_page
    counted = plan(lists.of_urls(*listed), [folder / "in.parquet"])
    assert (counted.rows_out, counted.removed_by_kind, counted.bytes_read) == (
        outcome.rows_out,
        outcome.removed_by_kind,
        outcome.bytes_read,
    )


def rewritten(folder: Path, table: pa.Table, **options) -> tuple[pq.ParquetFile, pq.ParquetFile]:
    """(before, after) of a file whose first row is listed."""
    pq.write_table(table, folder / "a.parquet", **options)
    apply(lists.of_urls("u0"), [folder / "a.parquet"], folder / "out")
    return pq.ParquetFile(folder / "a.parquet"), pq.ParquetFile(folder / "out" / "a.parquet")


def test_codec_dictionary_and_statistics_stay_per_column(tmp_path):
    table = pa.table({"URL": ["u0", "u1"], "a": [1, 2], "b": [[1], [2]]})
    old, new = rewritten(
        tmp_path,
        table,
        compression={"URL": "ZSTD", "a": "NONE", "b.list.element": "GZIP"},
        use_dictionary=["a"],
        write_statistics=["URL"],
        version="2.4",
        write_page_index=True,
    )
    for i in range(3):
        before, after = old.metadata.row_group(0).column(i), new.metadata.row_group(0).column(i)
        for field in (
            "path_in_schema",
            "compression",
            "has_dictionary_page",
            "is_stats_set",
            "has_column_index",
        ):
            assert getattr(before, field) == getattr(after, field), field
    assert new.metadata.format_version == old.metadata.format_version


@pytest.mark.parametrize(
    "options",
    [
        {"use_deprecated_int96_timestamps": True},
        {"version": "1.0", "use_deprecated_int96_timestamps": True},
        {"store_decimal_as_integer": True},
        {"use_compliant_nested_type": False},
        {"store_schema": False},
        {"version": "2.4"},
    ],
)
def test_the_types_in_the_file_stay(tmp_path, options):
    table = pa.table(
        {
            "URL": ["u0", "u1"],
            "time": pa.array([1, 2], pa.timestamp("us")),
            "price": pa.array([Decimal("1.5"), None], pa.decimal128(8, 2)),
            "list": [[1], [2]],
        }
    )
    old, new = rewritten(tmp_path, table, **options)
    assert str(new.metadata.schema).split("\n", 1)[1] == str(old.metadata.schema).split("\n", 1)[1]
    assert new.schema_arrow.equals(old.schema_arrow, check_metadata=True)
    assert set(new.metadata.metadata or {}) == set(old.metadata.metadata or {})
    assert new.read().equals(old.read().slice(1))


def test_the_sort_order_stays_noted(tmp_path):
    order = [pq.SortingColumn(0)]
    old, new = rewritten(tmp_path, pa.table({"URL": ["u0", "u1"]}), sorting_columns=order)
    assert new.metadata.row_group(0).sorting_columns == old.metadata.row_group(0).sorting_columns


def test_a_file_of_which_nothing_stays_is_still_a_file(tmp_path):
    old, new = rewritten(tmp_path, pa.table({"URL": ["u0", "u0"], "n": [1, 2]}))
    assert (new.metadata.num_rows, new.schema_arrow) == (0, old.schema_arrow)


@pytest.mark.parametrize(
    "variant",
    [
        "HTTP://a.example/x",
        "http://a.example/x ",
        "http://a.example:80/x",
        "http://a.example/%7ex",
        "http://a.example/x#",
    ],
)
def test_another_spelling_is_another_address(tmp_path, variant):
    pq.write_table(pa.table({"URL": ["http://a.example/x", variant]}), tmp_path / "a.parquet")
    apply(lists.of_urls("http://a.example/x"), [tmp_path / "a.parquet"], tmp_path / "out")
    assert pq.read_table(tmp_path / "out" / "a.parquet")["URL"].to_pylist() == [variant]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_every_kind_joins_its_column_and_a_row_counts_once_under_the_first(tmp_path):
    table = pa.table(
        {
            "URL": ["u0", "u1", "u2", "u3", None, None, "u6"],
            "TEXT": ["c", "c1", None, "c", "c4", None, "c"],
            "sha256": [sha("f0"), None, None, sha("f3").upper(), None, sha("f5"), "bad"],
            "md5": [None, None, None, "aa" * 16, None, None, "bb" * 16],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    listed = lists.FakeBlocklist(
        {
            "url_sha256": [sha("u0")],
            "row_sha256": [sha("u0\nc"), sha("u1\nc1"), sha("u2\n"), sha("u3\nother"), sha("\n")],
            "img_sha256": [sha("f0"), sha("f3"), sha("f5")],
            "img_md5": ["aa" * 16, "bb" * 16],
        }
    )
    outcome = apply(listed, [tmp_path / "a.parquet"], tmp_path / "out", ledger=tmp_path / "ledger")
    assert outcome.removed_by_kind == {"url_sha256": 1, "row_sha256": 2, "img_sha256": 2, "img_md5": 1}
    assert pq.read_table(tmp_path / "out" / "a.parquet")["TEXT"].to_pylist() == ["c4"]
    assert (outcome.null_urls, outcome.rows_in, outcome.rows_out) == (2, 7, 1)


@pytest.mark.parametrize("prefix", [1, 3, 7, 15, 16, 17, 40, 63, 64])
def test_shortened_entries_take_every_row_under_them(tmp_path, prefix):
    urls = [f"u{n}" for n in range(300)]
    pq.write_table(
        pa.table({"URL": urls, "md5": [hashlib.md5(u.encode()).hexdigest() for u in urls]}),
        tmp_path / "a.parquet",
    )
    listed = lists.of_urls("u5", "u250", prefix_hex=prefix)
    listed.digests["img_md5"] = [hashlib.md5(b"u7").hexdigest()]
    outcome = apply(listed, [tmp_path / "a.parquet"], tmp_path / "out", ledger=tmp_path / "ledger")
    entries, md5s = set(listed.entries("url_sha256")), set(listed.entries("img_md5"))
    gone = [
        u for u in urls if sha(u)[:prefix] in entries or hashlib.md5(u.encode()).hexdigest()[:prefix] in md5s
    ]
    kept = pq.read_table(tmp_path / "out" / "a.parquet")["URL"].to_pylist()
    assert kept == [u for u in urls if u not in gone]
    assert outcome.rows_out == len(kept)


def test_duckdbs_anti_join_agrees(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    rng = np.random.default_rng(1)
    urls = [None if n % 11 == 0 else f"http://h{n % 7}.example/ä{rng.integers(400)}" for n in range(3000)]
    pq.write_table(pa.table({"n": range(3000), "URL": urls}), tmp_path / "a.parquet", row_group_size=700)
    for prefix in (64, 2):
        listed = lists.of_urls(*[u for u in urls[:60] if u], prefix_hex=prefix)
        apply(listed, [tmp_path / "a.parquet"], tmp_path / "out")
        blocklist = pa.table(
            {
                "kind": ["url_sha256"] * len(listed.entries("url_sha256")),
                "digest": listed.entries("url_sha256"),
            }
        )
        con = duckdb.connect()
        con.register("blocklist", blocklist)
        expected = con.execute(
            f"SELECT d.n FROM read_parquet('{tmp_path}/a.parquet') d WHERE NOT EXISTS (SELECT 1 FROM "
            "blocklist b WHERE b.kind = 'url_sha256' "
            f"AND b.digest = substr(sha256(d.URL), 1, {prefix})) ORDER BY d.n"
        ).fetchall()
        assert pq.read_table(tmp_path / "out" / "a.parquet")["n"].to_pylist() == [n for (n,) in expected]
        assert 0 < len(expected) < 3000
