"""URL lists: what a record says, and that everything else of the file stays byte for byte."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest
from factories import shards
from hypothesis import example, given, settings
from hypothesis import strategies as st

from takedown.dataset import open_source
from takedown.dataset.atomic import Pending
from takedown.errors import BadDataset

A, B = b"https://a.example/1.jpg", b"https://b.example/2.jpg"


def one(path: Path):
    (shard,) = open_source(path).shards
    return shard


def urls(path: Path, size: int = 7) -> list[bytes | None]:
    return [url for batch in one(path).rows(size) if batch.url_bytes for url in batch.url_bytes.to_pylist()]


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else path.read_bytes()


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix.lower() == ".gz" else data)
    return path


def rewritten(path: Path, removed: list[int]) -> Path:
    with Pending() as pending:
        written = one(path).rewrite(np.array(removed, np.int64), path.parent / "out", pending)
        pending.place()
    new = path.parent / "out" / path.name
    assert new.stat().st_size == written
    return new


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("a.txt", A + b"\n" + B, [A, B]),
        ("a.txt", b"\xef\xbb\xbf" + A + b"\r\n" + B + b"\r\n", [A, B]),
        ("a.txt", A + b"\r\r" + b" " + B + b" \n", [A, None, b" " + B + b" "]),
        ("a.txt", A + b"\x0b\x0c\x1c\xc2\x85\xe2\x80\xa8" + b"\n", [A + b"\x0b\x0c\x1c\xc2\x85\xe2\x80\xa8"]),
        ("a.txt", b'"' + A + b'",x\n', [b'"' + A + b'",x']),
        ("a.txt", b"\xff\x00\n", [b"\xff\x00"]),
        ("a.txt", b"", []),
        ("a.TXT.GZ", A + b"\n", [A]),
        ("a.csv", b"url\n" + A + b"\n\n" + B, [A, None, B]),
        ("a.csv", b"\xef\xbb\xbfTEXT,URL\r\nx," + A + b"\r\n", [A]),
        ("a.csv", b'\n\n"URL",n\n"' + A + b'",1\n', [A]),
        ("a.csv", b'TEXT,url\n"two\nlines, ""quoted""",' + A + b"\nx," + B + b"\n", [A, B]),
        ("a.csv", b'TEXT,url\n5" pipe,' + A + b"\n", [A]),
        ("a.csv", b'url,TEXT\n"' + A + b'""",x\n,y\n"",z\n', [A + b'"', None, None]),
        ("a.csv", b"TEXT,url\nshort\n", [None]),
        ("a.csv", b"url\r" + A + b"\r" + B, [A, B]),
        ("a.csv", b"url\n\xff\x00\xfe\n", [b"\xff\x00\xfe"]),
        ("a.csv", b"url", []),
        ("a.tsv", b"TEXT\tURL\na,b\t" + A + b"\n", [A]),
        ("a.csv.gz", b"url\n" + A + b"\n", [A]),
        (
            "a.jsonl",
            b'{"url": "\\u0068\\/\\u00e9", "n": 1}\n\n{"n": 2}\n{"url": null}',
            ["h/é".encode(), None, None, None],
        ),
        ("a.ndjson", b'{"URL": "\xff"}\r\n{"URL": "\\ud800"}\r\n', [b"\xff", b"\xed\xa0\x80"]),
        ("a.jsonl.gz", b'\xef\xbb\xbf{"url": "' + A + b'"}', [A]),
    ],
)
def test_a_record_says_what_its_reader_would_say(tmp_path, name, data, found):
    path = write(tmp_path / name, data)
    assert urls(path) == urls(path, 1) == found
    assert one(path).num_rows == len(found)
    assert content(rewritten(path, [])) == data


