"""Lists of addresses, plain files and tars with an index, through apply, quarantine and restore."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from factories import lists, shards

from takedown.apply import apply, plan, restore
from takedown.apply.check import check

ROWS = 6
GONE = (1, 4)


def text(numbers) -> bytes:
    return b"".join(f"{shards.url(n)}\r\n".encode() for n in numbers)


def table(numbers) -> bytes:
    return b'TEXT,URL\n"two\nlines",' + b"\nx,".join(shards.url(n).encode() for n in numbers) + b"\n"


def objects(numbers) -> bytes:
    return b"\n".join(json.dumps({"n": n, "url": shards.url(n)}).encode() for n in numbers)


def samples(folder: Path) -> list[str]:
    (records,) = shards.plain_files(folder, shards=1, rows=ROWS)
    return [row["url"] for row in records]


def indexed(folder: Path) -> list[str]:
    (records,) = shards.img2dataset(folder, shards=1, rows=ROWS)
    shards.wds2idx(folder / "00000.tar")
    return [row["url"] for row in records]


def written(name: str, make):
    def write(folder: Path) -> list[str]:
        folder.mkdir()
        data = make(range(ROWS))
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return [shards.url(n) for n in range(ROWS)]

    return write


LAYOUTS = {
    "txt": written("a.txt", text),
    "txt.gz": written("a.txt.gz", text),
    "csv": written("a.csv", table),
    "jsonl": written("a.jsonl", objects),
    "plain files": samples,
    "tar with an index": indexed,
}


def tree(folder: Path) -> dict[str, object]:
    """Content of each file; what is packed or counted as what it holds, Parquet by its rows."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or path.name.startswith("."):
            continue
        data = path.read_bytes()
        if name.endswith(".gz"):
            found[name] = gzip.decompress(data)
        elif name.endswith("_stats.json"):
            found[name] = json.loads(data)
        elif name.endswith(".parquet"):
            import pyarrow.parquet as pq

            found[name] = pq.read_table(path).to_pylist()
        else:
            found[name] = data
    return found


def quarantine(*urls: str, seq: int) -> lists.FakeBlocklist:
    listed = lists.of_urls(*urls)
    listed.disposition, listed.seq = "quarantine", seq
    return listed


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("in_place", [True, False], ids=["in place", "to a folder"])
def test_rows_go_and_come_back(tmp_path, layout, in_place):
    source, ledger = tmp_path / "in", tmp_path / "ledger"
    urls = LAYOUTS[layout](source)
    before = tree(source)
    out = None if in_place else tmp_path / "out"
    where = source if in_place else tmp_path / "out"
    listed = quarantine(*(urls[n] for n in GONE), seq=7)

    outcome = apply(listed, [source], out, in_place=in_place, ledger=ledger)
    assert (outcome.errors, outcome.rows_in, outcome.rows_out) == ([], ROWS, ROWS - len(GONE))
    assert plan(listed, [where]).removed == 0
    assert tree(where) != before
    again = apply(listed, [source], out, in_place=in_place, ledger=ledger)
    assert again.errors == []
    first = quarantine(urls[GONE[0]], seq=8)
    assert restore(first, [source] if in_place else (), out=out, ledger=ledger).errors == []
    assert plan(first, [where]).removed == 0
    assert plan(first, [where]).rows_in == ROWS - 1
    assert restore(quarantine(seq=9), [source] if in_place else (), out=out, ledger=ledger).errors == []
    assert tree(where) == before
    if not in_place:
        assert tree(source) == before


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_no_list_names_is_linked(tmp_path, layout):
    LAYOUTS[layout](tmp_path / "in")
    outcome = apply(lists.of_urls("other"), [tmp_path / "in"], tmp_path / "out")
    assert (outcome.errors, outcome.bytes_written) == ([], 0)
    assert tree(tmp_path / "out") == tree(tmp_path / "in")


@pytest.mark.parametrize("names", ["nothing", "another row"])
@pytest.mark.parametrize("layout", ["tar", "plain files"])
def test_what_left_the_source_leaves_the_result(tmp_path, layout, names):
    """Rows that were removed in place, and a sidecar's companions, are not left over from an earlier run."""
    make = shards.plain_files if layout == "plain files" else shards.img2dataset
    records = make(tmp_path / "in", shards=1)[0]
    if layout == "tar":
        shards.wds2idx(tmp_path / "in" / "00000.tar")
    apply(lists.of_urls(), [tmp_path / "in"], tmp_path / "out")
    gone, other = (lists.of_urls(records[row]["url"]) for row in (1, 3))
    apply(gone, [tmp_path / "in"], in_place=True, ledger=tmp_path / "ledger")
    for name in ("00000.idx", "00000_stats.json"):
        (tmp_path / "in" / name).unlink(missing_ok=True)
    listed = other if names == "another row" else lists.of_urls()
    outcome = apply(listed, [tmp_path / "in"], tmp_path / "out")
    assert (outcome.removed, outcome.errors) == (len(listed.digests["url_sha256"]), [])
    assert check(gone, [tmp_path / "out"], workers=1).clean
    again = apply(listed, [tmp_path / "in"], tmp_path / "new")
    assert again.rows_out == outcome.rows_out
    assert tree(tmp_path / "out") == tree(tmp_path / "new")
