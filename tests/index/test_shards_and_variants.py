"""Every shard has a name of its own; size variants are found behind many copies of the address itself."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from takedown.index import build_index, open_index
from takedown.index.rows import RowReader
from takedown.keys import keys


def _parquet(file: Path, urls: list[str], captions: list[bytes | None] | None = None) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    table = {"URL": pa.array(urls)}
    if captions is not None:
        # Written as text without a check, as broken writers do.
        table["TEXT"] = pa.array(captions, pa.binary()).view(pa.string())
    pq.write_table(pa.table(table), file)


def test_shards_of_several_sources_have_names_of_their_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _parquet(tmp_path / name / "0.parquet", [f"https://{name}.example/x.jpg"])
    build_index(tmp_path / "i", [tmp_path / "a" / "0.parquet", tmp_path / "b"])
    rows = open_index(tmp_path / "i").rows([0, 1])
    assert [(row.source, row.row_in_source) for row in rows] == [("a/0.parquet", 0), ("b/0.parquet", 0)]


def test_a_single_source_keeps_the_names_of_its_shards(tmp_path: Path) -> None:
    _parquet(tmp_path / "a" / "part" / "0.parquet", ["https://a.example/x.jpg"])
    build_index(tmp_path / "i", [tmp_path / "a"])
    assert open_index(tmp_path / "i").rows([0])[0].source == "part/0.parquet"


def test_a_variant_is_found_behind_a_thousand_rows_of_the_address(tmp_path: Path) -> None:
    same, variant = "https://a.example/photo.jpg", "https://a.example/photo-300x200.jpg"
    _parquet(tmp_path / "a" / "0.parquet", [same] * 1000 + [variant])
    build_index(tmp_path / "i", [tmp_path / "a"])
    assert [(hit.row, hit.how) for hit in open_index(tmp_path / "i").find_family(same)] == [
        (1000, "size-variant")
    ]


def test_a_caption_that_is_no_text_gets_no_caption_key(tmp_path: Path) -> None:
    _parquet(tmp_path / "a" / "0.parquet", ["https://a.example/x.jpg"] * 2, [b"\xff\xfe", None])
    build_index(tmp_path / "i", [tmp_path / "a"])
    broken, empty = open_index(tmp_path / "i").rows([0, 1])
    assert keys(broken, "caption") == ()
    assert [key.kind for key in keys(empty, "caption")] == ["row_sha256"]
    assert [key.kind for key in keys(broken, "address")] == ["url_sha256"]


def test_an_index_without_sources_has_no_rows() -> None:
    assert RowReader([]).total == 0
