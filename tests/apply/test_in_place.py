"""Sources replaced one by one: only those with a listed row, and never through another name."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from factories import lists, shards
from factories.copies import numbers, tree, urls

from takedown.apply import apply, deal, plan, restore
from takedown.dataset import parquet_rewrite
from takedown.errors import UsageError


def inodes(folder: Path) -> dict[str, tuple[int, int]]:
    """Name -> (inode, time of change) of every file."""
    return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


@contextmanager
def killed(monkeypatch: pytest.MonkeyPatch, renames: int) -> Iterator[None]:
    """The run ends after so many files of the folder `in` were renamed, and clears nothing up."""
    done: list[str] = []
    real = os.replace

    def replace(part, target):
        if Path(target).parent.name == "in":
            if len(done) == renames:
                raise Killed
            done.append(Path(target).name)
        real(part, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        patch.setattr("takedown.dataset.atomic.Pending.__exit__", lambda *_: None)
        with pytest.raises(Killed):
            yield


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for number in range(3):
        shards.laion(tmp_path / "in" / f"{number}.parquet", start=40 * number)
    return tmp_path / "in"


def test_only_files_with_a_listed_row_are_replaced(copy, tmp_path):
    before = inodes(copy)
    listed = lists.of_urls(shards.url(3), shards.url(82))
    said = plan(listed, [copy], in_place=True)
    outcome = apply(listed, [copy], in_place=True, ledger=tmp_path / "ledger")
    assert (outcome.files, outcome.removed, outcome.errors) == (3, 2, [])
    assert (said.removed, said.bytes_read) == (2, outcome.bytes_read)
    now = inodes(copy)
    assert now.keys() == before.keys()
    assert [name for name in sorted(now) if now[name] != before[name]] == ["0.parquet", "2.parquet"]
    assert numbers(copy / "0.parquet") == [n for n in range(20) if n != 3]
    assert apply(listed, [copy / "0.parquet"], tmp_path / "out").removed == 0


def test_the_result_is_that_of_a_new_folder(tmp_path):
    for name in ("a", "b"):
        records = shards.img2dataset(tmp_path / name, shards=2)
        shards.laion(tmp_path / name / "9.parquet")
    listed = lists.of_urls(shards.url(3), *(records[0][n]["url"] for n in (1, 2)))
    apply(listed, [tmp_path / "a"], tmp_path / "out")
    apply(listed, [tmp_path / "b"], in_place=True, ledger=tmp_path / "ledger")
    assert tree(tmp_path / "b") == tree(tmp_path / "out")


def test_other_names_of_a_file_keep_what_they_had_and_are_counted(copy, tmp_path):
    """An earlier result is made of hard links to its originals."""
    apply(lists.of_urls(), [copy], tmp_path / "earlier")
    assert os.path.samefile(copy / "0.parquet", tmp_path / "earlier" / "0.parquet")
    before = tree(copy)
    outcome = apply(
        lists.of_urls(shards.url(3)), [tmp_path / "earlier"], in_place=True, ledger=tmp_path / "ledger"
    )
    assert (outcome.removed, outcome.other_names) == (1, 1)
    assert tree(copy) == before
    assert 3 not in numbers(tmp_path / "earlier" / "0.parquet")


def test_a_link_is_refused_because_the_file_behind_it_would_stay(copy, tmp_path):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "0.parquet").symlink_to(copy / "0.parquet")
    before = tree(tmp_path)
    listed = lists.of_urls(shards.url(3))
    for call in (
        lambda: plan(listed, [tmp_path / "links"], in_place=True),
        lambda: apply(listed, [tmp_path / "links"], in_place=True, ledger=tmp_path / "ledger"),
    ):
        with pytest.raises(UsageError) as caught:
            call()
        assert caught.value.slug == "in-place-link"
    assert {name: text for name, text in tree(tmp_path).items() if "ledger" not in name} == before


@pytest.mark.parametrize("named", [{}, {"in_place": True, "out": True}])
def test_it_is_one_or_the_other(copy, tmp_path, named):
    named = named | ({"out": tmp_path / "out"} if "out" in named else {})
    before = tree(tmp_path)
    with pytest.raises(UsageError) as caught:
        apply(lists.of_urls(), [copy], ledger=tmp_path / "ledger", **named)
    assert caught.value.slug == "out-or-in-place"
    assert tree(tmp_path) == before


def test_permissions_stay(copy, tmp_path):
    os.chmod(copy / "0.parquet", 0o640)
    apply(lists.of_urls(shards.url(3)), [copy], in_place=True, ledger=tmp_path / "ledger")
    assert (copy / "0.parquet").stat().st_mode & 0o7777 == 0o640


def test_a_file_that_fails_stays_as_it_is(copy, tmp_path):
    content = (copy / "1.parquet").read_bytes()
    (copy / "1.parquet").write_bytes(content[:60] + bytes(300) + content[360:])
    damaged = (copy / "1.parquet").read_bytes()
    listed = lists.of_urls(shards.url(3), shards.url(45))
    outcome = apply(listed, [copy], in_place=True, ledger=tmp_path / "ledger")
    assert [failure.error for failure in outcome.errors] == ["dataset-unreadable"]
    assert (outcome.files, outcome.removed) == (2, 1)
    assert (copy / "1.parquet").read_bytes() == damaged
    assert sorted(p.name for p in copy.iterdir()) == ["0.parquet", "1.parquet", "2.parquet"]


@pytest.mark.parametrize("renames", [0, 1, 2, 3])
@pytest.mark.parametrize("disposition", ["purge", "quarantine"])
def test_killed_between_the_renames_of_one_shard_the_rest_is_done(
    tmp_path, monkeypatch, disposition, renames
):
    """Tar, sidecar and counts are three files; a reader of the next run sees all old or all new ones."""
    for name in ("in", "whole"):
        records = shards.img2dataset(tmp_path / name, shards=1, rows=8)
    listed = lists.of_urls(*(records[0][n]["url"] for n in (1, 2)))
    listed.disposition = disposition
    old = tree(tmp_path / "in")
    apply(listed, [tmp_path / "whole"], in_place=True, ledger=tmp_path / "other")
    new = tree(tmp_path / "whole")
    if renames < 3:
        with killed(monkeypatch, renames):
            apply(listed, [tmp_path / "in"], in_place=True, ledger=tmp_path / "ledger")
    else:
        apply(listed, [tmp_path / "in"], in_place=True, ledger=tmp_path / "ledger")
    now = {name: text for name, text in tree(tmp_path / "in").items() if not name.endswith(".part")}
    assert all(text in (old[name], new[name]) for name, text in now.items())
    outcome = apply(listed, [tmp_path / "in"], in_place=True, ledger=tmp_path / "ledger")
    assert outcome.errors == []
    assert tree(tmp_path / "in") == new
    assert json.loads((tmp_path / "in" / "00000_stats.json").read_text())["count"] == 6
    if disposition == "quarantine":
        assert restore(lists.of_urls(), [tmp_path / "in"], ledger=tmp_path / "ledger").rows_restored == 2
        assert urls(tmp_path / "in" / "00000.parquet") == [row["url"] for row in records[0]]
        assert tree(tmp_path / "in")["00000.tar"] == old["00000.tar"]


def test_what_waits_from_a_killed_run_never_replaces_a_newer_file(copy, tmp_path, monkeypatch):
    listed = lists.of_urls(shards.url(3))
    listed.disposition = "quarantine"
    with killed(monkeypatch, 0):
        apply(listed, [copy / "0.parquet"], in_place=True, ledger=tmp_path / "ledger")
    assert list(copy.glob(".*.part"))
    shards.laion(copy / "0.parquet", 30)
    newer = (copy / "0.parquet").read_bytes()
    apply(lists.of_urls(), [copy / "0.parquet"], in_place=True, ledger=tmp_path / "ledger")
    assert (copy / "0.parquet").read_bytes() == newer
    assert apply(listed, [copy / "0.parquet"], in_place=True, ledger=tmp_path / "ledger").removed == 1
    assert len(numbers(copy / "0.parquet")) == 29


def test_two_runs_with_ledgers_of_their_own_do_not_meet_in_one_file(copy, tmp_path, monkeypatch):
    """The second begins while the first has written what is to replace the file: it waits, and then sees."""
    written, begun, over = threading.Event(), threading.Event(), threading.Event()
    look, write = deal._refuse_changed, parquet_rewrite.write_group

    def refuse(job, versions):
        if threading.current_thread().name == "first" and list(copy.glob(".*.part")):
            written.set()
            begun.wait(1)
        look(job, versions)

    def write_group(*given):
        if threading.current_thread().name == "second":
            begun.set()
            over.wait(10)
        write(*given)

    monkeypatch.setattr(deal, "_refuse_changed", refuse)
    monkeypatch.setattr(parquet_rewrite, "write_group", write_group)
    outcomes = {}

    def run(name, row):
        listed = lists.of_urls(shards.url(row))
        outcomes[name] = apply(listed, [copy / "0.parquet"], in_place=True, ledger=tmp_path / name, workers=1)

    first = threading.Thread(target=run, args=("first", 3), name="first")
    second = threading.Thread(target=run, args=("second", 4), name="second")
    first.start()
    assert written.wait(10)
    second.start()
    first.join()
    over.set()
    second.join()
    assert [(o.removed, len(o.errors)) for o in (outcomes["first"], outcomes["second"])] == [(1, 0), (0, 1)]
    assert outcomes["second"].errors[0].error == "dataset-changed"
    assert 3 not in numbers(copy / "0.parquet")
    run("second", 4)
    assert {3, 4}.isdisjoint(numbers(copy / "0.parquet"))


@pytest.mark.parametrize("again", ["same list", "other list"])
def test_a_source_that_was_put_back_from_a_backup_is_cleaned_again(tmp_path, again):
    copy, ledger = tmp_path / "in", tmp_path / "ledger"
    records = shards.img2dataset(copy, shards=1)[0]
    backup = {path: path.read_bytes() for path in copy.iterdir()}
    listed = lists.of_urls(records[1]["url"])
    listed.disposition = "quarantine"
    apply(listed, [copy], in_place=True, ledger=ledger)
    for path, content in backup.items():
        path.write_bytes(content)
    if again == "other list":
        listed.digests["url_sha256"].append("0" * 64)
    outcome = apply(listed, [copy], in_place=True, ledger=ledger)
    assert (outcome.removed, outcome.errors) == (1, [])
    back = lists.of_urls()
    back.disposition, back.seq = "quarantine", 9
    assert restore(back, [copy], ledger=ledger).rows_restored == 1
    for path in copy.glob("*.tar"):
        assert path.read_bytes() == backup[path]


def test_a_copy_that_was_named_by_a_link_is_found_by_its_own_name(copy, tmp_path):
    (tmp_path / "link").symlink_to(copy)
    listed = lists.of_urls(shards.url(3))
    listed.disposition = "quarantine"
    apply(listed, [tmp_path / "link"], in_place=True, ledger=tmp_path / "ledger")
    back = lists.of_urls()
    back.disposition, back.seq = "quarantine", 9
    assert restore(back, [copy], ledger=tmp_path / "ledger").rows_restored == 1
