"""An index that is damaged, of another version, or whose source is not what it was, says so."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portal.sample import Sample
from takedown.errors import BadIndex
from takedown.index import Coverage, Index, build_index, doubt, open_index

PART = {"folder": "parts/0001", "first": 0, "rows": 1, "coverage": {}, "by": None, "counts": {}}


@pytest.fixture
def copy(picture_index: Index, tmp_path: Path) -> Path:
    return Path(shutil.copytree(picture_index.folder, tmp_path / "copy"))


def arrays(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")


def edit_manifest(folder: Path, **changes: Any) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))


def test_a_copy_is_the_same_index(copy: Path, picture_index: Index) -> None:
    index = open_index(copy)
    index.verify()
    assert index.info == picture_index.info
    assert index.info.digest == hashlib.sha256((copy / "manifest.json").read_bytes()).hexdigest()


def test_a_flipped_byte_in_any_file_is_found_by_verify(copy: Path) -> None:
    for path in arrays(copy):
        content = bytearray(path.read_bytes())
        if not content:
            continue
        content[len(content) // 2] ^= 0x10
        path.write_bytes(content)
        with pytest.raises(BadIndex, match=path.name):
            open_index(copy).verify()
        content[len(content) // 2] ^= 0x10
        path.write_bytes(content)
    open_index(copy).verify()


@pytest.mark.parametrize("change", ["shorter", "longer", "gone"])
def test_a_file_of_another_length_is_found_when_opening(copy: Path, change: str) -> None:
    for path in arrays(copy):
        content = path.read_bytes()
        if change == "gone":
            path.unlink()
        elif change == "longer" or not content:
            path.write_bytes(content + b"\0")
        else:
            path.write_bytes(content[:-1])
        with pytest.raises(BadIndex, match="missing or damaged"):
            open_index(copy)
        path.write_bytes(content)
    open_index(copy)


@pytest.mark.parametrize("name", ["version", "canonical_version", "pipeline"])
@pytest.mark.parametrize("value", [0, 999, None, "1"])
def test_another_version_is_refused(copy: Path, name: str, value: object) -> None:
    edit_manifest(copy, **{name: value})
    with pytest.raises(BadIndex, match=f"another version of the program.*{name}"):
        open_index(copy)


@pytest.mark.parametrize(
    "changes",
    [
        {"structure": "something else"},
        {"files": {"../outside": [1, "00"]}},
        {"files": {"/etc/hostname": [1, "00"]}},
        {"files": ["exact/url/keys"]},
        {"sources": []},
        {"sources": None},
        {"sources": [{"path": "/x", "shards": [{"name": "a"}]}]},
        {"parts": None},
        {"parts": [{"folder": "parts/0001"}]},
        {"parts": [PART | {"folder": "../elsewhere"}]},
        {"parts": [PART | {"coverage": {"rows": "many"}}]},
        {"parts": [PART | {"coverage": {"unheard-of": 3}}]},
        {"parts": [PART | {"rows": 10**12}]},
        {"ancestors": 3},
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(copy: Path, changes: dict[str, Any]) -> None:
    edit_manifest(copy, **changes)
    with pytest.raises(BadIndex, match="damaged"):
        open_index(copy)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "\x00\x01"])
def test_a_manifest_that_is_no_json_is_refused(copy: Path, text: str) -> None:
    (copy / "manifest.json").write_text(text)
    with pytest.raises(BadIndex, match="damaged"):
        open_index(copy)


def test_what_is_no_index_is_refused(sample: Sample, tmp_path: Path) -> None:
    for folder in (sample.pictures, tmp_path / "nowhere", sample.try_folder / "original.jpg"):
        with pytest.raises(BadIndex, match="is not an index"):
            open_index(folder)


def write(path: Path, urls: list[str]) -> None:
    pq.write_table(pa.table({"url": urls, "pdq": ["00" * 32] * len(urls)}), path)


@pytest.mark.parametrize("change", ["replaced", "gone", "no Parquet"])
def test_rows_of_a_source_that_changed_are_not_shown(tmp_path: Path, change: str) -> None:
    source = tmp_path / "data" / "t.parquet"
    source.parent.mkdir()
    write(source, ["https://a.example/1", "https://a.example/2"])
    build_index(tmp_path / "x", [source.parent])
    opened_before = open_index(tmp_path / "x")
    assert opened_before.rows([1])[0].url == "https://a.example/2"
    if change == "gone":
        source.unlink()
    elif change == "no Parquet":
        source.write_bytes(b"x" * 10)
    else:
        write(source, ["https://b.example/1", "https://b.example/2"])
    for index in (opened_before, open_index(tmp_path / "x")):
        with pytest.raises(BadIndex, match=r"t\.parquet in .*moved or changed after this index was built"):
            index.rows([0])
        with pytest.raises(BadIndex, match="moved or changed"):
            index.find_url("https://a.example/1")
        assert len(index.find_near("pdq", bytes(32), 0)) == 2  # needs no source


def test_a_source_that_is_put_back_is_read_again(tmp_path: Path) -> None:
    source = tmp_path / "t.parquet"
    write(source, ["https://a.example/1"])
    build_index(tmp_path / "x", [source])
    index = open_index(tmp_path / "x")
    source.rename(tmp_path / "away.parquet")
    with pytest.raises(BadIndex):
        index.rows([0])
    (tmp_path / "away.parquet").rename(source)
    assert index.rows([0])[0].url == "https://a.example/1"


def test_coverage_adds_up_and_speaks_plainly() -> None:
    total = Coverage(rows=10, url=10) + Coverage(rows=2_000, url=1_999, sha256=5, md5=6, pdq=4, phash=7)
    assert total == Coverage(rows=2_010, url=2_009, sha256=5, md5=6, pdq=4, phash=7)
    assert total.sentence("url") == "Compared with 2,009 of 2,010 rows."
    assert total.sentence() == (
        "Of 2,010 rows, addresses are compared with 2,009, exact copies of a file with 6, "
        "and similar pictures with 7."
    )


def test_more_rows_than_there_are_can_be_asked_for(tmp_path: Path) -> None:
    urls = [f"https://a.example/{row}.jpg" for row in range(2_345)]
    pq.write_table(pa.table({"url": urls}), tmp_path / "rows.parquet")
    build_index(tmp_path / "x", [tmp_path / "rows.parquet"])
    assert doubt(Index(tmp_path / "x"), sample=10**12).rows == 2_345
    assert doubt(Index(tmp_path / "x"), sample=7).rows == 7
    assert doubt(Index(tmp_path / "x"), sample=1).rows == 1
