"""A publisher without a portal: ceremony, from-diff, sign, publish; a holder: sync, apply; NEW comes out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from factories import shards

from takedown import cli

ROWS = 900


def run(capsys: Any, *arguments: object) -> tuple[int, dict[str, Any], str]:
    """Run a command: (exit code, its JSON, standard error)."""
    code = cli.main([str(argument) for argument in [*arguments, "--json"]])
    out, err = capsys.readouterr()
    return code, json.loads(out), err


@pytest.fixture
def desk(tmp_path: Path, capsys: Any) -> Path:
    """A folder with keys/, releases/ and laion-old/ of three shards."""
    place = ["--keys", tmp_path / "keys", "--repository", tmp_path / "releases"]
    assert run(capsys, "ceremony", *place, "--publisher", "Example Lab")[0] == 0
    for shard in range(3):
        nulls = (shard * 300 + 7,)
        shards.laion(tmp_path / f"old/part-{shard}.parquet", 300, start=shard * 300, nulls=nulls, group=100)
    return tmp_path


def write_new(desk: Path, keep: Any, name: str = "new") -> pa.Table:
    """Write the rows of OLD that `keep` says (a function from a table to a mask), shard by shard."""
    made = []
    for path in sorted((desk / "old").iterdir()):
        table = pq.read_table(path)
        made.append(table.filter(keep(table)))
        (desk / name).mkdir(exist_ok=True)
        pq.write_table(made[-1], desk / name / path.name)
    return pa.concat_tables(made)


def from_diff(capsys: Any, desk: Path, *options: object, old: str = "old", new: str = "new") -> Any:
    place = ["--repository", desk / "releases", "--staging", desk / "staged", "--edition", "research"]
    options = (*options, "--dataset-id", "example/laion")
    return run(capsys, "blocklist", "from-diff", desk / old, desk / new, *place, *options)


def publish(capsys: Any, desk: Path, *options: object) -> dict[str, Any]:
    place = ["--repository", desk / "releases", "--staging", desk / "staged"]
    code, _, err = run(capsys, "sign", *place, "--key", desk / "keys/targets-1.pem", "--yes")
    assert code == 0, err
    code, said, err = run(capsys, "publish", *place, "--keys", desk / "keys", *options)
    assert code == 0, err
    return said


def holder(capsys: Any, desk: Path, url: object, source: str = "old") -> pa.Table:
    """What a holder of OLD has after sync and apply."""
    state = ["--state", desk / "state"]
    root = desk / "releases/metadata/1.root.json"
    code, said, err = run(capsys, "sync", url, "--root", root, *state)
    assert (code, said["seq"]) == (0, 1), err
    code, _, err = run(capsys, "apply", desk / source, "--out", desk / "clean", *state)
    assert code == 0, err
    return pa.concat_tables([pq.read_table(path) for path in sorted((desk / "clean").glob("*.parquet"))])


def seventh(table: pa.Table) -> Any:
    return pc.not_equal(pc.bit_wise_and(table["SAMPLE_ID"], 7), 3)


def test_applying_the_first_release_gives_the_new_version(desk: Path, capsys: Any) -> None:
    new = write_new(desk, seventh)
    code, made, err = from_diff(capsys, desk)
    assert code == 0, err
    assert (made["rows_old"], made["rows_new"], made["exact"]) == (ROWS, new.num_rows, True)
    # One of the rows that went has no address, and is named by its caption.
    assert made["entries"] == {"row_sha256": 1, "url_sha256": ROWS - new.num_rows - 1}
    served = desk / "served"
    said = publish(capsys, desk, "--to", served.as_uri())
    assert (said["seq"], said["uploaded"]["seq"]) == (1, 1)
    assert holder(capsys, desk, served).equals(new)
    # Again, and refresh: nothing is sent twice, and holders still accept it.
    place = ["--repository", desk / "releases"]
    again = publish_again(capsys, desk, served)
    assert again["uploaded"]["uploaded"] == 0
    code, said, _ = run(capsys, "refresh", *place, "--keys", desk / "keys", "--to", served)
    assert (code, said["seq"], said["uploaded"]["uploaded"]) == (0, 1, 1)
    root = desk / "releases/metadata/1.root.json"
    assert run(capsys, "sync", served, "--root", root, "--state", desk / "state")[0] == 0


def publish_again(capsys: Any, desk: Path, served: Path) -> dict[str, Any]:
    place = ["--repository", desk / "releases", "--staging", desk / "staged", "--keys", desk / "keys"]
    code, said, err = run(capsys, "publish", *place, "--to", served)
    assert code == 0, err
    return said


def test_an_address_that_needs_another_package_is_told_before_anything_is_published(
    desk: Path, capsys: Any
) -> None:
    write_new(desk, seventh)
    assert from_diff(capsys, desk)[0] == 0
    place = ["--repository", desk / "releases", "--staging", desk / "staged"]
    assert run(capsys, "sign", *place, "--key", desk / "keys/targets-1.pem", "--yes")[0] == 0
    code, said, _ = run(capsys, "publish", *place, "--keys", desk / "keys", "--to", "s3://bucket/lists")
    assert (code, said["error"]) == (2, "missing-extra")
    assert not (desk / "releases/index.html").exists()


def test_rows_that_share_an_address_are_told_apart_by_caption(desk: Path, capsys: Any) -> None:
    """Row n of the second shard has the address of row n of the first, and another caption."""
    first, second = (pq.read_table(desk / f"old/part-{n}.parquet") for n in (0, 1))
    second = second.set_column(1, "URL", first["URL"])
    pq.write_table(second, desk / "old/part-1.parquet")

    def keep(table: pa.Table) -> Any:
        return pc.or_(pc.less(table["SAMPLE_ID"], 300), seventh(table))

    new = write_new(desk, keep)
    code, made, err = from_diff(capsys, desk, "--min-entries", 10)
    assert code == 0, err
    assert made["exact"]
    assert set(made["entries"]) == {"url_sha256", "row_sha256"}
    assert made["entries"]["row_sha256"] >= 37
    publish(capsys, desk)
    assert holder(capsys, desk, desk / "releases").equals(new)


def test_short_prefixes_are_counted_in_old_and_remove_what_new_lacks(desk: Path, capsys: Any) -> None:
    new = write_new(desk, seventh)
    code, said, _ = from_diff(capsys, desk, "--prefix-hex", 4, "--min-entries", 10)
    assert (code, said["error"]) == (2, "cover-too-small")
    assert "--k-min is 300" in said["message"]
    assert not re.search("prefix_hex|k_min|dataset_ids", said["message"])
    assert not (desk / "staged").exists()
    code, said, _ = from_diff(capsys, desk, "--prefix-hex", 4, "--k-min", 1, "--min-entries", 10)
    assert (code, said["cover"]["smallest"] >= 1) == (0, True)
    publish(capsys, desk)
    kept = holder(capsys, desk, desk / "releases")
    old = pa.concat_tables([pq.read_table(path) for path in sorted((desk / "old").iterdir())])
    assert old.num_rows - kept.num_rows <= said["cover"]["rows_removed"]
    assert set(kept["SAMPLE_ID"].to_pylist()) < set(new["SAMPLE_ID"].to_pylist())


@pytest.mark.parametrize(
    ("keep", "options", "slug"),
    [
        (lambda table: pc.not_equal(table["SAMPLE_ID"], 5), (), "diff-too-small"),
        (lambda table: pc.is_valid(table["SAMPLE_ID"]), (), "diff-too-small"),
        (seventh, ("--edition", "Research!"), "usage"),
        (seventh, ("--prefix-hex", "0"), "usage"),
        (seventh, ("--prefix-hex", "3"), "usage"),
        (seventh, ("--prefix-hex", "20"), "usage"),
        (seventh, ("--k-min", "300"), "usage"),
        (seventh, ("--prefix-hex", "4", "--dataset-id", "another"), "usage"),
    ],
)
def test_what_is_no_first_release_is_refused_and_leaves_nothing(
    desk: Path, capsys: Any, keep: Any, options: tuple[str, ...], slug: str
) -> None:
    write_new(desk, keep)
    code, said, _ = from_diff(capsys, desk, *options)
    assert (code, said["error"]) == (2, slug)
    assert not re.search("prefix_hex|k_min|dataset_ids", said["message"])  # its words are the options
    assert {path.name for path in desk.iterdir()} == {"keys", "new", "old", "releases"}


def test_a_folder_that_is_no_staged_release_is_not_to_be_deleted(desk: Path, capsys: Any) -> None:
    write_new(desk, seventh)
    for name in ("old", "releases"):
        code, said, _ = from_diff(capsys, desk, "--staging", desk / name)
        assert (code, said["error"]) == (2, "staging-in-use")
        assert "choose a new folder with --staging" in said["message"]
        assert "delete" not in said["message"]
    assert from_diff(capsys, desk)[0] == 0
    code, said, _ = from_diff(capsys, desk)
    assert (code, "publish it or delete it" in said["message"]) == (2, True)


def test_versions_the_wrong_way_round_are_refused(desk: Path, capsys: Any) -> None:
    write_new(desk, seventh)
    code, said, _ = from_diff(capsys, desk, old="new", new="old")
    assert (code, said["error"]) == (2, "diff-not-subset")


def test_edited_captions_are_refused_removed_or_kept(desk: Path, capsys: Any) -> None:
    write_new(desk, seventh)
    table = pq.read_table(desk / "new/part-0.parquet")
    captions = ["" if n < 4 else text for n, text in enumerate(table["TEXT"].to_pylist())]
    edited = {"caption 0", "caption 1", "caption 2"}  # row 3 is gone, and so the fourth is row 4
    table = table.set_column(2, "TEXT", pa.array(captions))
    pq.write_table(table, desk / "new/part-0.parquet")
    code, said, _ = from_diff(capsys, desk)
    assert (code, said["error"]) == (2, "diff-edited")
    code, kept, err = from_diff(capsys, desk, "--edited", "keep")
    assert (code, kept["edited"], kept["exact"], "4 rows of NEW" in err) == (0, 4, False, True)
    (desk / "staged").rename(desk / "kept")
    code, removed, _ = from_diff(capsys, desk, "--edited", "remove")
    assert code == 0
    assert sum(removed["entries"].values()) == sum(kept["entries"].values()) + 4
    publish(capsys, desk)
    texts = set(holder(capsys, desk, desk / "releases")["TEXT"].to_pylist())
    assert not texts & (edited | {"caption 4"})


def test_a_second_list_from_two_versions_is_refused(desk: Path, capsys: Any) -> None:
    write_new(desk, seventh)
    assert from_diff(capsys, desk)[0] == 0
    publish(capsys, desk)
    (desk / "staged").rename(desk / "done")
    code, said, _ = from_diff(capsys, desk)
    assert (code, said["error"]) == (2, "not-first")


def test_copies_of_img2dataset_are_compared_by_their_sidecars(desk: Path, capsys: Any) -> None:
    shards.img2dataset(desk / "copy", shards=2, rows=8)
    shards.img2dataset(desk / "less", shards=1, rows=8)
    code, made, err = from_diff(capsys, desk, "--min-entries", 8, old="copy", new="less")
    assert code == 0, err
    assert (made["entries"], made["rows_old"], made["rows_new"]) == ({"url_sha256": 8}, 16, 8)


def test_files_of_a_layout_that_nobody_knows_stop_it(desk: Path, capsys: Any) -> None:
    write_new(desk, seventh)
    (desk / "new/part-9.feather").write_bytes(b"ARROW1")
    code, said, _ = from_diff(capsys, desk)
    assert (code, said["error"]) == (3, "dataset-unread")
