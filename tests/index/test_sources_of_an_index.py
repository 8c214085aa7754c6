"""Which sources an index is made of: each shard once, and nothing passed over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from factories import shards

from takedown import cli
from takedown.errors import BadDataset
from takedown.index import build_index, open_index


def test_a_shard_that_a_glob_names_in_all_its_parts_is_indexed_once(tmp_path: Path) -> None:
    records = shards.img2dataset(tmp_path / "s", shards=2, rows=3, failed=())
    made = build_index(tmp_path / "index", sorted((tmp_path / "s").iterdir()))
    assert made.rows == 6
    index = open_index(tmp_path / "index")
    (hit,) = index.find_url(records[1][2]["url"])
    assert index.rows([hit.row])[0].url == records[1][2]["url"]


def test_plain_files_are_indexed_once_with_their_pictures(tmp_path: Path) -> None:
    records = shards.plain_files(tmp_path / "s", shards=2, rows=3, failed=(0,))
    made = build_index(tmp_path / "index", sorted((tmp_path / "s").iterdir()))
    assert made.rows == 6
    index = open_index(tmp_path / "index")
    (hit,) = index.find_url(records[1][2]["url"])
    assert index.rows([hit.row])[0].url == records[1][2]["url"]


def test_lists_of_addresses_are_indexed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("u0\nu1\n")
    (tmp_path / "b.csv").write_text("TEXT,url\nx,u2\n")
    assert build_index(tmp_path / "index", [tmp_path / "a.txt", tmp_path / "b.csv"]).rows == 3
    index = open_index(tmp_path / "index")
    assert [index.rows([hit.row])[0].caption for hit in index.find_url("u2")] == ["x"]


@pytest.mark.parametrize("again", ["x.parquet", "./x.parquet", "../in/x.parquet", "."])
def test_a_file_given_twice_is_indexed_once(tmp_path: Path, again: str, capsys) -> None:
    shards.laion(tmp_path / "in" / "x.parquet", 20)
    sources = [str(tmp_path / "in" / "x.parquet"), f"{tmp_path}/in/{again}"]
    assert cli.main(["index", "build", "--json", "--out", str(tmp_path / "index"), *sources]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 20
    assert open_index(tmp_path / "index").rows([19])[0].url == shards.url(19)


def test_a_folder_behind_a_link_stops_the_build(tmp_path: Path) -> None:
    shards.laion(tmp_path / "real" / "x.parquet")
    shards.laion(tmp_path / "in" / "0.parquet")
    (tmp_path / "in" / "part").symlink_to(tmp_path / "real")
    with pytest.raises(BadDataset) as caught:
        build_index(tmp_path / "index", [tmp_path / "in"])
    assert caught.value.slug == "dataset-not-followed"
    assert not (tmp_path / "index").exists()


def test_editing_the_stats_of_a_shard_leaves_its_index_alive(tmp_path: Path) -> None:
    records = shards.img2dataset(tmp_path / "in", shards=1, rows=3, failed=())
    build_index(tmp_path / "index", [tmp_path / "in"])
    (tmp_path / "in" / "00000_stats.json").write_text("{}")
    assert open_index(tmp_path / "index").rows([1])[0].url == records[0][1]["url"]