@pytest.mark.parametrize(
    ("name", "data", "slug"),
    [
        ("a.csv", b"link,TEXT\nx,y\n", "dataset-no-url-column"),
        ("a.csv", b"", "dataset-no-url-column"),
        ("a.csv", b"url,URL\nx,y\n", "dataset-ambiguous-column"),
        ("a.csv", b'url,TEXT\nx,"y\n', "list-damaged"),
        ("a.csv", b'"url\n', "list-damaged"),
        ("a.csv", b'TEXT,url\n"a \\"b, c\\" d",' + A + b"\n", "list-damaged"),
        ("a.tsv", b"TEXT\turl\na\tb\t" + A + b"\n", "list-damaged"),
        ("a.csv", b"," * 10_000 + b"url\n", "dataset-too-many-columns"),
        ("a.jsonl", b'{"link": "x"}\n', "dataset-no-url-column"),
        ("a.jsonl", b'{"url": "x"}\n{"url": "x"', "list-damaged"),
        ("a.jsonl", b"[1]\n", "list-damaged"),
        ("a.jsonl", b"[" * 100_000, "list-damaged"),
        ("a.jsonl", b'{"url": 5}\n', "dataset-column-type"),
        ("a.jsonl", b'{"url": "x", "a": 1, "url": "y"}\n', "list-damaged"),
        ("a.txt", "https://a".encode("utf-16"), "list-not-utf8"),
        ("a.txt.gz", None, "list-damaged"),
        ("a.csv.gz", None, "list-damaged"),
    ],
)
def test_a_list_that_cannot_be_read_for_certain_is_refused(tmp_path, name, data, slug):
    path = tmp_path / name
    path.write_bytes(gzip.compress(A * 999)[:-9] if data is None else data)
    with pytest.raises(BadDataset) as caught:
        list(one(path).rows())
    assert caught.value.slug == slug


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.csv", "a.jsonl"])
def test_a_line_without_end_does_not_fill_the_memory(tmp_path, monkeypatch, name):
    monkeypatch.setattr("takedown.dataset.list_records.MAX_RECORD_BYTES", 1 << 21)
    head = b'url\n"' if name == "a.csv" else b""
    path = write(tmp_path / name, head + b"x\n" * (3 << 20) if name == "a.csv" else b"x" * (5 << 20))
    with pytest.raises(BadDataset) as caught:
        list(one(path).rows())
    assert caught.value.slug == "list-line-too-long"


ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
CELLS = st.text(st.sampled_from('ab,\t" é\n\r'), max_size=6)


@st.composite
def lists(draw) -> tuple[str, bytes, list[bytes]]:
    """(name, head, records) of a list, each line with an end of its own."""
    form = draw(st.sampled_from(["txt", "csv", "tsv", "jsonl"]))
    ends = st.lists(ENDS, min_size=13, max_size=13)
    rows = draw(st.lists(st.tuples(CELLS, CELLS), max_size=12))
    end = iter(draw(ends))
    head = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    if form == "txt":
        plain = [row[0].replace("\n", "").replace("\r", "") for row in rows]
        records = [text.encode() + next(end) for text in plain]
    elif form == "jsonl":
        records = [json.dumps({"x": x, "url": url}).encode() + next(end) for x, url in rows]
    else:
        delimiter = "," if form == "csv" else "\t"
        head += delimiter.join(["x", "url"]).encode() + next(end)
        records = [_table_line(row, delimiter) + next(end) for row in rows]
    if records and draw(st.booleans()):
        records[-1] = records[-1].rstrip(b"\r\n") or b"x"
    # CR in front of an empty line that ends in LF is one line end, not two.
    glued = any(
        a.endswith(b"\r") and b.startswith(b"\n") for a, b in zip([head, *records], records, strict=False)
    )
    records = [b"x" + record if glued and form == "txt" else record for record in records]
    return f"a.{form}{draw(st.sampled_from(['', '.gz']))}", head, records


