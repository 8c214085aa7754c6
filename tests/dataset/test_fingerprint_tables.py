"""Fingerprint tables: written to the byte, read as what a stranger sends."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from takedown.dataset import Stamp
from takedown.dataset import columns as cols
from takedown.dataset.fingerprints import (
    MIN_QUALITY,
    SCHEMA,
    FingerprintTable,
    finished,
    open_fingerprints,
    write_fingerprints,
)
from takedown.errors import BadDataset
from takedown.fingerprint import PIPELINE
from takedown.index import MIN_PDQ_QUALITY

STAMP = Stamp(1234, "ab" * 32)
COUNTS = {"pictures": 3, "readable": 2, "unreadable": 1, "low_quality": 1}
URLS = [b"https://a.example/1.jpg", b"https://a.example/2.jpg", None]
ADDRESSES = [None if url is None else hashlib.sha256(url).digest() for url in URLS]
COLUMNS: dict[str, list[Any]] = {
    "url_sha256": ADDRESSES,
    "sha256": [bytes([n]) * 32 for n in range(3)],
    "md5": [bytes([n]) * 16 for n in range(3)],
    "pdq": [b"p" * 32, None, None],
    "quality": [100, 12, None],
    "phash": [b"h" * 8, None, None],
    "width": [640, 10, None],
    "height": [480, 20, None],
}


def read(path: Path) -> dict[str, list[Any]]:
    """All lines of all tables, column by column."""
    found: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    for table in open_fingerprints(path):
        for batch in table.batches(2):
            assert batch.schema == SCHEMA
            for name, column in zip(SCHEMA.names, batch.columns, strict=True):
                found[name] += column.to_pylist()
    return found


def write(path: Path, table: dict[str, Any], **about: str) -> Path:
    """A Parquet file by someone else, with our keys in its metadata where given."""
    schema_free = pa.table(table)
    metadata = {f"takedown.{key}": value for key, value in about.items()}
    pq.write_table(schema_free.replace_schema_metadata(metadata), path)
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "t.parquet"
    write_fingerprints(path, COLUMNS, STAMP, COUNTS)
    assert read(path) == COLUMNS
    assert [file.name for file in path.parent.iterdir()] == ["t.parquet"]
    (table,) = open_fingerprints(path)
    assert (table.num_rows, table.pipeline, table.sentence()) == (3, PIPELINE, None)


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_fingerprints(tmp_path / name, COLUMNS, STAMP, COUNTS)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_finished_table_is_known_by_its_stamp_and_its_rules(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    assert finished(path, STAMP) is None
    write_fingerprints(path, COLUMNS, STAMP, COUNTS)
    assert finished(path, STAMP) == COUNTS
    assert finished(path, Stamp(1235, STAMP.digest)) is None
    assert finished(path, Stamp(1234, "cd" * 32)) is None


@pytest.mark.parametrize("key", ["pipeline", "borders", "fingerprints", "stamp", "counts"])
def test_a_table_by_other_rules_is_not_finished(tmp_path: Path, key: str) -> None:
    path = tmp_path / "t.parquet"
    write_fingerprints(path, COLUMNS, STAMP, COUNTS)
    table = pq.read_table(path)
    metadata = dict(table.schema.metadata) | {f"takedown.{key}".encode(): b"[]"}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    assert finished(path, STAMP) is None
    path.write_bytes(path.read_bytes()[:-9])
    assert finished(path, STAMP) is None


def test_a_folder_of_tables_is_read_by_name_and_at_any_depth(tmp_path: Path) -> None:
    for number, name in enumerate(("b/2.parquet", "a/1.PARQUET", "c.parquet", "a/.hidden.parquet")):
        write_fingerprints(tmp_path / name, COLUMNS | {"width": [number + 1] * 3}, STAMP, COUNTS)
    (tmp_path / "notes.txt").write_text("not a table")
    assert read(tmp_path)["width"] == [2] * 3 + [1] * 3 + [3] * 3


@pytest.mark.parametrize("spelling", ["URL", "url"])
def test_a_collection_of_md5_beside_addresses_is_joined_by_the_exact_address(
    tmp_path: Path, spelling: str
) -> None:
    md5 = [b"\1" * 16, b"\2" * 16, None]
    path = write(
        tmp_path / "md5.parquet",
        {spelling: [url and url.decode() for url in URLS], "md5": [m and m.hex().upper() for m in md5]},
    )
    found = read(path)
    assert found["url_sha256"] == ADDRESSES
    assert found["md5"] == md5
    assert found["sha256"] == found["pdq"] == found["quality"] == found["width"] == [None] * 3


def test_keys_as_hex_are_read_as_raw_bytes_are(tmp_path: Path) -> None:
    texts = {
        name: [None if cell is None else cell.hex() for cell in COLUMNS[name]]
        for name in ("url_sha256", "sha256", "md5", "pdq", "phash")
    }
    sizes = {"pdq_quality": [100.0, 12.0, None], "WIDTH": [640.0, 10.0, None], "HEIGHT": [480, 20, None]}
    path = write(tmp_path / "hex.parquet", texts | sizes, pipeline=str(PIPELINE), fingerprints="1")
    assert read(path) == COLUMNS


def test_malformed_cells_are_null_and_counted(tmp_path: Path) -> None:
    good = "ab" * 16
    table = {
        "URL": ["u"] * 6,
        "md5": [good, good[:-1], "g" * 32, "", " " * 32, b"\xff".decode("latin-1") * 32],
        "quality": [101, -1, None, 50, 50, 50],
        "pdq": [b"p" * 32] * 4 + [b"p" * 31, b"p" * 64],
        "phash": [b"h" * 8] * 6,
        "width": [0, -5, 2**40, 1, 10**6, None],
    }
    path = write(tmp_path / "t.parquet", table, pipeline=str(PIPELINE))
    found = read(path)
    assert found["md5"] == [bytes.fromhex(good), None, None, None, None, None]
    assert found["quality"] == [None, None, None, 50, 50, 50]
    assert found["pdq"] == [None, None, None, b"p" * 32, None, None]
    assert found["phash"] == [None, None, None, b"h" * 8, b"h" * 8, b"h" * 8]
    assert found["width"] == [None, None, None, 1, 10**6, None]
    (opened,) = open_fingerprints(path)
    list(opened.batches())
    assert opened.ignored["malformed"] == 7
    assert "malformed cells were passed over, 7 of them" in str(opened.sentence())


def test_a_hash_of_little_detail_does_not_count(tmp_path: Path) -> None:
    assert MIN_QUALITY == MIN_PDQ_QUALITY
    table = {"URL": ["u"] * 3, "pdq": [b"p" * 32] * 3, "phash": [b"h" * 8] * 3, "quality": [49, 50, None]}
    found = read(write(tmp_path / "t.parquet", table, pipeline=str(PIPELINE)))
    assert found["pdq"] == [None, b"p" * 32, None]
    assert found["phash"] == [None, b"h" * 8, None]


@pytest.mark.parametrize("pipeline", [None, "0", str(PIPELINE + 1), "x" * 50])
def test_hashes_of_another_pipeline_are_left_out_and_said(tmp_path: Path, pipeline: str | None) -> None:
    columns = {name: cells for name, cells in COLUMNS.items() if any(cells)}
    path = write(tmp_path / "t.parquet", columns, **({} if pipeline is None else {"pipeline": pipeline}))
    (table,) = open_fingerprints(path)
    (batch,) = table.batches()
    assert batch.column("md5").to_pylist() == COLUMNS["md5"]
    assert batch.column("pdq").null_count == batch.column("phash").null_count == 3
    assert table.ignored["other_pipeline"] == 1
    assert "on 1 lines, cannot be compared" in str(table.sentence())
    assert f"version {PIPELINE}" in str(table.sentence())


@pytest.mark.parametrize(
    ("table", "slug"),
    [
        ({"URL": ["u"], "TEXT": ["t"]}, "fingerprints-no-digest"),
        ({"URL": ["u"], "pdq": [b"p" * 32]}, "fingerprints-no-digest"),
        ({"md5": ["ab" * 16]}, "fingerprints-no-address"),
        ({"key": ["k"]}, "fingerprints-no-address"),
        ({"URL": ["u"], "url": ["u"], "md5": ["ab" * 16]}, "dataset-ambiguous-column"),
    ],
)
def test_a_table_of_no_use_is_refused(tmp_path: Path, table: dict[str, Any], slug: str) -> None:
    with pytest.raises(BadDataset) as caught:
        open_fingerprints(write(tmp_path / "t.parquet", table))
    assert caught.value.slug == slug


def test_a_column_of_an_impossible_type_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", {"URL": ["u"], "md5": [7]})
    with pytest.raises(BadDataset) as caught:
        read(path)
    assert caught.value.slug == "dataset-column-type"


def test_a_table_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match="version '2'") as caught:
        open_fingerprints(write(tmp_path / "t.parquet", COLUMNS, fingerprints="2"))
    assert caught.value.slug == "fingerprints-version"


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(BadDataset) as caught:
            open_fingerprints(path)
        assert caught.value.slug == "fingerprints-not-found"


def test_a_damaged_table_gives_an_error_and_never_anything_else(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_fingerprints(path, {name: cells * 50 for name, cells in COLUMNS.items()}, STAMP, COUNTS)
    whole = path.read_bytes()
    for cut in (0, 3, 4, 11, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(BadDataset):
            read(path)
    path.write_bytes(whole)
    expected = read(path)
    data = len(whole) - int.from_bytes(whole[-8:-4], "little") - 8
    for at in range(0, len(whole), 17):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            found = read(path)
        except BadDataset:
            continue
        assert all(quality is None or 0 <= quality <= 100 for quality in found["quality"])
        assert found == expected or at >= data, "every page has a checksum"


def test_row_groups_that_unpack_to_too_much_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.parquet"
    write_fingerprints(path, COLUMNS, STAMP, COUNTS)
    monkeypatch.setattr("takedown.dataset.fingerprints.MAX_GROUP_BYTES", 100)
    with pytest.raises(BadDataset) as caught:
        FingerprintTable(path)
    assert caught.value.slug == "fingerprints-too-large"


# --- Reading digests --------------------------------------------------------------------------------------


def plainly(cell: bytes | None, width: int) -> bytes | None:
    """The rule, one cell at a time."""
    if cell is None or len(cell) == width:
        return cell
    try:
        raw = bytes.fromhex(cell.decode("ascii"))
    except ValueError:
        return None
    return raw if len(raw) == width and len(cell) == 2 * width else None


hexadecimal = st.text("0123456789abcdefABCDEF \ng", min_size=0, max_size=18).map(str.encode)


@given(
    st.lists(st.none() | st.binary(max_size=18) | hexadecimal, max_size=20),
    st.sampled_from([4, 8]),
    st.integers(0, 5),
    st.sampled_from([pa.binary(), pa.large_binary()]),
)
def test_digests_are_read_as_one_cell_at_a_time_says(
    cells: list[bytes | None], width: int, skipped: int, kind: pa.DataType
) -> None:
    column = pa.array(cells, kind).slice(min(skipped, len(cells)))
    found = cols.digests(column, width)
    found.validate(full=True)
    assert found.type == pa.binary(width)
    assert found.to_pylist() == [plainly(cell, width) for cell in column.to_pylist()]
    assert cols.digests(found, width) == found
