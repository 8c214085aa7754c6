"""The generated dataset: fit to try everything with, the same every time, and about nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from portal.sample import Sample, write_sample
from takedown.index import Index

PROJECT = Path(__file__).resolve().parents[2]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_same_seed_gives_the_same_dataset(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_sample(tmp_path / name, pictures=24, seed=seed)
    first, again, other = (contents(tmp_path / name) for name in "abc")
    assert first == again
    assert first.keys() == other.keys()
    assert first["pictures/00000.tar"] != other["pictures/00000.tar"]


@pytest.mark.parametrize("pictures", [24, 40])
def test_every_edit_and_spelling_belongs_to_a_row_of_its_own(tmp_path: Path, pictures: int) -> None:
    sample = write_sample(tmp_path / "s", pictures=pictures)
    places = [(t.shard, t.row_in_shard) for t in (*sample.files, *sample.addresses)]
    assert len(set(places)) == len(places) == 16
    row_of = {(row.shard, row.row_in_shard): row for row in sample.rows}
    for trial in (*sample.files, *sample.addresses):
        row = row_of[trial.shard, trial.row_in_shard]
        assert row.url == trial.url
        assert row.original is not None
    lines = (sample.try_folder / "addresses.txt").read_text().split()
    lines += (sample.try_folder / "size-variants.txt").read_text().split()
    assert lines == [trial.address for trial in sample.addresses]


def test_different_pictures_are_far_apart_and_full_of_detail(picture_index: Index, sample: Sample) -> None:
    numbers = [number for number, row in enumerate(sample.rows) if row.plain]
    rows = picture_index.rows(numbers)
    assert min(row.pdq_quality or 0 for row in rows) >= 80
    codes = np.array([np.frombuffer(row.pdq or b"", dtype=np.uint64) for row in rows])
    distances = np.bitwise_count(codes[:, None] ^ codes[None]).sum(axis=2)
    assert (distances + 256 * np.eye(len(rows), dtype=int)).min() > 75


def test_it_is_laid_out_like_a_real_one(sample: Sample) -> None:
    names = {path.name for path in sample.pictures.iterdir()}
    assert {"00000.tar", "00000.parquet", "00000_stats.json", "00002.tar"} <= names
    sidecar = pq.read_table(sample.pictures / "00000.parquet").to_pylist()
    assert {row["status"] for row in sidecar} == {"success", "failed_to_download"}
    assert pq.read_schema(next(sample.metadata.iterdir())).names[:2] == ["URL", "TEXT"]


def test_every_host_is_reserved_for_examples(sample: Sample) -> None:
    urls = pq.read_table(sample.metadata).column("URL").to_pylist()
    assert {row.url for row in sample.rows} < set(urls)
    assert all(url.split("/")[2].endswith(".example") for url in urls)


def test_making_it_needs_no_web_framework() -> None:
    code = "import sys, portal.sample; sys.exit('django' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)
