"""What docs/fingerprint-tables.md says about tables is true of a table: columns, metadata, SQL."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from factories import shards

from takedown.dataset.fingerprints import SCHEMA
from takedown.hashing import hash_shards, layout

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "fingerprint-tables.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    shards.img2dataset(folder / "images", shards=2, rows=4)
    (folder / "laion").mkdir()
    for shard in range(2):
        table = pq.read_table(folder / "images" / f"{shard:05}.parquet")
        named = table.rename_columns([{"url": "URL"}.get(name, name) for name in table.column_names])
        pq.write_table(named, folder / "laion" / f"{shard:05}.parquet")
    hash_shards([folder / "images"], folder / "tables", workers=1)
    return folder


def test_every_query_of_the_page_runs(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    counts, lines, rules, joined = (duckdb.execute(query).fetchall() for query in QUERIES)
    assert counts == [(6, 6, 6, 0, 0)]
    assert [len(line[0]) for line in lines] == [64] * 5
    assert [(key, count) for key, _, count in rules] == [
        ("takedown.borders", 2),
        ("takedown.fingerprints", 2),
        ("takedown.pipeline", 2),
    ]
    assert len(joined) == 6
    assert all(url.startswith("https://pictures.example/") for url, _, _ in joined)


def test_columns_and_metadata_are_those_of_a_table(place: Path) -> None:
    schema = pq.read_schema(place / "tables" / "00000.parquet")
    rows = re.findall(r"^\| (.*?) \|", PAGE, re.M)
    named = [name for row in rows for name in re.findall(r"`([a-z0-9_.]+)`", row)]
    assert named == [*SCHEMA.names, *(key.decode() for key in schema.metadata if key != b"ARROW:schema")]


def test_what_stays_on_the_machine_is_named(place: Path) -> None:
    there = {path.name for path in (place / "tables").iterdir() if path.suffix != ".parquet"}
    assert there == {layout.SOURCES, ".lock"} == set(re.findall(r"`(\.[a-z.]+)`", PAGE))
    assert f"{layout.PIECE_PICTURES:,}" in PAGE