def _table_line(row: tuple[str, str], delimiter: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerow(row)
    return out.getvalue().removesuffix("\r\n").encode()


@settings(max_examples=150, deadline=None)
@given(lists(), st.data())
@example(("a.txt", b"", [b"a\n", b"b"]), None)
def test_lines_that_stay_stay_byte_for_byte_and_come_back(tmp_path_factory, made, data):
    name, head, records = made
    folder = tmp_path_factory.mktemp("list")
    path = write(folder / name, head + b"".join(records))
    removed = data.draw(st.sets(st.sampled_from(range(len(records))))) if data and records else set()
    gone = np.array(sorted(removed), np.int64)
    assert one(path).num_rows == len(records)
    kept = rewritten(path, sorted(removed))
    assert content(kept) == head + b"".join(r for n, r in enumerate(records) if n not in removed)
    with Pending() as pending:
        one(path).set_aside(gone, folder / "aside", pending)
        pending.place()
    aside = folder / "aside" / name
    assert content(aside) == head + b"".join(r for n, r in enumerate(records) if n in removed)
    assert aside.stat().st_mode & 0o777 == 0o600
    with Pending() as pending:
        one(kept).put_back(one(aside), gone, folder / "whole", pending)
        pending.place()
    assert content(folder / "whole" / name) == content(path)


def test_a_last_line_without_end_gets_one_where_others_follow(tmp_path):
    path = write(tmp_path / "a.txt", b"1\r\n2\r\n3")
    aside = write(tmp_path / "aside" / "a.txt", b"0")
    with Pending() as pending:
        one(path).put_back(one(aside), np.array([1]), tmp_path / "out", pending)
        pending.place()
    assert (tmp_path / "out" / "a.txt").read_bytes() == b"1\r\n0\r\n2\r\n3"


def test_columns_beside_the_address_are_read(tmp_path):
    sha = "ab" * 32
    path = write(tmp_path / "a.csv", f"sha256,url,TEXT,WIDTH\n{sha},u1,one,512.0\nbad,u2,,x\n".encode())
    (batch,) = one(path).rows()
    assert batch.sha256.to_pylist() == [bytes.fromhex(sha), None]
    assert batch.caption.to_pylist() == ["one", None]
    assert batch.width.to_pylist() == [512, None]
    row, again = one(path).read_rows([1, 0])
    assert (row.url, again.url, again.caption) == ("u2", "u1", "one")
    with pytest.raises(BadDataset):
        one(path).read_rows([2])


def test_each_line_names_its_columns_in_its_own_way(tmp_path):
    lines = [{"url": "a", "TEXT": "x"}, {"url": "b", "caption": "y"}, {"url": "c", "TEXT": None, "text": "z"}]
    path = write(tmp_path / "a.jsonl", b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    (batch,) = one(path).rows()
    assert batch.caption_bytes.to_pylist() == [b"x", b"y", b"z"]


def test_cells_behind_the_last_column_that_are_empty_say_nothing(tmp_path):
    assert urls(write(tmp_path / "a.csv", b"url,TEXT\n" + A + b",x,,\n")) == [A]


def test_a_folder_is_searched_for_lists_and_notes_are_named(tmp_path):
    shards.laion(tmp_path / "part.parquet")
    write(tmp_path / "a.txt", A + b"\n")
    write(tmp_path / "b" / "b.csv.gz", b"url\n" + B)
    write(tmp_path / "notes.txt", b"what this is\n")
    dataset = open_source(tmp_path)
    assert [shard.name for shard in dataset.shards] == ["a.txt", "b/b.csv.gz", "part.parquet"]
    assert dataset.unread == (tmp_path / "notes.txt",)
    assert open_source(tmp_path / "b").kind == "urls"


def test_the_stamp_notices_a_changed_list(tmp_path):
    path = write(tmp_path / "a.txt", A + b"\n")
    before = one(path).stamp()
    write(path, A[:-1] + b"f\n")
    assert one(path).stamp() != before


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["txt", "csv", "tsv", "jsonl"]),
    st.lists(
        st.sampled_from(
            [
                b"url",
                b",",
                b"\t",
                b'"',
                b"\n",
                b"\r\n",
                b"{}",
                b'{"url":"a"}',
                b"\xff",
                b"\x00",
                b"a",
                b" ",
            ]
        ),
        max_size=12,
    ).map(b"".join),
)
def test_any_bytes_are_refused_or_kept(tmp_path_factory, form, data):
    path = write(tmp_path_factory.mktemp("any") / f"a.{form}", data)
    try:
        found = urls(path)
    except BadDataset:
        return
    assert content(rewritten(path, [])) == data
    (path.parent / "out" / path.name).unlink()
    if found:
        left = content(rewritten(path, [0]))
        assert len(left) < len(data)
        assert urls(path.parent / "out" / path.name) == found[1:]
