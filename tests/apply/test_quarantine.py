"""Rows kept aside: what goes to the ledger, who can read it, and what comes back to which place."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import lists, shards
from factories.copies import numbers, tree, urls
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown.apply import apply, plan, restore
from takedown.apply.ledger import Ledger
from takedown.apply.quarantine import numbered
from takedown.errors import UsageError


def quarantine(*rows: int, seq: int = 7, md5: tuple[str, ...] = ()) -> lists.FakeBlocklist:
    """A list of rows of `shards.laion` that are kept aside."""
    listed = lists.of_urls(*map(shards.url, rows))
    listed.disposition, listed.seq = "quarantine", seq
    if md5:
        listed.digests["img_md5"] = list(md5)
    return listed


def aside(ledger: Path, path: Path) -> list[int]:
    """SAMPLE_ID of the rows kept aside of a file."""
    generation = Ledger(ledger).find(path)
    if generation is None or (shard := generation.aside()) is None:
        return []
    return numbers(shard.path)


@pytest.fixture
def one(tmp_path: Path) -> Path:
    shards.laion(tmp_path / "in" / "0.parquet", group=6)
    return tmp_path / "in" / "0.parquet"


def test_rows_go_aside_and_come_back_to_their_places(tmp_path, one):
    before = pq.read_table(one)
    out, ledger = tmp_path / "out", tmp_path / "ledger"
    outcome = apply(quarantine(0, 7, 19), [one], out, ledger=ledger)
    assert (outcome.removed, outcome.quarantined) == (3, 3)
    assert outcome.quarantined_by_kind["url_sha256"] == 3
    assert aside(ledger, out / "0.parquet") == [0, 7, 19]
    assert plan(quarantine(0, 7, 19), [one]).quarantined == 3

    # One is withdrawn, then all.
    restored = restore(quarantine(0, 19, seq=8), out=out, ledger=ledger)
    assert (restored.files, restored.rows_restored, restored.rows_kept, restored.errors) == (1, 1, 2, [])
    assert numbers(out / "0.parquet") == list(range(1, 19))
    assert aside(ledger, out / "0.parquet") == [0, 19]
    assert restore(quarantine(0, 19, seq=8), out=out, ledger=ledger).rows_restored == 0
    assert restore(quarantine(seq=9), out=out, ledger=ledger).rows_restored == 2
    assert pq.read_table(out / "0.parquet").equals(before)
    assert pq.ParquetFile(out / "0.parquet").metadata.num_row_groups == 4
    assert aside(ledger, out / "0.parquet") == []
    assert list((ledger / "shards").iterdir()) == []


def test_nobody_else_can_read_the_ledger(tmp_path, one):
    ledger = tmp_path / "ledger"
    ledger.mkdir(mode=0o755)
    apply(quarantine(0, 7), [one], in_place=True, ledger=ledger)
    apply(quarantine(0, 7, 8), [one], in_place=True, ledger=ledger)
    assert ledger.stat().st_mode & 0o777 == 0o700
    kept = [path for path in (ledger / "shards").rglob("*") if path.is_file()]
    assert len(kept) == 3
    assert {path.stat().st_mode & 0o777 for path in (*kept, ledger / "journal")} == {0o600}
    folders = [path for path in ledger.rglob("*") if path.is_dir()]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}


def test_what_a_purge_takes_is_kept_nowhere(tmp_path, one):
    outcome = apply(lists.of_urls(shards.url(3)), [one], tmp_path / "out", ledger=tmp_path / "ledger")
    assert (outcome.removed, outcome.quarantined) == (1, 0)
    assert not (tmp_path / "ledger").exists()


@pytest.mark.parametrize("disposition", ["purge", "quarantine"])
def test_a_row_that_only_its_md5_names_is_always_kept_aside_and_counted_apart(tmp_path, disposition):
    records = shards.img2dataset(tmp_path / "in", shards=1, rows=6, failed=())[0]
    table = pq.read_table(tmp_path / "in" / "00000.parquet").append_column("SAMPLE_ID", pa.array(range(6)))
    pq.write_table(table, tmp_path / "0.parquet")
    listed = lists.of_urls(records[1]["url"], records[4]["url"])
    listed.disposition = disposition
    listed.digests["img_md5"] = [records[1]["md5"], records[2]["md5"]]
    ledger = tmp_path / "ledger"
    outcome = apply(listed, [tmp_path / "0.parquet"], tmp_path / "out", ledger=ledger)
    assert outcome.removed_by_kind == {"url_sha256": 2, "row_sha256": 0, "img_sha256": 0, "img_md5": 1}
    assert outcome.quarantined_by_kind["img_md5"] == 1
    assert outcome.quarantined == (1 if disposition == "purge" else 3)
    assert aside(ledger, tmp_path / "out" / "0.parquet") == ([2] if disposition == "purge" else [1, 2, 4])


def test_without_a_ledger_nothing_that_must_be_kept_is_removed(tmp_path, one):
    before = tree(tmp_path)
    for call in (
        lambda: apply(quarantine(0), [one], tmp_path / "out"),
        lambda: apply(lists.FakeBlocklist({"img_md5": ["ab" * 16]}), [one], tmp_path / "out"),
        lambda: apply(lists.of_urls(shards.url(0)), [one], in_place=True),
    ):
        with pytest.raises(UsageError) as caught:
            call()
        assert caught.value.slug == "ledger-needed"
    assert tree(tmp_path) == before


@pytest.mark.parametrize("how", ["in place", "out", "through a link"])
def test_rows_kept_aside_are_never_taken_for_rows_of_a_source(tmp_path, one, how):
    """A second run would remove them from the ledger as well."""
    (tmp_path / "link").symlink_to(one.parent)
    ledger = (tmp_path / "link" if how == "through a link" else one.parent) / "state" / "ledger"
    out = tmp_path / "out" if how == "out" else None
    with pytest.raises(UsageError) as caught:
        apply(quarantine(3), [one.parent], out, in_place=out is None, ledger=ledger)
    assert caught.value.slug == "ledger-in-source"
    assert [path.name for path in one.parent.iterdir()] == ["0.parquet"]
    # Of files that are named one by one nothing else is read.
    assert apply(quarantine(3), [one], in_place=True, ledger=ledger).removed == 1


def test_a_run_again_with_another_ledger_keeps_the_rows_there(tmp_path, one):
    out = tmp_path / "out"
    for ledger in (tmp_path / "first", tmp_path / "second"):
        assert apply(quarantine(3), [one], out, ledger=ledger).quarantined == 1
        assert aside(ledger, out / "0.parquet") == [3]
    shutil.rmtree(tmp_path / "second")
    assert apply(quarantine(3), [one], out, ledger=tmp_path / "second").resumed == 0
    assert restore(quarantine(seq=9), out=out, ledger=tmp_path / "second").rows_restored == 1


def test_an_older_list_and_another_edition_put_nothing_back(tmp_path, one):
    out, ledger = tmp_path / "out", tmp_path / "ledger"
    apply(quarantine(0, 7, seq=7), [one], out, ledger=ledger)
    before = tree(tmp_path)
    assert restore(quarantine(seq=6), out=out, ledger=ledger).rows_kept == 2
    other = quarantine(seq=9)
    other.edition = "research-safe"
    assert restore(other, out=out, ledger=ledger).rows_kept == 2
    assert tree(tmp_path) == before


def test_only_what_was_asked_about_is_restored(tmp_path):
    for name in ("a", "b"):
        shards.laion(tmp_path / name / "0.parquet")
    ledger = tmp_path / "ledger"
    apply(quarantine(3), [tmp_path / "a", tmp_path / "b"], in_place=True, ledger=ledger)
    assert restore(quarantine(), [tmp_path / "a"], ledger=ledger).rows_restored == 1
    assert len(numbers(tmp_path / "a" / "0.parquet")) == 20
    assert len(numbers(tmp_path / "b" / "0.parquet")) == 19
    for wrong in ([], [tmp_path / "absent"]):
        with pytest.raises(UsageError):
            restore(quarantine(), wrong, ledger=ledger)
    assert restore(quarantine(), [tmp_path / "b"], ledger=tmp_path / "none").rows_restored == 0


def test_a_file_that_changed_since_gets_nothing_back_and_loses_nothing(tmp_path, one):
    ledger = tmp_path / "ledger"
    apply(quarantine(3), [one], in_place=True, ledger=ledger)
    left = one.read_bytes()
    shards.laion(one, 30, start=5)
    changed = one.read_bytes()
    kept = tree(ledger)
    restored = restore(quarantine(), [one], ledger=ledger)
    assert [failure.error for failure in restored.errors] == ["ledger-not-fitting"]
    assert (one.read_bytes(), tree(ledger)) == (changed, kept)
    one.write_bytes(left)  # the file from a backup, with another time and inode
    assert restore(quarantine(), [one], ledger=ledger).rows_restored == 1
    assert numbers(one) == list(range(20))


def test_a_file_that_changed_since_is_still_cleaned(tmp_path, one):
    ledger = tmp_path / "ledger"
    apply(quarantine(3), [one], in_place=True, ledger=ledger)
    shards.laion(one, 30, start=5)
    outcome = apply(quarantine(3, 8), [one], in_place=True, ledger=ledger)
    assert (outcome.removed, outcome.errors) == (1, [])
    assert aside(ledger, one) == [8]
    retired = list((ledger / "retired").rglob("0.parquet"))
    assert [numbers(path) for path in retired] == [[3]]


def test_a_damaged_ledger_is_said_to_be_damaged_and_the_file_stays(tmp_path, one):
    ledger = tmp_path / "ledger"
    apply(quarantine(3), [one], in_place=True, ledger=ledger)
    before = one.read_bytes()
    entry = next(ledger.rglob("entry.json"))
    for content in ("", "[]", "{}", json.dumps({"path": 3, "fits": 4})):
        entry.write_text(content)
        outcome = apply(quarantine(3, 4), [one], in_place=True, ledger=ledger)
        assert [failure.error for failure in outcome.errors] == ["ledger-damaged"]
        restored = restore(quarantine(), [one], ledger=ledger)
        assert [failure.error for failure in restored.errors] == ["ledger-damaged"]
        assert one.read_bytes() == before


def test_from_untouched_originals_a_newer_list_gives_the_right_result(tmp_path, one):
    out, ledger = tmp_path / "out", tmp_path / "ledger"
    apply(quarantine(0, 7), [one], out, ledger=ledger)
    apply(quarantine(7, 8, seq=8), [one], out, ledger=ledger)
    assert numbers(out / "0.parquet") == [n for n in range(20) if n not in (7, 8)]
    assert aside(ledger, out / "0.parquet") == [7, 8]
    apply(quarantine(seq=9), [one], out, ledger=ledger)
    assert numbers(out / "0.parquet") == list(range(20))
    assert list((ledger / "shards").iterdir()) == []


def test_rows_of_another_source_are_retired_and_not_lost(tmp_path, one):
    out, ledger = tmp_path / "out", tmp_path / "ledger"
    apply(quarantine(0, 7), [one], out, ledger=ledger)
    one.unlink()
    shutil.move(out / "0.parquet", one)  # what was cleaned is the original now
    apply(quarantine(0, 7, 8, seq=8), [one], out, ledger=ledger)
    assert aside(ledger, out / "0.parquet") == [8]
    assert [numbers(path) for path in (ledger / "retired").rglob("0.parquet")] == [[0, 7]]


def test_an_img2dataset_shard_gets_its_samples_back(tmp_path):
    records = shards.img2dataset(tmp_path / "in", shards=2, rows=8, failed=(2,))
    before = tree(tmp_path / "in")
    listed = lists.of_urls(*(records[0][n]["url"] for n in (1, 2, 6)))
    listed.disposition = "quarantine"
    ledger = tmp_path / "ledger"
    outcome = apply(listed, [tmp_path / "in"], in_place=True, ledger=ledger)
    assert (outcome.quarantined, outcome.errors) == (3, [])
    assert tree(tmp_path / "in") != before
    restored = restore(lists.of_urls(), [tmp_path / "in"], ledger=ledger)
    assert (restored.rows_restored, restored.errors) == (3, [])
    assert urls(tmp_path / "in" / "00000.parquet") == [row["url"] for row in records[0]]
    now = tree(tmp_path / "in")
    assert {name for name in now if now[name] != before[name]} <= {"00000.parquet", "00000_stats.json"}
    stats = [json.loads(files["00000_stats.json"]) for files in (now, before)]
    assert stats[0] == stats[1]


@pytest.mark.parametrize("deletions", range(6))
@pytest.mark.parametrize("in_place", [False, True])
def test_killed_while_something_is_deleted_from_the_ledger(tmp_path, one, monkeypatch, in_place, deletions):
    """A folder is deleted file by file; half of one must not be taken for a damaged ledger."""
    ledger, out = tmp_path / "ledger", tmp_path / "out"
    place = {"in_place": True} if in_place else {"out": out}
    path = one if in_place else out / "0.parquet"
    real = shutil.rmtree

    class Killed(BaseException):
        pass

    def half(folder, **named):
        if not Path(folder).exists():
            return
        if len(killed) == deletions:
            for file in sorted(Path(folder).rglob("*"))[:2]:
                if file.is_file():
                    file.unlink()
            raise Killed
        killed.append(folder)
        real(folder, **named)

    killed: list[Path] = []
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", half)
        with suppress(Killed):
            for rows in ((0,), (0, 7), (0, 7, 9)):
                apply(quarantine(*rows), [one], ledger=ledger, **place)
            restore(quarantine(seq=8), [path], ledger=ledger)
    outcome = apply(quarantine(0, 7, 9, seq=9), [one], ledger=ledger, **place)
    assert outcome.errors == []
    assert aside(ledger, path) == [0, 7, 9]
    assert restore(quarantine(seq=10), [path], ledger=ledger).errors == []
    assert numbers(path) == list(range(20))
    assert [
        file for file in ledger.rglob("*") if file.is_file() and file.name[0] != "." and file.suffix
    ] == []


@settings(max_examples=200, deadline=None)
@given(st.sets(st.integers(0, 39)), st.sets(st.integers(0, 39)))
def test_places_are_original_numbers(gone, more):
    """Rows numbered among those that are left, against the plain way of finding them."""
    left = [n for n in range(40) if n not in gone]
    chosen = sorted(n for n in more if n < len(left))
    places = numbered(np.array(chosen, np.int64), np.array(sorted(gone), np.int64))
    assert places.tolist() == [left[n] for n in chosen]


ROWS = 24
SOME = st.sets(st.integers(0, ROWS - 1), max_size=8)
STEPS = st.lists(st.tuples(st.sampled_from(["quarantine", "purge", "restore"]), SOME), max_size=7)


@settings(max_examples=40, deadline=None)
@given(STEPS, st.integers(1, 9))
def test_through_any_removals_and_restores_every_row_is_where_it_belongs(tmp_path_factory, steps, group):
    """Held against three plain sets: rows in the file, rows aside, rows gone for good."""
    folder = tmp_path_factory.mktemp("rounds")
    path, ledger = folder / "in" / "0.parquet", folder / "ledger"
    shards.laion(path, ROWS, group=group)
    here, kept, gone = set(range(ROWS)), set[int](), set[int]()
    for seq, (what, rows) in enumerate(steps, start=7):
        listed = quarantine(*rows, seq=seq)
        if what == "restore":
            back = kept - rows
            restored = restore(listed, [path], ledger=ledger)
            assert (restored.rows_restored, restored.errors) == (len(back), [])
            here, kept = here | back, kept - back
        else:
            listed.disposition = what
            assert apply(listed, [path], in_place=True, ledger=ledger).errors == []
            if what == "purge":
                gone |= rows & (here | kept)
                kept -= rows
            else:
                kept |= here & rows
            here -= rows
        assert numbers(path) == sorted(here)
        assert aside(ledger, path) == sorted(kept)
    restore(quarantine(seq=99), [path], ledger=ledger)
    assert numbers(path) == sorted(set(range(ROWS)) - gone)
