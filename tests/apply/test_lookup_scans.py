"""Scans find exactly the rows that a naive reading of the specification names, whatever the columns hold."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import lists
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown import patience, sha256
from takedown.apply import Removals, Scanner, filter_batch
from takedown.dataset import open_sources
from takedown.errors import BadDataset
from takedown.keys import PUBLISHED_KINDS

TEXT_TYPES = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
BYTE_TYPES = [pa.binary(), pa.large_binary(), pa.binary_view(), pa.dictionary(pa.int8(), pa.binary())]
TEXTS = st.one_of(st.sampled_from(["", "u", "U", "u ", "é", "é", "x" * 200]), st.text(max_size=70))
CELLS = st.one_of(TEXTS.map(str.encode), st.binary(max_size=130), st.sampled_from([b"\xff", b"\n", b"\0"]))


def digest(cell: bytes) -> str:
    return hashlib.sha256(cell).hexdigest()


@st.composite
def columns(draw, rows: int) -> pa.Array:
    """A column of texts or bytes, perhaps cut out of a longer one, with nulls that may have bytes."""
    if draw(st.booleans()):
        kind, cells = draw(st.sampled_from(TEXT_TYPES)), TEXTS
    else:
        kind, cells = draw(st.sampled_from(BYTE_TYPES)), CELLS
    before, after = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    values = draw(st.lists(st.none() | cells, min_size=rows + before + after, max_size=rows + before + after))
    column = pa.array(values, kind)
    if kind in (pa.string(), pa.binary()) and len(column) and draw(st.booleans()):
        valid = np.packbits(
            draw(st.lists(st.booleans(), min_size=len(column), max_size=len(column))), bitorder="little"
        )
        column = pa.Array.from_buffers(
            kind,
            len(column),
            [
                pa.py_buffer(valid),
                *pa.array(
                    [v or "" for v in values] if kind == pa.string() else [v or b"" for v in values], kind
                ).buffers()[1:],
            ],
        )
    return column.slice(before, rows)


@st.composite
def batches(draw) -> pa.RecordBatch:
    rows = draw(st.integers(0, 25))
    found = {"URL": draw(columns(rows))}
    if draw(st.booleans()):
        found["TEXT"] = draw(columns(rows))
    for name, width in (("sha256", 32), ("md5", 16)):
        if draw(st.booleans()):
            hexes = st.binary(min_size=width, max_size=width).map(bytes.hex)
            known = st.sampled_from(["00" * width, "ff" * width, "AB" * width, "zz" * width, "", "12"])
            found[name] = pa.array(draw(st.lists(st.none() | known | hexes, min_size=rows, max_size=rows)))
    return pa.RecordBatch.from_arrays(list(found.values()), list(found))


def cells_of(batch: pa.RecordBatch, name: str) -> list[bytes | None]:
    """The cells as bytes, read one by one."""
    if name not in batch.schema.names:
        return [None] * batch.num_rows
    cells = batch.column(name).to_pylist()
    return [cell.encode() if isinstance(cell, str) else cell for cell in cells]


def named(batch: pa.RecordBatch) -> list[dict[str, str | None]]:
    """Per row and kind its digest in hex; None where it has none."""
    found = []
    for url, caption, file, md5 in zip(
        *(cells_of(batch, name) for name in ("URL", "TEXT", "sha256", "md5")), strict=True
    ):
        found.append(
            {
                "url_sha256": None if url is None else digest(url),
                "row_sha256": None
                if url is None and caption is None
                else digest((url or b"") + b"\n" + (caption or b"")),
                "img_sha256": as_hex(file, 64),
                "img_md5": as_hex(md5, 32),
            }
        )
    return found


def as_hex(cell: bytes | None, digits: int) -> str | None:
    try:
        return bytes.fromhex((cell or b"").decode()).hex() if len(cell or b"") == digits else None
    except ValueError:
        return None


def oracle(batch: pa.RecordBatch, listed: lists.FakeBlocklist) -> tuple[list[int | None], dict[str, int]]:
    """The first kind that names each row, and the rows that stay and could not be compared, by reason."""
    entries = {kind: set(listed.entries(kind)) for kind in PUBLISHED_KINDS}
    marks: list[int | None] = []
    uncheckable: Counter[str] = Counter()
    for row in named(batch):
        hits = [
            place
            for place, kind in enumerate(PUBLISHED_KINDS)
            if (row[kind] or "-")[: listed.prefix_hex] in entries[kind]
        ]
        marks.append(hits[0] if hits else None)
        if hits:
            continue
        reasons = {"url_sha256": "null-url", "row_sha256": "null-url-and-caption"}
        for kind, column in (("img_sha256", "sha256"), ("img_md5", "md5")):
            reasons[kind] = f"no-{column}" if column in batch.schema.names else f"no-{column}-column"
        if "TEXT" not in batch.schema.names and entries["row_sha256"]:
            uncheckable["no-caption-column"] += 1
            reasons.pop("row_sha256")
        uncheckable.update(reason for kind, reason in reasons.items() if entries[kind] and row[kind] is None)
    return marks, dict(uncheckable)


@st.composite
def cases(draw) -> tuple[pa.RecordBatch, lists.FakeBlocklist]:
    """A batch, and a list that names some of its rows by some of their digests, and others besides."""
    batch = draw(batches())
    listed = lists.FakeBlocklist(prefix_hex=draw(st.sampled_from([1, 2, 5, 16, 17, 31, 33, 64])))
    rows = named(batch)
    for kind in PUBLISHED_KINDS:
        there = sorted({row[kind] for row in rows if row[kind] is not None})
        if draw(st.booleans()):
            listed.digests[kind] = draw(st.lists(st.sampled_from(there), max_size=4)) if there else []
            if draw(st.booleans()):
                listed.digests[kind].append("ab" * (16 if kind == "img_md5" else 32))
    return batch, listed


@settings(max_examples=200, deadline=None)
@given(cases())
def test_a_batch_loses_exactly_the_rows_that_are_named(case):
    batch, listed = case
    marks, reasons = oracle(batch, listed)
    uncheckable: Counter[str] = Counter()
    kept = filter_batch(batch, listed, uncheckable)
    stays = [row for row, mark in enumerate(marks) if mark is None]
    assert kept.schema == batch.schema
    assert kept.to_pylist() == [batch.slice(row, 1).to_pylist()[0] for row in stays]
    assert {reason: count for reason, count in uncheckable.items() if count} == reasons


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(1, 9))
def test_a_file_is_scanned_as_its_rows_say(tmp_path_factory, case, group):
    batch, listed = case
    path = tmp_path_factory.mktemp("scan") / "a.parquet"
    pq.write_table(pa.Table.from_batches([batch]), path, row_group_size=group)
    (dataset,), _ = open_sources([path])
    scanner = ForkingPickler.loads(ForkingPickler.dumps(Scanner(listed)))
    found = scanner.scan(dataset.shards[0], lambda rows: None)
    marks, reasons = oracle(batch, listed)
    gone = [(row, mark) for row, mark in enumerate(marks) if mark is not None]
    assert list(zip(found.rows.tolist(), found.kinds.tolist(), strict=True)) == gone
    by_kind = Counter(PUBLISHED_KINDS[mark] for _, mark in gone)
    assert found.by_kind == {kind: by_kind[kind] for kind in PUBLISHED_KINDS}
    assert (found.rows_in, found.uncheckable) == (batch.num_rows, reasons)
    assert found.null_urls == batch.column("URL").to_pylist().count(None)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.binary(max_size=300), max_size=60), st.integers(0, 9))
def test_every_way_of_hashing_gives_what_hashlib_gives(cells, first):
    column = pa.array(cells, pa.large_binary())[first:]
    texts = sha256.Texts.of(column)
    digests = [hashlib.sha256(cell or b"").digest() for cell in column.to_pylist()]
    heads = [int.from_bytes(digest[:8], "big") for digest in digests]
    for way in sha256.ways():
        assert way(texts).tolist() == heads
    assert texts.digests(np.arange(len(column))).tobytes() == b"".join(digests)


def test_many_texts_bring_in_the_fastest_way_and_change_no_answer(monkeypatch):
    column = pa.array([f"http://a.example/{n}".encode() * (n % 9) for n in range(500)], pa.large_binary())
    texts = sha256.Texts.of(column)
    slow = texts.heads()
    monkeypatch.setattr(patience, "PATIENCE", 0)
    assert np.array_equal(texts.heads(), slow)
    assert np.array_equal(sha256.plain(texts), slow)


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
import pyarrow as pa
from takedown import patience, sha256
from takedown.apply import filter_batch
from takedown.blocklist import table
from factories import lists
patience.PATIENCE = 0
batch = pa.RecordBatch.from_arrays([pa.array([f"u{n}" for n in range(1000)])], ["URL"])
kept = filter_batch(batch, lists.of_urls("u1", "u999", "v"))
print(len(sha256.ways()), table._compiled(), kept.num_rows)
"""


