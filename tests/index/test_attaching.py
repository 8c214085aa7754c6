"""Fingerprints of others: joined by exact address, marked with their maker, and never facts of a row."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import shards
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.sample import Sample
from takedown import sandbox
from takedown.dataset import Stamp
from takedown.dataset.fingerprints import write_fingerprints
from takedown.errors import BadDataset, BadIndex, UsageError
from takedown.index import Hit, Index, add_sources, attach, attaching, build_index, exact, grow, open_index
from takedown.index.units import UnitArrays


def url(number: int) -> str:
    return f"https://pictures.example/{number}.jpg"


def index_of(tmp_path: Path, urls: list[str | None], **columns: Any) -> Path:
    pq.write_table(pa.table({"url": pa.array(urls, pa.string()), **columns}), tmp_path / "rows.parquet")
    build_index(tmp_path / "x", [tmp_path / "rows.parquet"])
    return tmp_path / "x"


def table(path: Path, lines: list[dict[str, Any]]) -> Path:
    """A table as takedown hash writes it; a line gives its url, and what it knows."""
    nothing = {"sha256": None, "md5": None, "pdq": None, "quality": None, "phash": None, "width": None}
    columns: dict[str, list[Any]] = {"url_sha256": [], "height": [], **{name: [] for name in nothing}}
    for line in lines:
        columns["url_sha256"].append(hashlib.sha256(line["url"].encode()).digest())
        columns["height"].append(None)
        for name in nothing:
            columns[name].append(line.get(name))
    write_fingerprints(path, columns, Stamp(0, ""), {})
    return path


def code(number: int) -> bytes:
    return np.random.default_rng(number).bytes(32)


def line(number: int, **known: Any) -> dict[str, Any]:
    return {"url": url(number), "pdq": code(number), "quality": 90, "phash": code(number)[:8], **known}


def test_a_picture_that_found_nothing_finds_its_rows_and_coverage_says_so(
    sample: Sample, tmp_path: Path
) -> None:
    copies = tmp_path / "copies"
    records = shards.img2dataset(copies, shards=2, rows=4, failed=(1,))
    urls = [record["url"] for shard in records for record in shard]
    folder = index_of(tmp_path, [*urls, "https://elsewhere.example/x.jpg"])
    picture = sandbox.fingerprint(shards.picture(10_003))
    before = open_index(folder)
    assert before.find_fingerprint(picture) == []
    assert before.info.coverage.sentence("pdq") == "Compared with 0 of 9 rows."
    lines = [
        {
            "url": record["url"],
            "pdq": bytes.fromhex(found.pdq),
            "quality": found.pdq_quality,
            "phash": bytes.fromhex(found.phash),
        }
        for shard, of_shard in enumerate(records)
        for number, record in enumerate(of_shard)
        if record["status"] == "success"
        for found in [sandbox.fingerprint(shards.picture(shard * 10_000 + number))]
    ]
    info = attach(folder, [table(tmp_path / "t.parquet", lines)], by="alice")
    after = open_index(folder)
    (hit,) = after.find_fingerprint(picture)
    assert (hit.row, hit.how, hit.distance, hit.by) == (7, "pdq", 0, "alice")
    assert after.rows([hit.row])[0].url == records[1][3]["url"]
    assert after.info.coverage.sentence("pdq") == "Compared with 6 of 9 rows."
    assert info.attached[0].counts == {
        "lines": 6,
        "joined": 6,
        "rows": 6,
        "disagreements": 0,
        "other_pipeline": 0,
    }
    assert info.ancestors == (before.info.digest,)
    after.verify()


ROWS = st.lists(st.one_of(st.none(), st.integers(0, 12)), min_size=1, max_size=30)
LINES = st.lists(st.tuples(st.integers(0, 15), st.booleans(), st.booleans(), st.integers(0, 3)), max_size=12)


@settings(max_examples=25, deadline=None)
@given(rows=ROWS, lines=LINES, parts=st.integers(5, 40))
def test_joining_equals_a_dictionary(
    rows: list[int | None], lines: list[tuple[int, bool, bool, int]], parts: int, tmp_path_factory: Any
) -> None:
    tmp_path = tmp_path_factory.mktemp("join")
    sources = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    half = len(rows) // 2
    for source, some in zip(sources, (rows[:half], rows[half:]), strict=True):
        cells = [None if number is None else url(number) for number in some]
        pq.write_table(pa.table({"url": pa.array(cells, pa.string())}), source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grow, "PART_ROWS", parts)
        build_index(tmp_path / "x", sources)
    given_lines = [
        {
            "url": url(number),
            "pdq": code(salt) if has_pdq else None,
            "quality": 80,
            "sha256": code(100 + salt) if has_digest else None,
        }
        for number, has_pdq, has_digest, salt in lines
    ]
    attach(tmp_path / "x", [table(tmp_path / "t.parquet", given_lines)], by="b")
    index = open_index(tmp_path / "x")
    first: dict[str, dict[str, Any]] = {}
    for one in given_lines:
        first.setdefault(one["url"], one)
    known = [first.get(url(number), {}) if number is not None else {} for number in rows]
    for salt in range(4):
        by_pdq = [row for row, one in enumerate(known) if one.get("pdq") == code(salt)]
        assert index.find_near("pdq", code(salt), 0) == [Hit(row, "pdq", 0, by="b") for row in by_pdq]
        by_digest = [row for row, one in enumerate(known) if one.get("sha256") == code(100 + salt)]
        hits = index.find_digest("sha256", code(100 + salt))
        assert hits == [Hit(row, "sha256", by="b") for row in by_digest]
    coverage = index.info.coverage
    assert coverage.pdq == sum(one.get("pdq") is not None for one in known)
    assert coverage.sha256 == sum(one.get("sha256") is not None for one in known)
    assert [row.sha256 for row in index.rows(range(len(rows)))] == [None] * len(rows)


def test_what_disagrees_is_counted_and_the_source_is_believed(tmp_path: Path) -> None:
    own = [code(1)[:16], None, code(3)[:16]]
    folder = index_of(tmp_path, [url(1), url(2), url(3)], md5=[d.hex() if d else None for d in own])
    lines = [line(1, md5=code(1)[:16]), line(2, md5=code(2)[:16]), line(3, md5=code(99)[:16])]
    info = attach(folder, [table(tmp_path / "t.parquet", lines)], by="b")
    assert info.attached[0].counts["disagreements"] == 1
    assert (info.coverage.md5, info.coverage.pdq) == (3, 3)
    index = open_index(folder)
    assert [row.md5 for row in index.rows([0, 1, 2])] == own
    assert [row.pdq for row in index.rows([0, 1, 2])] == [code(1), code(2), code(3)]
    assert index.find_digest("md5", code(99)[:16]) == [Hit(2, "md5", by="b")]
    assert index.find_digest("md5", code(1)[:16]) == [Hit(0, "md5")]


def test_a_second_table_disagrees_with_the_first(tmp_path: Path) -> None:
    folder = index_of(tmp_path, [url(1), url(2)])
    attach(folder, [table(tmp_path / "one.parquet", [line(1)])], by="one")
    lines = [line(1, pdq=code(50)), line(2)]
    info = attach(folder, [table(tmp_path / "two.parquet", lines)], by="two")
    assert [one.counts["disagreements"] for one in info.attached] == [0, 1]
    assert [one.coverage.pdq for one in info.attached] == [1, 1]
    index = open_index(folder)
    assert index.find_near("pdq", code(1), 0) == [Hit(0, "pdq", 0, by="one")]
    assert index.find_near("pdq", code(50), 0) == [Hit(0, "pdq", 0, by="two")]
    assert index.rows([0])[0].pdq == code(1)


def test_an_index_with_something_attached_still_grows(tmp_path: Path) -> None:
    folder = index_of(tmp_path, [url(1)])
    attach(folder, [table(tmp_path / "t.parquet", [line(1), line(2)])], by="b")
    pq.write_table(pa.table({"url": [url(2)]}), tmp_path / "more.parquet")
    add_sources(folder, [tmp_path / "more.parquet"])
    assert open_index(folder).find_near("pdq", code(2), 0) == []
    attach(folder, [tmp_path / "t.parquet"], by="b again")
    assert open_index(folder).find_near("pdq", code(2), 0) == [Hit(1, "pdq", 0, by="b again")]


def test_a_collection_of_addresses_and_md5_is_joined(tmp_path: Path) -> None:
    folder = index_of(tmp_path, [url(1), url(2)])
    collection = {"url": [url(2), url(7)], "md5": [code(2)[:16].hex(), code(7)[:16].hex()]}
    pq.write_table(pa.table(collection), tmp_path / "t.parquet")
    info = attach(folder, [tmp_path / "t.parquet"], by="laion2B-en-md5")
    assert info.coverage.md5 == 1
    assert open_index(folder).find_digest("md5", code(2)[:16]) == [Hit(1, "md5", by="laion2B-en-md5")]


@pytest.mark.parametrize("name", ["", " a", "a\nb", "x" * 65, "../up", "é"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    folder = index_of(tmp_path, [url(1)])
    with pytest.raises(UsageError, match="Name who made the fingerprints"):
        attach(folder, [table(tmp_path / "t.parquet", [line(1)])], by=name)


def test_a_name_is_used_once(tmp_path: Path) -> None:
    folder = index_of(tmp_path, [url(1)])
    attach(folder, [table(tmp_path / "t.parquet", [line(1)])], by="b")
    with pytest.raises(UsageError, match="attached to this index already"):
        attach(folder, [tmp_path / "t.parquet"], by="b")


def test_what_is_no_table_changes_nothing(tmp_path: Path) -> None:
    folder = index_of(tmp_path, [url(1)])
    digest = open_index(folder).info.digest
    with pytest.raises(BadDataset):
        attach(folder, [tmp_path / "rows.parquet"], by="b")
    assert open_index(folder).info.digest == digest
    assert not (folder / ".work").exists()
    open_index(folder).verify()


def test_a_join_that_is_stopped_can_be_made_again(tmp_path: Path) -> None:
    folder = index_of(tmp_path, [url(1), url(2)])
    made = table(tmp_path / "t.parquet", [line(1)])

    def stop(*_told: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attach(folder, [made], by="b", progress=stop)
    assert open_index(folder).info.attached == ()
    attach(folder, [made], by="b")
    assert Index(folder).find_near("pdq", code(1), 0) == [Hit(0, "pdq", 0, by="b")]


def test_a_table_is_attached_to_all_parts_or_to_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for number, source in enumerate(sources):
        pq.write_table(pa.table({"url": [url(number)]}), source)
    monkeypatch.setattr(grow, "PART_ROWS", 1)
    info = build_index(tmp_path / "x", sources)
    made = table(tmp_path / "t.parquet", [line(0), line(1)])

    def stop(done: int, _total: int, _what: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attach(tmp_path / "x", [made], by="b", progress=stop)
    kept = sources[1].read_bytes()
    pq.write_table(pa.table({"url": [url(1), url(2)]}), sources[1])
    with pytest.raises(BadIndex, match="moved or changed"):
        attach(tmp_path / "x", [made], by="b")
    assert open_index(tmp_path / "x").info == info
    assert len(list((tmp_path / "x" / "parts").iterdir())) == 2
    assert not (tmp_path / "x" / ".work" / "attach").exists()
    sources[1].write_bytes(kept)
    after = attach(tmp_path / "x", [made], by="b")
    assert (after.ancestors, after.coverage.pdq) == ((info.digest,), 2)


def test_addresses_that_repeat_in_rows_and_table_are_not_multiplied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    search = exact.Exact.search

    def counted(keys: Any, wanted: Any) -> Any:
        answer = search(keys, wanted)
        found.append(len(answer[0]))
        return answer

    monkeypatch.setattr(exact.Exact, "search", counted)
    folder = index_of(tmp_path, [url(1)] * 900 + [url(2)])
    made = table(tmp_path / "t.parquet", [line(1)] * 500 + [line(3)])
    info = attach(folder, [made], by="b")
    assert (info.attached[0].counts["joined"], info.coverage.pdq) == (900, 900)
    assert max(found) == 500


def test_what_is_joined_is_sorted_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [tmp_path / f"{n}.parquet" for n in range(3)]
    for number, source in enumerate(sources):
        pq.write_table(pa.table({"url": [url(10 * number + n) for n in range(10)]}), source)
    folder = tmp_path / "x"
    build_index(folder, sources)
    monkeypatch.setattr(attaching, "UNIT_ROWS", 10)
    sizes: list[int] = []
    data = UnitArrays.data

    def counted(unit: UnitArrays, kind: str) -> Any:
        sizes.append(len(values := data(unit, kind)))
        return values

    monkeypatch.setattr(UnitArrays, "data", counted)
    attach(folder, [table(tmp_path / "t.parquet", [line(n) for n in range(5, 30)])], by="b")
    assert max(sizes) == 10
    index = open_index(folder)
    for number in (5, 10, 29):
        assert index.find_near("pdq", code(number), 0) == [Hit(number, "pdq", 0, by="b")]
    assert [row.pdq for row in index.rows([4, 5, 19, 20])] == [None, code(5), code(19), code(20)]
