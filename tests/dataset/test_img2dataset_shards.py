"""img2dataset folders and folders of pictures: layouts, keys, and hostile archives."""

from __future__ import annotations

import io
import json
import tarfile
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import shards

from takedown.dataset import open_source
from takedown.dataset.tar import members
from takedown.errors import BadDataset


def test_rows_come_from_the_sidecar_and_pictures_find_their_row(tmp_path):
    records = shards.img2dataset(tmp_path, rows=6, failed=(0, 3))
    dataset = open_source(tmp_path)
    assert (dataset.kind, [s.name for s in dataset.shards]) == ("img2dataset", ["00000.tar", "00001.tar"])
    shard = dataset.shards[1]
    batch = next(iter(shard.rows()))
    assert batch.url.to_pylist() == [row["url"] for row in records[1]]
    assert batch.status.to_pylist()[:2] == ["failed_to_download", "success"]
    assert batch.width.to_pylist()[1] == 160, "the size as downloaded, not as resized"
    pictures = dict(shard.pictures())
    assert sorted(pictures) == [1, 2, 4, 5]
    assert pictures[2] == shards.picture(10_002)


def test_a_tar_without_sidecar_gives_the_rows_of_its_json(tmp_path):
    records = shards.img2dataset(tmp_path, shards=1, rows=5, failed=(1,), sidecar=False, stats=False)
    shard = open_source(tmp_path).shards[0]
    kept = [row for row in records[0] if row["status"] == "success"]
    assert shard.num_rows == 4
    batches = list(shard.rows(batch_size=3))
    assert [b.first for b in batches] == [0, 3]
    assert [u for b in batches for u in b.url.to_pylist()] == [row["url"] for row in kept]
    rows = shard.read_rows([3, 0])
    assert [row.caption for row in rows] == [kept[3]["caption"], kept[0]["caption"]]
    assert rows[0].sha256 == bytes.fromhex(kept[3]["sha256"])
    assert [number for number, _ in shard.pictures()] == [0, 1, 2, 3]


def test_a_sidecar_stands_for_its_tar(tmp_path):
    shards.img2dataset(tmp_path, shards=1)
    assert open_source(tmp_path / "00000.parquet").shards[0].path == tmp_path / "00000.tar"
    assert open_source(tmp_path / "00000.tar").kind == "img2dataset"


def test_a_folder_of_pictures_has_sorted_rows_and_no_addresses(tmp_path):
    for name in ("b.png", "sub/a.JPG", "a.webp", "notes.txt", ".hidden.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    dataset = open_source(tmp_path)
    assert dataset.kind == "images"
    shard = dataset.shards[0]
    assert next(iter(shard.rows())).key.to_pylist() == ["a.webp", "b.png", "sub/a.JPG"]
    assert dict(shard.pictures())[2] == b"sub/a.JPG"
    assert shard.read_rows([1])[0].source == "b.png"
    before = shard.stamp()
    (tmp_path / "b.png").write_bytes(b"longer than before")
    assert open_source(tmp_path).shards[0].stamp() != before


def test_files_of_unknown_layout_are_named_not_passed_over(tmp_path):
    shards.laion(tmp_path / "part-0.parquet")
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "rest.tfrecord").write_bytes(b"rows")
    assert open_source(tmp_path).unread == (tmp_path / "rest.tfrecord",)


@pytest.mark.parametrize("what", ["missing", "empty", "text", "address"])
def test_a_source_that_is_none_is_refused(tmp_path, what):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("a")
    with pytest.raises(BadDataset):
        open_source("s3://bucket/part.parquet" if what == "address" else tmp_path / what)