def test_without_the_compiler_the_answers_are_the_same():
    folder = Path(__file__).parents[1]
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMBA], cwd=folder, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["1", "None", "998"]


def test_functions_that_are_not_there_or_wrong_are_not_used(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr(sha256, "_FUNCTIONS", ("SHA256_Init", "SHA256_Update", "no_such_function"))
    assert len(sha256.ways.__wrapped__()) == 2
    monkeypatch.setattr(sha256, "_FUNCTIONS", ("SHA224_Init", "SHA256_Update", "SHA256_Final"))
    assert len(sha256.ways.__wrapped__()) == 2


def _scan(scanner: Scanner, path: Path) -> Removals:
    (dataset,), _ = open_sources([path])
    return scanner.scan(dataset.shards[0], lambda rows: None)


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_scan_with_a_scanner_that_was_sent_to_them(tmp_path, start):
    paths = [tmp_path / f"{n}.parquet" for n in range(3)]
    for n, path in enumerate(paths):
        pq.write_table(pa.table({"URL": [f"u{n}", "u", None, f"v{n}"]}), path)
    scanner = Scanner(lists.of_urls("u0", "v1", "u2", "v2"))
    with ProcessPoolExecutor(2, mp_context=get_context(start)) as pool:
        found = list(pool.map(_scan, [scanner] * 3, paths))
    assert [removals.rows.tolist() for removals in found] == [[0], [3], [0, 3]]
    assert [removals.uncheckable for removals in found] == [{"null-url": 1}] * 3


@pytest.mark.parametrize(
    ("names", "slug"),
    [(["link"], "dataset-no-url-column"), (["url", "URL"], "dataset-ambiguous-column")],
)
def test_a_batch_whose_address_column_is_not_clear_is_refused(names, slug):
    batch = pa.RecordBatch.from_arrays([pa.array(["u"])] * len(names), names)
    with pytest.raises(BadDataset) as caught:
        filter_batch(batch, lists.of_urls("u"))
    assert caught.value.slug == slug


def test_a_batch_without_a_listed_row_is_given_back_as_it_is():
    batch = pa.RecordBatch.from_arrays([pa.array(["u", None])], ["url"])
    assert filter_batch(batch, lists.of_urls("v")) is batch
