"""An inventory says of a shard that it holds nothing listed, or does not know: never the wrong way round."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import lists, shards

from takedown.apply import apply, inventory, marks
from takedown.apply.inventory import Inventory
from takedown.apply.scan import Removals, Scanner
from takedown.blocklist.table import Table
from takedown.dataset import Shard, open_source
from takedown.errors import BadDataset, UsageError
from takedown.keys import PUBLISHED_KINDS

ROWS = 300


def _parquet(folder: Path, files: int = 8) -> Path:
    folder.mkdir()
    for file in range(files):
        urls = [
            None if row % 50 == 7 else f"https://pictures.example/{file}/{row}.jpg" for row in range(ROWS)
        ]
        texts = [f"picture {row}" for row in range(ROWS)]
        md5s = [hashlib.md5(f"{file}/{row}".encode()).hexdigest() if row % 3 else None for row in range(ROWS)]
        pq.write_table(pa.table({"URL": urls, "TEXT": texts, "md5": md5s}), folder / f"{file}.parquet")
    return folder


def _shards(folder: Path) -> list[Shard]:
    return list(open_source(folder).shards)


def _scanned(listing: lists.FakeBlocklist, shard: Shard) -> Removals:
    return Scanner(listing).scan(shard, lambda rows: None)


def _tables(listing: lists.FakeBlocklist) -> list[Table]:
    return [table for kind in PUBLISHED_KINDS if (table := listing.table(kind)) is not None]


def _listed(kind: str, file: int, row: int) -> str:
    url = f"https://pictures.example/{file}/{row}.jpg"
    if kind == "img_md5":
        return hashlib.md5(f"{file}/{row}".encode()).hexdigest()
    return hashlib.sha256((url if kind == "url_sha256" else f"{url}\npicture {row}").encode()).hexdigest()


@pytest.mark.parametrize("prefix_hex", [64, 12, 9])
@pytest.mark.parametrize("kind", ["url_sha256", "row_sha256", "img_md5"])
def test_only_the_shards_that_entries_name_are_opened(tmp_path: Path, kind: str, prefix_hex: int) -> None:
    copy = _parquet(tmp_path / "copy")
    inventory.build(tmp_path / "inventory", [copy])
    listing = lists.FakeBlocklist({kind: [_listed(kind, 3, 10), _listed(kind, 5, 20)]}, prefix_hex)
    known = Inventory.open(tmp_path / "inventory")
    for number, shard in enumerate(_shards(copy)):
        answer, scanned = known.none(shard, _tables(listing)), _scanned(listing, shard)
        assert (answer is None) == (number in (3, 5)) == bool(len(scanned.rows))
        if answer is not None:
            fields = ("rows_in", "null_urls", "by_kind", "uncheckable")
            assert [getattr(answer, name) for name in fields] == [getattr(scanned, name) for name in fields]


def test_of_img2dataset_copies_too(tmp_path: Path) -> None:
    rows = shards.img2dataset(tmp_path / "copy", shards=4)
    built = inventory.build(tmp_path / "inventory", [tmp_path / "copy"])
    assert (built.shards, built.rows, built.failures) == (4, 24, ())
    listing = lists.FakeBlocklist({"img_sha256": [rows[2][0]["sha256"]]})
    known = Inventory.open(tmp_path / "inventory")
    named = [known.none(shard, _tables(listing)) is None for shard in _shards(tmp_path / "copy")]
    assert named == [False, False, True, False]


def test_at_most_sixteen_bytes_a_row_with_every_kind(tmp_path: Path) -> None:
    rows = 50_000
    rng = np.random.default_rng(3)
    columns = {
        "url": [f"https://pictures.example/{row}" for row in range(rows)],
        "caption": [str(row) for row in range(rows)],
        "sha256": [digest.tobytes().hex() for digest in rng.integers(0, 256, (rows, 32), np.uint8)],
        "md5": [digest.tobytes().hex() for digest in rng.integers(0, 256, (rows, 16), np.uint8)],
    }
    pq.write_table(pa.table(columns), tmp_path / "all.parquet")
    built = inventory.build(tmp_path / "inventory", [tmp_path / "all.parquet"])
    assert built.rows == rows
    assert built.bytes <= inventory.MOST_BYTES_A_ROW * rows + 64


def test_what_did_not_change_is_not_read_again(tmp_path: Path) -> None:
    copy = _parquet(tmp_path / "copy")
    assert inventory.build(tmp_path / "inventory", [copy]).read == 8
    assert inventory.build(tmp_path / "inventory", [copy]).read == 0
    pq.write_table(pa.table({"URL": ["https://new.example/1"]}), copy / "3.parquet")
    (copy / "4.parquet").unlink()
    built = inventory.build(tmp_path / "inventory", [copy])
    assert (built.read, built.shards, built.rows) == (1, 7, 6 * ROWS + 1)
    assert len(list((tmp_path / "inventory").glob("*.keys"))) == 7


def test_a_changed_or_unknown_shard_is_always_opened(tmp_path: Path) -> None:
    copy = _parquet(tmp_path / "copy")
    inventory.build(tmp_path / "inventory", [copy])
    known = Inventory.open(tmp_path / "inventory")
    pq.write_table(pa.table({"URL": ["https://new.example/1"]}), copy / "3.parquet")
    pq.write_table(pa.table({"URL": ["https://new.example/1"]}), copy / "9.parquet")
    listing = lists.of_urls("https://elsewhere.example/")
    opened = [shard.name for shard in _shards(copy) if known.none(shard, _tables(listing)) is None]
    assert opened == ["3.parquet", "9.parquet"]


def test_a_shard_that_cannot_be_read_is_named_and_stays_out(tmp_path: Path) -> None:
    copy = _parquet(tmp_path / "copy", files=2)
    (copy / "1.parquet").write_bytes(b"PAR1 and then nothing")
    built = inventory.build(tmp_path / "inventory", [copy])
    assert [(Path(failure.file).name, failure.error) for failure in built.failures] == [
        ("1.parquet", "dataset-unreadable")
    ]
    assert built.shards == 1


def test_damaged_keys_are_noticed(tmp_path: Path) -> None:
    copy = _parquet(tmp_path / "copy", files=1)
    inventory.build(tmp_path / "inventory", [copy])
    [file] = (tmp_path / "inventory").glob("*.keys")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    [shard] = _shards(copy)
    with pytest.raises(BadDataset, match="run 'takedown inventory' again"):
        Inventory.open(tmp_path / "inventory").none(
            shard, _tables(lists.of_urls("https://elsewhere.example/"))
        )


@pytest.mark.parametrize(
    "content", [b"", b"{}\n", b'{"format":1,"shards":{}}\n', b'{"format":2,"shards":[]}\n']
)
def test_another_file_is_no_inventory(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "inventory.json").write_bytes(content)
    with pytest.raises(BadDataset, match="delete the folder"):
        Inventory.open(tmp_path)


def test_no_inventory_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="takedown inventory"):
        Inventory.open(tmp_path / "nowhere")


def test_every_kind_is_taken(tmp_path: Path) -> None:
    copy = _parquet(tmp_path / "copy", files=1)
    inventory.build(tmp_path / "inventory", [copy])
    [known] = Inventory.open(tmp_path / "inventory").shards.values()
    assert set(known.unknown) == set(PUBLISHED_KINDS)
    assert known.unknown["img_sha256"] == {"no-sha256-column": ROWS}


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_a_shard_whose_time_was_set_back_is_opened(tmp_path: Path, form: str) -> None:
    """Same size, same file, same time: only the listed address is another one."""
    path = tmp_path / "copy" / f"0.{form}"
    path.parent.mkdir()
    if form == "parquet":
        table = pa.table({"URL": ["https://a.example/1", "https://a.example/2"]})
        pq.write_table(table, path, compression="NONE", write_statistics=False)
    else:
        path.write_text('{"url": "https://a.example/1"}\n')
    inventory.build(tmp_path / "inventory", [path])
    listing = lists.of_urls("https://a.example/9")
    tables = _tables(listing)
    [shard] = open_source(path).shards
    assert Inventory.open(tmp_path / "inventory").none(shard, tables) is not None
    before = path.stat()
    with path.open("r+b") as file:
        content = file.read().replace(b"example/1", b"example/9")
        file.seek(0)
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert marks.version(path) == [before.st_size, before.st_mtime_ns, before.st_ino]
    [shard] = open_source(path).shards
    assert Inventory.open(tmp_path / "inventory").none(shard, tables) is None
    assert inventory.build(tmp_path / "inventory", [path]).read == 1


def test_a_result_that_is_a_link_does_not_make_an_inventory_old(tmp_path: Path) -> None:
    copy = _parquet(tmp_path / "copy", 2)
    inventory.build(tmp_path / "inventory", [copy])
    apply(lists.of_urls("https://a.example/9"), [copy], tmp_path / "out")
    assert (copy / "0.parquet").samefile(tmp_path / "out" / "0.parquet")
    assert inventory.build(tmp_path / "inventory", [copy]).read == 0
