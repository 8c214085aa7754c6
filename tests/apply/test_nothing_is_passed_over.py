"""What could hold a listed row is read, or named as not read: never passed over in silence."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import lists, shards

from takedown.apply.check import check

LISTED = "https://pictures.example/listed.jpg"


def clean(*sources: Path) -> bool:
    """Whether a check of these finds nothing, and nothing that it could not read."""
    return check(lists.of_urls(LISTED), sources, workers=1).clean


def table(path: Path, *urls: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"url": urls, "key": [str(n) for n in range(len(urls))]}), path)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy without a listed row."""
    table(tmp_path / "copy" / "0.parquet", "https://pictures.example/fine.jpg")
    assert clean(tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.parametrize("name", [".0.parquet", ".old/part/0.parquet", ".cache/00000.tar", ".urls.csv.gz"])
def test_what_is_hidden_and_named_like_rows_is_named(copy: Path, name: str) -> None:
    table(copy / name, LISTED)
    found = check(lists.of_urls(LISTED), [copy], workers=1)
    assert [failure.error for failure in found.outcome.errors] == ["dataset-not-followed"]
    assert "hidden" in found.outcome.errors[0].message


@pytest.mark.parametrize("name", [".git/config", ".notes.txt", "._0.parquet", ".takedown.lock"])
def test_other_hidden_files_are_not(copy: Path, name: str) -> None:
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_bytes(b"x")
    assert clean(copy)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([{"url": LISTED}]),
        json.dumps([{"caption": "c", "URL": LISTED}], indent=2),
        json.dumps({"URL": LISTED}) + "\n" + json.dumps({"URL": "x"}) + "\n",
    ],
)
def test_json_that_looks_like_a_list_is_named(copy: Path, content: str) -> None:
    (copy / "urls.json").write_text(content)
    assert not clean(copy)


def test_json_about_a_dataset_is_not(copy: Path) -> None:
    about = {"url": "https://datasets.example/laion", "rows": 1}
    (copy / "dataset_info.json").write_text(json.dumps(about, indent=2))
    (copy / "0_stats.json").write_text(json.dumps({"count": 1}))
    assert clean(copy)


def test_a_folder_beside_a_table_of_its_name_is_looked_into(tmp_path: Path) -> None:
    """A table of a folder's name is its sidecar only where samples lie in it, and nothing else."""
    table(tmp_path / "copy" / "part" / "0.parquet", LISTED)
    table(tmp_path / "copy.parquet", "https://pictures.example/fine.jpg")
    assert check(lists.of_urls(LISTED), [tmp_path / "copy"], workers=1).outcome.removed == 1


def test_a_folder_of_samples_stands_for_its_sidecar(tmp_path: Path) -> None:
    records = shards.plain_files(tmp_path / "copy", shards=2)
    listed = lists.of_urls(records[1][0]["url"])
    assert check(listed, [tmp_path / "copy" / "00000"], workers=1).clean
    assert check(listed, [tmp_path / "copy" / "00001"], workers=1).outcome.removed == 1
