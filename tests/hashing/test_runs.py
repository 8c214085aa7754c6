"""Runs of `takedown hash`: how tables are named, what is done again, what is refused."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from factories import shards
from factories.tables import lines, names, one

from takedown.dataset import Stamp
from takedown.dataset.fingerprints import SCHEMA, write_fingerprints
from takedown.errors import BadDataset, SandboxFailed, TakedownError, UsageError
from takedown.fingerprint import Fingerprint
from takedown.hashing import hash_shards, job, layout
from takedown.sandbox import Sandbox, Stored

# --- Names ------------------------------------------------------------------------------------------------


def test_tables_are_called_as_their_shards(tmp_path: Path) -> None:
    for part in ("a", "b/deep"):
        shards.img2dataset(tmp_path / "copy" / part, shards=1, rows=2)
    one(tmp_path / "copy", tmp_path / "T")
    assert names(tmp_path / "T") == ["a/00000.parquet", "b/deep/00000.parquet"]


def test_plain_files_give_the_table_that_their_tar_gives(tmp_path: Path) -> None:
    shards.img2dataset(tmp_path / "tars", shards=1, rows=3)
    shards.plain_files(tmp_path / "files", shards=1, rows=3)
    for kind in ("tars", "files"):
        assert one(tmp_path / kind, tmp_path / f"T-{kind}").hashed == 2
    tables = [pq.read_table(tmp_path / f"T-{kind}" / "00000.parquet") for kind in ("tars", "files")]
    assert tables[0].equals(tables[1])


def test_shards_of_one_name_get_a_table_each_and_keep_it(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abc"]
    for number, folder in enumerate(folders):
        shards.img2dataset(folder, shards=1, rows=2 + number, failed=())
    one(folders[:2], tmp_path / "T")
    assert names(tmp_path / "T") == ["00000-2.parquet", "00000.parquet"]
    before = {name: (tmp_path / "T" / name).read_bytes() for name in names(tmp_path / "T")}
    report = one([folders[2], folders[1], folders[0]], tmp_path / "T")
    assert (report.tables, report.kept, report.hashed) == (3, 2, 4)
    assert names(tmp_path / "T") == ["00000-2.parquet", "00000-3.parquet", "00000.parquet"]
    assert all((tmp_path / "T" / name).read_bytes() == content for name, content in before.items())


def test_a_table_that_was_not_made_here_is_left_alone(tmp_path: Path) -> None:
    shards.img2dataset(tmp_path / "copy", shards=1, rows=2, failed=())
    columns = {name: [None] for name in SCHEMA.names}
    write_fingerprints(tmp_path / "T" / "00000.parquet", columns, Stamp(1, "x"), {})
    one(tmp_path / "copy", tmp_path / "T")
    assert names(tmp_path / "T") == ["00000-2.parquet", "00000.parquet"]
    assert pq.read_metadata(tmp_path / "T" / "00000.parquet").num_rows == 1


def test_names_that_differ_in_case_only_do_not_share_a_table(tmp_path: Path) -> None:
    jobs = [layout.Job(tmp_path / name, name, 1) for name in ("Shard", "shard", "SHARD")]
    places = layout.place(tmp_path, jobs)
    assert [path.name for path in places] == ["Shard.parquet", "shard-2.parquet", "SHARD-3.parquet"]
    assert layout.place(tmp_path, jobs[::-1]) == places[::-1]


@pytest.mark.parametrize(
    "note", [b"", b"[]", b'{"a": 1}', b'{"../../x": "/a"}', b'{"/etc/x": "/a"}', b'{"": "/a"}']
)
def test_a_note_that_makes_no_sense_is_refused(tmp_path: Path, note: bytes) -> None:
    (tmp_path / layout.SOURCES).write_bytes(note)
    with pytest.raises(UsageError) as caught:
        layout.place(tmp_path, [])
    assert caught.value.slug == "out-sources-damaged"


def test_a_large_folder_of_pictures_is_cut_into_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "PIECE_PICTURES", 2)
    copy = tmp_path / "p"
    copy.mkdir()
    for number in range(5):
        (copy / f"{number}.jpg").write_bytes(shards.picture(number))
    one(copy, tmp_path / "T")
    assert names(tmp_path / "T") == [f"p-0000{number}.parquet" for number in range(3)]
    assert len(lines(tmp_path / "T")) == 5
    (copy / "4.jpg").unlink()
    (copy / "3.jpg").write_bytes(shards.picture(9) + b"\0")
    report = one(copy, tmp_path / "T")
    assert names(tmp_path / "T") == ["p-00000.parquet", "p-00001.parquet"]
    assert (report.tables, report.kept, report.hashed) == (2, 1, 2)
    assert lines(tmp_path / "T")[3]["sha256"] == hashlib.sha256(shards.picture(9) + b"\0").digest()


# --- What is done again, and what cannot be done ----------------------------------------------------------


def test_only_what_changed_is_done_again(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shards.img2dataset(copy, shards=2, rows=3, failed=())
    one(copy, tmp_path / "T")
    first = (tmp_path / "T" / "00000.parquet").stat().st_mtime_ns
    shards.img2dataset(tmp_path / "other", shards=2, rows=4, failed=())
    for ending in ("tar", "parquet"):
        (tmp_path / "other" / f"00001.{ending}").replace(copy / f"00001.{ending}")
    report = one(copy, tmp_path / "T")
    assert (report.tables, report.kept, report.hashed, report.counts["lines"]) == (2, 1, 4, 7)
    assert (tmp_path / "T" / "00000.parquet").stat().st_mtime_ns == first


def test_a_bad_shard_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shards.img2dataset(copy, shards=3, rows=3)
    content = (copy / "00001.tar").read_bytes()
    (copy / "00001.tar").write_bytes(content[: len(content) // 2])
    shards.laion(copy / "metadata.parquet")
    report = one(copy, tmp_path / "T")
    assert names(tmp_path / "T") == ["00000.parquet", "00002.parquet"]
    assert {(path.name, error.slug) for path, error in report.errors} == {
        ("00001.tar", "tar-truncated"),
        ("metadata.parquet", "dataset-no-pictures"),
    }
    (copy / "00001.tar").write_bytes(content)
    (copy / "metadata.parquet").unlink()
    mended = one(copy, tmp_path / "T")
    assert (mended.tables, mended.kept, mended.errors) == (3, 2, ())


def test_sources_without_pictures_are_refused(tmp_path: Path) -> None:
    shards.laion(tmp_path / "laion.parquet")
    with pytest.raises(BadDataset) as caught:
        one(tmp_path / "laion.parquet", tmp_path / "T")
    assert caught.value.slug == "dataset-no-pictures"
    with pytest.raises(BadDataset) as caught:
        one([tmp_path / "laion.parquet", tmp_path / "absent"], tmp_path / "T")
    assert caught.value.slug == "dataset-no-pictures"
    with pytest.raises(UsageError):
        hash_shards([], tmp_path / "T")
    assert not (tmp_path / "T").exists()


def test_tables_do_not_go_among_the_shards(tmp_path: Path) -> None:
    shards.img2dataset(tmp_path / "copy", shards=1, rows=2)
    for inside in (tmp_path / "copy", tmp_path / "copy" / "T"):
        with pytest.raises(UsageError) as caught:
            one(tmp_path / "copy", inside)
        assert caught.value.slug == "out-in-source"
    one(tmp_path / "copy" / "00000.tar", tmp_path / "copy" / "T")  # one tar is no folder: it stays what it is


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    shards.img2dataset(tmp_path / "copy", shards=1, rows=2)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        one(tmp_path / "copy", tmp_path / "file")
    assert caught.value.slug == "out-not-writable"


def test_a_full_disk_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards.img2dataset(tmp_path / "copy", shards=2, rows=2)

    def full(*_anything: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("takedown.hashing.shard.write_fingerprints", full)
    with pytest.raises(UsageError, match="No space left") as caught:
        one(tmp_path / "copy", tmp_path / "T")
    assert caught.value.slug == "out-not-writable"


def test_many_deadly_pictures_cost_themselves_and_a_dead_sandbox_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for number in range(45):
        (copy / f"{number:02}.jpg").write_bytes(b"deadly" if number else shards.picture(1))
    working = Sandbox.fingerprint_many

    def fragile(box: Sandbox, pictures: Sequence[Stored]) -> list[Fingerprint | TakedownError]:
        """Dies on some pictures."""
        return [
            SandboxFailed("It died.") if picture.data == b"deadly" else working(box, [picture])[0]
            for picture in pictures
        ]

    monkeypatch.setattr(Sandbox, "fingerprint_many", fragile)
    assert one(copy, tmp_path / "T").counts["unreadable"] == 44
    monkeypatch.setattr(
        Sandbox, "fingerprint_many", lambda _, pictures: [SandboxFailed("It died.")] * len(pictures)
    )
    with pytest.raises(SandboxFailed):
        one(copy, tmp_path / "T2")


def test_a_shard_that_changes_while_it_is_read_gives_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from takedown.dataset import open_source
    from takedown.hashing.pictures import PictureReader
    from takedown.hashing.shard import hash_shard

    shards.img2dataset(tmp_path / "copy", shards=1, rows=3, failed=())
    (shard,) = open_source(tmp_path / "copy" / "00000.tar").shards
    tar = tmp_path / "copy" / "00000.tar"

    def tell(_: int) -> None:
        tar.write_bytes(tar.read_bytes() + bytes(512))

    with PictureReader() as reader, pytest.raises(BadDataset) as caught:
        hash_shard(shard, tmp_path / "T" / "t.parquet", reader, tell)
    assert caught.value.slug == "dataset-changed"
    assert not (tmp_path / "T").exists()


def test_several_processes_give_the_same_tables_and_tell_of_every_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards.img2dataset(tmp_path / "copy", shards=5, rows=8)
    told: list[tuple[int, int]] = []
    one(tmp_path / "copy", tmp_path / "one")
    monkeypatch.setattr(job, "FEW_PICTURES", 0)
    hash_shards(
        [tmp_path / "copy"],
        tmp_path / "many",
        workers=3,
        progress=lambda done, total: told.append((done, total)),
    )
    assert names(tmp_path / "one") == names(tmp_path / "many")
    for name in names(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "many" / name).read_bytes()
    assert max(done for done, _ in told) == 35
    assert all(0 < done <= total <= 40 for done, total in told)
