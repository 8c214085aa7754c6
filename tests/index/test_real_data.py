"""The same on real data, where it is present: LAION rows, and the reference pictures of PDQ."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from factories.real import wrap

from takedown.fingerprint import fingerprint
from takedown.index import Index, build_index, open_index


@pytest.fixture(scope="module")
def bridges(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("bridges")
    pictures = sorted((shared_data / "pdq").glob("bridge-[1-8]-*.jpg"))
    pictures.append(shared_data / "pdq" / "bridge-mod-square-512x512.jpg")
    wrap(pictures, folder / "data")
    build_index(folder / "x", [folder / "data"])
    return open_index(folder / "x")


def urls(index: Index, file: Path) -> set[str]:
    hits = index.find_fingerprint(fingerprint(file.read_bytes()))
    return {(row.url or "").rsplit("/", 1)[1] for row in index.rows([hit.row for hit in hits])}


def test_real_laion_rows_are_found_by_their_address(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "laion" / "laion400m-sample.parquet"
    info = build_index(tmp_path / "x", [source])
    assert info.coverage.to_json() == dict.fromkeys(info.coverage.to_json(), 0) | {"rows": 982, "url": 982}
    index = open_index(tmp_path / "x")
    cells = pq.read_table(source).column("URL").to_pylist()
    for row in range(0, 982, 61):
        hits = index.find_url(cells[row])
        assert row in {hit.row for hit in hits}
        assert all(index.rows([hit.row])[0].url == cells[row] for hit in hits if hit.how == "url-exact")


def test_a_blurred_bridge_finds_all_orientations_of_the_bridge(bridges: Index, shared_data: Path) -> None:
    found = urls(bridges, shared_data / "pdq" / "bridge-mod-blur-a-little.jpg")
    assert {name for name in found if name[7] in "12345678"} == {
        path.name for path in (shared_data / "pdq").glob("bridge-[1-8]-*.jpg")
    }


@pytest.mark.parametrize("edit", ["shrink-a-little", "sharpen-a-little", "blur-a-lot", "high-contrast"])
def test_other_edits_find_the_bridge(bridges: Index, shared_data: Path, edit: str) -> None:
    assert "bridge-1-original.jpg" in urls(bridges, shared_data / "pdq" / f"bridge-mod-{edit}.jpg")
