"""What is found ten thousand times is read in a few pieces, and second hops stay within bounds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from takedown import cli
from takedown.dataset import Stamp
from takedown.dataset.fingerprints import write_fingerprints
from takedown.dataset.parquet import ParquetShard
from takedown.index import Index, attach, build_index, open_index, second_hops

SAME = "https://everywhere.example/Same.jpg"


def index_of(folder: Path, **columns: Any) -> Index:
    folder.mkdir()
    pq.write_table(pa.table(columns), folder / "rows.parquet", row_group_size=500)
    build_index(folder / "x", [folder / "rows.parquet"])
    return open_index(folder / "x")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each reading of a file was for."""
    counts: list[int] = []
    read_rows: Callable[..., Any] = ParquetShard.read_rows

    def counted(shard: ParquetShard, numbers: Any, *rest: Any, **named: Any) -> Any:
        counts.append(len(numbers))
        return read_rows(shard, numbers, *rest, **named)

    monkeypatch.setattr(ParquetShard, "read_rows", counted)
    return counts


def test_an_address_that_is_everywhere_is_found_and_shown_in_a_few_reads(
    tmp_path: Path, reads: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    urls = [SAME if row % 2 else f"https://a.example/{row}.jpg" for row in range(6_000)]
    index = index_of(tmp_path / "in", url=urls)
    assert [hit.row for hit in index.find_url(SAME)] == list(range(1, 6_000, 2))
    reads.clear()
    assert cli.main(["lookup", str(index.folder), "--url", SAME, "--json"]) == 0
    assert capsys.readouterr().out.count('"url-exact"') == 3_000
    assert len(reads) <= 10


def test_hops_from_many_rows_are_asked_together(tmp_path: Path, reads: list[int]) -> None:
    digest = hashlib.md5(b"a placeholder", usedforsecurity=False).digest()
    urls = [f"https://a.example/{row % 700}.jpg" for row in range(1_400)]
    index = index_of(tmp_path / "in", url=urls, md5=[digest.hex() if r < 700 else None for r in range(1_400)])
    found = [(index, row) for row in index.rows([hit.row for hit in index.find_digest("md5", digest)])]
    reads.clear()
    hops = list(second_hops(found, [index]))
    assert {hop.hit.row for hop in hops if hop.via == "same-address"} == set(range(1_400))
    assert {hop.hit.row for hop in hops if hop.via == "same-file"} == set(range(700))
    assert len(reads) <= 2


def test_rows_of_a_site_are_read_no_further_than_asked(tmp_path: Path, reads: list[int]) -> None:
    index = index_of(tmp_path / "in", url=[f"https://a.example/{row}.jpg" for row in range(5_000)])
    assert [hit.row for hit in index.find_site("a.example", 3)] == [0, 1, 2]
    assert sum(reads) <= 1_000
    assert len(index.find_site("a.example")) == 5_000


def test_a_hop_by_a_fingerprint_that_was_attached_says_who_made_it(tmp_path: Path) -> None:
    code = np.random.default_rng(1).bytes(32)
    bare = index_of(tmp_path / "bare", url=["https://a.example/1.jpg", "https://a.example/2.jpg"])
    pictured = index_of(tmp_path / "pictured", url=["https://b.example/"], pdq=[code.hex()])
    line = {"url_sha256": [hashlib.sha256(b"https://a.example/1.jpg").digest()], "pdq": [code]}
    line |= {"quality": [90], **{name: [None] for name in ("sha256", "md5", "phash", "width", "height")}}
    write_fingerprints(tmp_path / "t.parquet", line, Stamp(0, ""), {})
    attach(bare.folder, [tmp_path / "t.parquet"], by="alice")
    bare = open_index(bare.folder)
    (row,) = bare.rows([0])
    hops = [hop for hop in second_hops([(bare, row)], [bare, pictured]) if hop.via == "same-picture"]
    assert [(hop.place, hop.hit.row, hop.hit.by) for hop in hops] == [(0, 0, "alice"), (1, 0, "alice")]
    (own,) = pictured.rows([0])
    hops = [
        hop for hop in second_hops([(bare, row), (pictured, own)], [pictured]) if hop.via == "same-picture"
    ]
    assert [hop.hit.by for hop in hops] == [None]
