"""One command, many ways to name its sources: pairs, globs, links, and endings in capitals."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from factories import shards

from takedown.dataset import open_source, open_sources
from takedown.dataset.tar import members
from takedown.errors import BadDataset


def names(*sources: Path) -> list[str]:
    datasets, failed = open_sources(sources)
    assert failed == ()
    return [shard.name for dataset in datasets for shard in dataset.shards]


def test_a_shard_named_twice_comes_once(tmp_path):
    shards.img2dataset(tmp_path / "s", shards=2)
    everything = sorted((tmp_path / "s").iterdir())
    assert len(everything) == 6
    assert names(*everything) == ["00000.tar", "00001.tar"]
    assert names(tmp_path / "s" / "00000.tar", tmp_path / "s" / "00000.parquet") == ["00000.tar"]
    assert names(tmp_path / "s", tmp_path / "s" / ".." / "s") == ["00000.tar", "00001.tar"]


def test_a_link_to_the_folder_is_the_same_folder_and_a_linked_file_is_a_file(tmp_path):
    shards.laion(tmp_path / "a" / "x.parquet")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert names(tmp_path / "a", tmp_path / "b" / "x.parquet") == ["x.parquet"]
    # As in a download cache, where two files of equal content are links to one.
    (tmp_path / "a" / "y.parquet").symlink_to(tmp_path / "a" / "x.parquet")
    assert names(tmp_path / "a") == ["x.parquet", "y.parquet"]


def test_a_bad_source_stops_or_is_handed_back(tmp_path):
    shards.laion(tmp_path / "x.parquet")
    sources = [tmp_path / "absent", tmp_path / "x.parquet"]
    with pytest.raises(BadDataset):
        open_sources(sources)
    datasets, failed = open_sources(sources, strict=False)
    assert [dataset.path for dataset in datasets] == [tmp_path / "x.parquet"]
    assert [(path.name, error.slug) for path, error in failed] == [("absent", "dataset-not-found")]


def test_folders_behind_links_and_links_to_nothing_are_no_silence(tmp_path):
    shards.laion(tmp_path / "real" / "x.parquet")
    shards.laion(tmp_path / "in" / "0.parquet")
    (tmp_path / "in" / ".hidden").symlink_to(tmp_path / "real")
    assert names(tmp_path / "in") == ["0.parquet"]
    (tmp_path / "in" / "z.tar").symlink_to(tmp_path / "nowhere")
    with pytest.raises(BadDataset) as caught:
        open_source(tmp_path / "in")
    assert caught.value.slug == "dataset-not-followed"
    (tmp_path / "in" / "z.tar").unlink()
    (tmp_path / "in" / "part").symlink_to(tmp_path / "real")
    failed = open_source(tmp_path / "in", strict=False).failed
    found = {path.name: error.slug for path, error in failed}
    assert found == {".hidden": "dataset-not-followed", "part": "dataset-not-followed"}


@pytest.mark.parametrize(("tar", "table"), [(".TAR", ".parquet"), (".tar", ".PARQUET"), (".Tar", ".Parquet")])
def test_tar_and_sidecar_belong_together_in_capitals_too(tmp_path, tar, table):
    shards.img2dataset(tmp_path, shards=1, failed=(2,), stats=False)
    main = (tmp_path / "00000.tar").rename(tmp_path / f"00000{tar}")
    sidecar = (tmp_path / "00000.parquet").rename(tmp_path / f"00000{table}")
    for source in (tmp_path, main, sidecar):
        (shard,) = open_source(source).shards
        assert shard.files() == (main, sidecar)
        assert shard.num_rows == 6, "the failed download is in the sidecar only"


def test_two_files_that_differ_in_case_are_not_guessed_between(tmp_path):
    shards.img2dataset(tmp_path, shards=1, stats=False)
    (tmp_path / "00000.TAR").write_bytes((tmp_path / "00000.tar").read_bytes())
    if len(list(tmp_path.iterdir())) == 2:
        pytest.skip("this file system does not tell upper from lower case")
    dataset = open_source(tmp_path, strict=False)
    assert dataset.shards == ()
    assert {error.slug for _, error in dataset.failed} == {"dataset-ambiguous-pair"}


def test_an_ending_in_an_odd_mixture_is_named_as_not_read(tmp_path):
    shards.laion(tmp_path / "x.parquet")
    shards.laion(tmp_path / "y.pArQuEt")
    assert [path.name for path in open_source(tmp_path).unread] == ["y.pArQuEt"]


def test_the_stamp_of_a_shard_is_of_its_rows_and_pictures_alone(tmp_path):
    shards.img2dataset(tmp_path, shards=1)
    before = open_source(tmp_path).shards[0].stamp()
    (tmp_path / "00000_stats.json").write_text("{}")
    assert open_source(tmp_path).shards[0].stamp() == before
    (tmp_path / "00000_stats.json").unlink()
    assert open_source(tmp_path).shards[0].stamp() == before
    pq.write_table(pq.read_table(tmp_path / "00000.parquet").slice(1), tmp_path / "00000.parquet")
    assert open_source(tmp_path).shards[0].stamp() != before


def test_a_folder_entry_with_a_size_cannot_hide_members(tmp_path):
    """Other readers take no data for a folder and see the member that a walk by sizes jumps over."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        shards.add(tar, "hidden.jpg", b"x" * 100)
        shards.add(tar, "seen.jpg", b"x")
    folder.size = 1024
    content = folder.tobuf(tarfile.USTAR_FORMAT) + path.read_bytes()[512:]
    path.write_bytes(content)
    with tarfile.open(path) as tar:
        assert "hidden.jpg" in tar.getnames()
    with pytest.raises(BadDataset) as caught:
        list(members(path))
    assert caught.value.slug == "tar-damaged"
