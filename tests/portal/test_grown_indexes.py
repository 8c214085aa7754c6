"""An index that grew under open cases: rows keep their numbers, and whose fingerprint led there is kept."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import Client

from portal.finding import indexes, matching
from portal.models import Case, Match, Submission, User
from takedown import sandbox
from takedown.dataset import Stamp
from takedown.dataset.fingerprints import write_fingerprints
from takedown.errors import BadIndex
from takedown.index import Index, add_sources, attach, build_index
from takedown.keys import Row

Submit = Callable[..., Submission]
Work = Callable[[Submission], None]


def rows(path: Path, urls: list[str]) -> Path:
    pq.write_table(pa.table({"url": urls, "caption": ["a cat"] * len(urls)}), path)
    return path


@pytest.fixture
def grown(tmp_path: Path) -> Path:
    build_index(tmp_path / "x", [rows(tmp_path / "a.parquet", ["https://a.example/1.jpg"])])
    return tmp_path / "x"


def test_matches_of_an_index_that_grew_are_still_read(
    db: None, grown: Path, submit: Submit, work: Work, tmp_path: Path
) -> None:
    before = indexes.register(grown)
    work(submit("https://a.example/1.jpg"))
    add_sources(grown, [rows(tmp_path / "b.parquet", ["https://a.example/2.jpg"])])
    after = indexes.register(grown)
    before.refresh_from_db()
    assert (before.in_use, after.in_use, after.rows) == (False, True, 2)
    match = Match.objects.get()
    assert match.index == before
    read = indexes.rows_of([(before, match.row), (after, 1)])
    assert [row.url for row in read.values()] == ["https://a.example/1.jpg", "https://a.example/2.jpg"]


def test_another_index_in_the_same_folder_is_never_read_for_it(db: None, grown: Path, tmp_path: Path) -> None:
    before = indexes.register(grown)
    assert indexes.opened(before).info.rows == 1
    shutil.rmtree(grown)
    build_index(grown, [rows(tmp_path / "c.parquet", ["https://other.example/"])])
    with pytest.raises(BadIndex, match="Another index stands at"):
        indexes.rows_of([(before, 0)])


def test_a_process_that_had_the_index_open_reads_the_rows_that_came_since(
    db: None, grown: Path, tmp_path: Path
) -> None:
    index = indexes.register(grown)
    assert indexes.opened(index).info.rows == 1  # the desk has it open
    add_sources(grown, [rows(tmp_path / "b.parquet", ["https://a.example/2.jpg"])])
    # A worker that was started since has stored a match with a new row.
    read = indexes.rows_of([(index, 1)])
    assert [row.url for row in read.values()] == ["https://a.example/2.jpg"]
    assert indexes.opened(index) is indexes.opened(index)


def test_the_desk_says_whose_fingerprint_led_to_a_row(
    db: None,
    grown: Path,
    submit: Submit,
    work: Work,
    sample: object,
    tmp_path: Path,
    alice: User,
    client: Client,
) -> None:
    picture = (sample.try_folder / "original.jpg").read_bytes()
    found = sandbox.fingerprint(picture)
    line = {
        "url_sha256": [hashlib.sha256(b"https://a.example/1.jpg").digest()],
        "sha256": [None],
        "md5": [None],
        "pdq": [bytes.fromhex(found.pdq)],
        "quality": [found.pdq_quality],
        "phash": [None],
        "width": [None],
        "height": [None],
    }
    write_fingerprints(tmp_path / "t.parquet", line, Stamp(0, ""), {})
    attach(grown, [tmp_path / "t.parquet"], by="example university")
    indexes.register(grown)
    work(submit(pictures=(picture,)))
    assert Match.objects.get().by == "example university"
    client.force_login(alice)
    page = client.get(f"/desk/case/{Case.objects.get().pk}/").content.decode()
    assert "by a fingerprint that example university made: look twice" in page


def test_a_file_that_is_everywhere_fills_a_case_and_no_more_is_read(
    db: None, submit: Submit, work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [f"https://a.example/{row}.jpg" for row in range(60)]
    digest = hashlib.md5(b"a placeholder", usedforsecurity=False).hexdigest()
    pq.write_table(pa.table({"url": urls, "md5": [digest] * 60}), tmp_path / "a.parquet")
    build_index(tmp_path / "x", [tmp_path / "a.parquet"])
    indexes.register(tmp_path / "x")
    monkeypatch.setattr(matching, "MAX_MATCHES", 7)
    reads: list[int] = []
    rows_of = Index.rows

    def counted(index: Index, numbers: list[int]) -> list[Row]:
        reads.append(len(numbers))
        return rows_of(index, numbers)

    monkeypatch.setattr(Index, "rows", counted)
    work(submit("https://a.example/0.jpg"))
    assert Match.objects.count() == 7
    assert len(reads) <= 4
    assert sum(reads) <= 8