def test_one_bad_shard_of_a_folder_can_be_set_aside(tmp_path):
    shards.laion(tmp_path / "good.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(BadDataset):
        open_source(tmp_path)
    dataset = open_source(tmp_path, strict=False)
    assert [s.name for s in dataset.shards] == ["good.parquet"]
    assert [path.name for path, _ in dataset.failed] == ["bad.parquet"]


def _sidecar(folder: Path, change) -> None:
    shards.img2dataset(folder, shards=1)
    path = folder / "00000.parquet"
    pq.write_table(change(pq.read_table(path)), path)


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        (lambda t: t.drop_columns("url"), "dataset-no-url-column"),
        (lambda t: t.drop_columns("key"), "dataset-no-key-column"),
        (lambda t: pa.concat_tables([t, t]), "dataset-keys-not-unique"),
        (lambda t: t.slice(2), "tar-unknown-key"),
    ],
)
def test_a_sidecar_that_does_not_fit_its_tar_is_refused(tmp_path, change, slug):
    _sidecar(tmp_path, change)
    with pytest.raises(BadDataset) as caught:
        list(open_source(tmp_path).shards[0].pictures())
    assert caught.value.slug == slug


def archive(entries, *, form: int = tarfile.PAX_FORMAT, pax: dict[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for info in entries:
            content = b"x" * info.size
            info.pax_headers = pax or {}
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return out.getvalue()


def entry(name: str, size: int = 3, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size if kind == tarfile.REGTYPE else 0
    info.type = kind
    info.linkname = link
    return info


GOOD = archive([entry("1.jpg"), entry("2.jpg", 700)])


def _broken_second_header() -> bytes:
    content = bytearray(GOOD)
    content[1024:1030] = b"broken"
    return bytes(content)


HOSTILE = {
    "leads up": (archive([entry("../1.jpg")]), "tar-unsafe-name"),
    "leads up inside": (archive([entry("a/../../1.jpg")]), "tar-unsafe-name"),
    "absolute": (archive([entry("/etc/1.jpg")]), "tar-unsafe-name"),
    "backslash": (archive([entry("..\\1.jpg")]), "tar-unsafe-name"),
    "line feed": (archive([entry("1\n.jpg")]), "tar-unsafe-name"),
    "symbolic link": (archive([entry("1.jpg", kind=tarfile.SYMTYPE, link="/etc/passwd")]), "tar-not-a-file"),
    "hard link": (archive([entry("1.jpg", kind=tarfile.LNKTYPE, link="2.jpg")]), "tar-not-a-file"),
    "device": (archive([entry("1.jpg", kind=tarfile.CHRTYPE)]), "tar-not-a-file"),
    "pipe": (archive([entry("1.jpg", kind=tarfile.FIFOTYPE)]), "tar-not-a-file"),
    "sparse": (archive([entry("1.jpg")], pax={"GNU.sparse.size": "99999999999"}), "tar-not-a-file"),
    "pax bomb": (archive([entry("1.jpg")], pax={"comment": "x" * 100_000}), "tar-header-too-large"),
    "pax size": (archive([entry("1.jpg")], pax={"size": "99999999999"}), "tar-truncated"),
    "pax size text": (archive([entry("1.jpg")], pax={"size": "-5"}), "tar-damaged"),
    "twice": (archive([entry("1.jpg"), entry("1.jpg")]), "tar-duplicate-name"),
    "twice by dot": (archive([entry("1.jpg"), entry("./1.jpg")]), "tar-duplicate-name"),
    "cut in data": (GOOD[:1800], "tar-truncated"),
    "cut in header": (GOOD[:1100], "tar-truncated"),
    "cut before its end": (GOOD[:2560], "tar-truncated"),
    "damaged in the middle": (_broken_second_header(), "tar-damaged"),
    "second archive behind": (GOOD + GOOD, "tar-trailing-data"),
    "no archive": (b"<html>" * 200, "tar-damaged"),
    "empty": (b"", "tar-truncated"),
}


@pytest.mark.parametrize(("content", "slug"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_archives_are_refused_with_a_sentence(tmp_path, content, slug):
    path = tmp_path / "00000.tar"
    path.write_bytes(content)
    with pytest.raises(BadDataset) as caught:
        list(members(path))
    assert caught.value.slug == slug
    with pytest.raises(BadDataset):
        list(open_source(path).shards[0].rows())


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_common_tar_format_reads_as_the_standard_library_reads_it(tmp_path, form):
    names = ["1.jpg", "folder/2.tar.json", "./3.txt", "folder/" + "n" * 95 + ".webp", "no-ending"]
    if form != tarfile.USTAR_FORMAT:
        names += ["ü" * 120 + ".jpg", "d/" * 80 + "4.png"]
    folder = entry("folder", kind=tarfile.DIRTYPE)
    path = tmp_path / "a.tar"
    path.write_bytes(
        archive([folder, *(entry(name, 5 + i * 300) for i, name in enumerate(names))], form=form)
    )
    with tarfile.open(path) as tar:
        expected = [
            (info.name.removeprefix("./"), info.offset, info.offset_data, info.size)
            for info in tar
            if info.isreg()
        ]
    assert [(m.name, m.start, m.data, m.size) for m in members(path)] == expected


@pytest.mark.parametrize(
    ("name", "key", "extension"),
    [
        ("000000001.jpg", "000000001", "jpg"),
        ("a.b/1.tar.JSON", "a.b/1", "tar.json"),
        ("plain", "", ""),
        (".jpg", "", ""),
    ],
)
def test_the_key_ends_at_the_first_dot_of_the_last_segment(tmp_path, name, key, extension):
    path = tmp_path / "a.tar"
    path.write_bytes(archive([entry(name)]))
    member = next(iter(members(path)))
    assert (member.key, member.extension) == (key, extension)


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"[" * 100_000, b'{"url": 5}', b'{"url": "a", "url_": NaN', b'{"url": "a", "url": "b"}'],
)
def test_damaged_json_members_are_refused(tmp_path, content):
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        shards.add(tar, "1.jpg", b"x")
        shards.add(tar, "1.json", content)
    with pytest.raises(BadDataset):
        list(open_source(tmp_path).shards[0].rows())


def test_a_tar_without_any_address_is_refused_and_its_parts_named(tmp_path):
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        shards.add(tar, "1.jpg", b"x")
    with pytest.raises(BadDataset, match="jpg") as caught:
        list(open_source(tmp_path).shards[0].rows())
    assert caught.value.slug == "dataset-no-url-column"


def test_json_addresses_keep_their_exact_bytes(tmp_path):
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        shards.add(tar, "1.json", json.dumps({"url": " http://a.example/Ä ", "width": 1e400}).encode())
        shards.add(tar, "1.txt", b"caption beside it")
    batch = next(iter(open_source(tmp_path).shards[0].rows()))
    assert batch.url_bytes.to_pylist() == [" http://a.example/Ä ".encode()]
    assert batch.caption.to_pylist() == ["caption beside it"]
    assert batch.width.to_pylist() == [None]


def test_samples_name_their_caption_each_in_its_own_way(tmp_path):
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        shards.add(tar, "1.json", b'{"url": "a", "TEXT": "x"}')
        shards.add(tar, "2.json", b'{"url": "b"}')
        shards.add(tar, "2.txt", b"y")
    (batch,) = open_source(tmp_path / "0.tar").shards[0].rows()
    assert batch.caption_bytes.to_pylist() == [b"x", b"y"]


def test_two_members_of_a_sample_that_differ_in_case_are_refused(tmp_path):
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        shards.add(tar, "1.json", b'{"url": "listed"}')
        shards.add(tar, "1.JSON", b'{"url": "other"}')
    with pytest.raises(BadDataset) as caught:
        list(open_source(tmp_path / "0.tar").shards[0].rows())
    assert caught.value.slug == "tar-duplicate-name"


def test_what_a_json_holds_besides_is_not_kept_in_memory(tmp_path):
    large = json.dumps({"url": "a", "exif": [[]] * 100_000}).encode()
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        for number in range(12):
            shards.add(tar, f"{number}.json", large)
    tracemalloc.start()
    try:
        (batch,) = open_source(tmp_path / "0.tar").shards[0].rows(columns=("url",))
        assert batch.num_rows == 12
        assert tracemalloc.get_traced_memory()[1] < 4 * 100_000 * 60
    finally:
        tracemalloc.stop()
