"""After an interruption only what is left is done, and nothing is taken for done that is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from factories import lists, shards
from factories.copies import numbers, tree

from takedown.apply import apply, deal, journal
from takedown.apply.outcome import Outcome
from takedown.dataset.parquet import ParquetShard

LISTED = lists.of_urls(shards.url(3), shards.url(45))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Rows 0-19, 40-59 and 80-99 in three files; the list names one of each of the first two."""
    for number in range(3):
        shards.laion(tmp_path / "in" / f"{number}.parquet", start=40 * number)
    return tmp_path / "in"


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose rows are read."""
    names: list[str] = []
    rows = ParquetShard.rows

    def noted(self: ParquetShard, *arguments: object, **named: object):
        names.append(self.path.name)
        return rows(self, *arguments, **named)

    monkeypatch.setattr(ParquetShard, "rows", noted)
    return names


def run(copy: Path, listed=LISTED) -> Outcome:
    return apply(listed, [copy], copy.parent / "out", workers=1)


@contextmanager
def interruption(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The run stops when it comes to the last file."""
    real = deal.scan

    def scan(terms, job, tell):
        if job.shard.path.name == "2.parquet":
            raise KeyboardInterrupt
        return real(terms, job, tell)

    with monkeypatch.context() as patch:
        patch.setattr(deal, "scan", scan)
        with pytest.raises(KeyboardInterrupt):
            yield


@pytest.fixture
def interrupted(copy: Path, monkeypatch: pytest.MonkeyPatch, scanned: list[str]) -> Path:
    """A copy of which two files are done."""
    with interruption(monkeypatch):
        run(copy)
    assert sorted(tree(copy.parent / "out")) == ["0.parquet", "1.parquet"]
    scanned.clear()
    return copy


def test_the_rest_is_done_and_the_report_is_that_of_one_run(interrupted, scanned, tmp_path):
    outcome = run(interrupted)
    assert scanned == ["2.parquet"]
    assert outcome.resumed == 2
    whole = apply(LISTED, [interrupted], tmp_path / "whole", workers=1)
    assert outcome == whole
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_when_all_is_done_nothing_is_read_again(copy, scanned):
    first = run(copy)
    scanned.clear()
    again = run(copy)
    assert (again, again.resumed, scanned) == (first, 3, [])


def test_another_list_does_everything_again(copy, scanned):
    run(copy)
    scanned.clear()
    outcome = run(copy, lists.of_urls(shards.url(0)))
    assert sorted(scanned) == ["0.parquet", "1.parquet", "2.parquet"]
    assert outcome.resumed == 0
    assert numbers(copy.parent / "out" / "0.parquet") == list(range(1, 20))
    assert numbers(copy.parent / "out" / "1.parquet") == list(range(40, 60))


def _other_rows(copy: Path, out: Path) -> None:
    shards.laion(copy / "0.parquet", start=200)


def _touched(copy: Path, out: Path) -> None:
    os.utime(copy / "0.parquet", ns=(1, 1))


def _same_size_and_time(copy: Path, out: Path) -> None:
    """As a copy over the file would leave it; only its footer tells."""
    about = (copy / "0.parquet").stat()
    content = (copy / "0.parquet").read_bytes()
    other = content.replace(b"caption 19", b"caption 91")
    assert other != content
    with (copy / "0.parquet").open("r+b") as file:
        file.write(other)
    os.utime(copy / "0.parquet", ns=(about.st_atime_ns, about.st_mtime_ns))


def _result_gone(copy: Path, out: Path) -> None:
    (out / "0.parquet").unlink()


def _result_put_back(copy: Path, out: Path) -> None:
    (out / "0.parquet").unlink()
    (out / "0.parquet").write_bytes((copy / "0.parquet").read_bytes())


def _result_edited(copy: Path, out: Path) -> None:
    with (out / "0.parquet").open("r+b") as file:
        file.write(b"PAR1")


def _journal_torn(copy: Path, out: Path) -> None:
    lines = (out / journal.NAME).read_bytes().split(b"\n")
    (out / journal.NAME).write_bytes(
        b"\n".join(line for line in lines if b"0.parquet" not in line) + b'\n{"ke'
    )


@pytest.mark.parametrize(
    "change",
    [
        _other_rows,
        _touched,
        _same_size_and_time,
        _result_gone,
        _result_put_back,
        _result_edited,
        _journal_torn,
    ],
    ids=lambda change: change.__name__.strip("_"),
)
def test_what_changed_since_is_done_again(copy, scanned, tmp_path, change):
    run(copy)
    change(copy, tmp_path / "out")
    scanned.clear()
    outcome = run(copy)
    assert "0.parquet" in scanned
    assert "1.parquet" not in scanned
    assert outcome == apply(LISTED, [copy], tmp_path / "whole", workers=1)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]\n", b'{"key": 1, "name": []}\n', b"{" * 9999])
def test_a_journal_that_is_not_one_is_no_harm(copy, tmp_path, content):
    first = run(copy)
    (tmp_path / "out" / journal.NAME).write_bytes(content)
    again = run(copy)
    assert (again, again.resumed) == (first, 0)
    assert run(copy).resumed == 3


def test_a_line_that_says_too_little_is_no_harm(copy, tmp_path):
    first = run(copy)
    path = tmp_path / "out" / journal.NAME
    path.write_bytes(path.read_bytes().replace(b'"counts"', b'"other"'))
    assert run(copy) == first


def test_a_line_whose_renames_never_came_is_not_believed(copy, tmp_path, monkeypatch, scanned):
    """Killed between the line in the journal and the first rename."""
    from takedown.dataset.atomic import Pending

    def killed(_: Pending) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Pending, "place", killed)
        with pytest.raises(KeyboardInterrupt):
            run(copy)
    assert (tmp_path / "out" / journal.NAME).stat().st_size
    outcome = run(copy)
    assert outcome.resumed == 0
    assert outcome == apply(LISTED, [copy], tmp_path / "whole", workers=1)


def test_the_journal_does_not_grow_with_every_run(copy, tmp_path):
    for number in range(4):
        run(copy, lists.of_urls(shards.url(number)))
    run(copy)
    lines = [line for line in (tmp_path / "out" / journal.NAME).read_bytes().split(b"\n") if line]
    assert len(lines) == 3


def test_in_place_too_only_the_rest_is_done(copy, scanned, tmp_path, monkeypatch):
    ledger = tmp_path / "ledger"
    before = [apply(LISTED, [copy], tmp_path / "whole", workers=1)]
    scanned.clear()
    with interruption(monkeypatch):
        apply(LISTED, [copy], in_place=True, ledger=ledger, workers=1)
    scanned.clear()
    outcome = apply(LISTED, [copy], in_place=True, ledger=ledger, workers=1)
    assert (scanned, outcome.resumed) == (["2.parquet"], 2)
    assert (outcome.rows_in, outcome.removed) == (before[0].rows_in, before[0].removed)
    assert tree(copy) == tree(tmp_path / "whole")
    scanned.clear()
    shards.laion(copy / "0.parquet")
    assert apply(LISTED, [copy], in_place=True, ledger=ledger, workers=1).resumed == 2
    assert scanned == ["0.parquet"]
