"""What `takedown hash` puts into the tables of img2dataset folders and of folders of pictures."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import shards
from factories.pictures import encode
from factories.tables import lines, names, one
from PIL import Image

from takedown.dataset.fingerprints import SCHEMA
from takedown.fingerprint import base


@pytest.mark.parametrize("sidecar", [True, False])
def test_an_img2dataset_folder_gives_a_line_for_each_picture(tmp_path: Path, sidecar: bool) -> None:
    (rows,) = shards.img2dataset(tmp_path / "copy", shards=1, failed=(2,), sidecar=sidecar)
    report = one(tmp_path / "copy", tmp_path / "T")
    assert names(tmp_path / "T") == ["00000.parquet"]
    found = lines(tmp_path / "T")
    there = [row for row in rows if row["status"] == "success"]
    assert [line["url_sha256"] for line in found] == [
        hashlib.sha256(row["url"].encode()).digest() for row in there
    ]
    assert [line["sha256"].hex() for line in found] == [row["sha256"] for row in there]
    assert [line["md5"].hex() for line in found] == [row["md5"] for row in there]
    expected = [base(shards.picture(number)) for number in range(6) if number != 2]
    assert [line["pdq"].hex() for line in found] == [print_.pdq for print_ in expected]
    assert [line["phash"].hex() for line in found] == [print_.phash for print_ in expected]
    assert {(line["width"], line["height"], line["quality"]) for line in found} == {(160, 160, 100)}
    assert report.counts == {"lines": 5, "pictures": 5, "readable": 5, "unreadable": 0, "low_quality": 0}
    assert (report.tables, report.kept, report.hashed, report.errors) == (1, 0, 5, ())


def test_nothing_of_the_row_but_keys_is_in_the_file(tmp_path: Path) -> None:
    (rows,) = shards.img2dataset(tmp_path / "copy", shards=1)
    one(tmp_path / "copy", tmp_path / "T")
    table = pq.read_table(tmp_path / "T" / "00000.parquet")
    assert table.schema.equals(SCHEMA)
    content = (tmp_path / "T" / "00000.parquet").read_bytes()
    for row in rows:
        assert row["url"].encode() not in content
        assert row["caption"].encode() not in content
    assert str(tmp_path).encode() not in content


def test_the_digest_of_a_re_encoded_picture_is_never_the_rows(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (rows,) = shards.img2dataset(copy, shards=1, failed=())
    without = [{k: v for k, v in row.items() if k not in ("sha256", "md5")} for row in rows]
    pq.write_table(pa.Table.from_pylist(without), copy / "00000.parquet")
    one(copy, tmp_path / "T")
    assert {(line["sha256"], line["md5"]) for line in lines(tmp_path / "T")} == {(None, None)}


def test_a_folder_of_pictures_gives_the_files_own_digests_and_no_address(tmp_path: Path) -> None:
    copy = tmp_path / "holiday"
    (copy / "deep").mkdir(parents=True)
    content = [shards.picture(number) for number in range(3)]
    for name, data in zip(("b.jpg", "a.jpg", "deep/c.jpg"), content, strict=True):
        (copy / name).write_bytes(data)
    one(copy, tmp_path / "T")
    assert names(tmp_path / "T") == ["holiday-00000.parquet"]
    found = lines(tmp_path / "T")
    ordered = [content[1], content[0], content[2]]
    assert [line["sha256"] for line in found] == [hashlib.sha256(data).digest() for data in ordered]
    assert [line["md5"] for line in found] == [hashlib.md5(data).digest() for data in ordered]
    assert [line["url_sha256"] for line in found] == [None] * 3
    assert [line["pdq"].hex() for line in found] == [base(data).pdq for data in ordered]


def test_bad_and_flat_pictures_among_good_ones(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    flat = encode(Image.new("RGB", (64, 64), (200, 10, 10)), "PNG")
    pictures = {
        "1.jpg": shards.picture(1),
        "2.jpg": b"<html>not found</html>",
        "3.png": flat,
        "4.jpg": shards.picture(4)[:500],
        "5.jpg": b"",
        "6.jpg": shards.picture(6),
    }
    for name, data in pictures.items():
        (copy / name).write_bytes(data)
    report = one(copy, tmp_path / "T")
    found = lines(tmp_path / "T")
    assert report.counts == {"lines": 6, "pictures": 6, "readable": 3, "unreadable": 3, "low_quality": 1}
    assert report.errors == ()
    assert [line["quality"] for line in found] == [100, None, 0, None, None, 100]
    assert [line["pdq"] is None for line in found] == [False, True, True, True, True, False]
    assert [line["phash"] is None for line in found] == [False, True, True, True, True, False]
    assert [line["width"] for line in found] == [96, None, 64, None, None, 96]
    assert [line["sha256"] for line in found] == [hashlib.sha256(d).digest() for d in pictures.values()]


@pytest.mark.parametrize(
    ("sizes", "size"),
    [
        ({"width": 256, "height": 256, "original_width": 1024, "original_height": 704}, (1024, 704)),
        ({"width": 256, "height": 256}, (256, 176)),
        ({}, (256, 176)),
    ],
)
def test_padding_is_cut_off(tmp_path: Path, sizes: dict[str, int], size: tuple[int, int]) -> None:
    inner = Image.open(io.BytesIO(shards.picture(3, side=256))).crop((0, 40, 256, 216))
    square = Image.new("RGB", (256, 256), (255, 255, 255))
    square.paste(inner, (0, 40))
    copy = tmp_path / "copy"
    copy.mkdir()
    row = {"url": "https://a.example/1", "key": "0", "status": "success", "caption": "c"}
    with tarfile.open(copy / "0.tar", "w") as tar:
        shards.add(tar, "0.jpg", encode(square, "PNG"))
        shards.add(tar, "0.json", json.dumps(row | sizes).encode())
    one(copy, tmp_path / "T")
    (line,) = lines(tmp_path / "T")
    assert line["pdq"].hex() == base(encode(inner, "PNG")).pdq
    assert (line["width"], line["height"]) == size


def test_a_row_without_a_picture_stands_for_its_digest(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (rows,) = shards.img2dataset(copy, shards=1, failed=(2,))
    changed = [row | {"md5": "ab" * 16} if row["status"] != "success" else row for row in rows]
    pq.write_table(pa.Table.from_pylist(changed), copy / "00000.parquet")
    report = one(copy, tmp_path / "T")
    line = lines(tmp_path / "T")[2]
    assert line["md5"].hex() == "ab" * 16
    assert (line["pdq"], line["quality"], line["width"]) == (None, None, None)
    assert (report.counts["lines"], report.counts["pictures"]) == (6, 5)
