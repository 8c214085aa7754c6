"""Plain files in place, stopped at any step: the next run does the rest, a restore brings all back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from factories import lists, shards

from takedown import disk
from takedown.apply import apply, restore
from takedown.dataset import open_source


class StoppedError(BaseException):
    """As a kill: nothing catches it."""


def tree(folder: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            rows = pq.read_table(path).to_pylist() if path.suffix == ".parquet" else None
            stats = json.loads(path.read_text()) if path.name.endswith("_stats.json") else None
            found[path.relative_to(folder).as_posix()] = rows or stats or path.read_bytes()
    return found


def stopped(monkeypatch: pytest.MonkeyPatch, step: int, work) -> bool:
    """Do the work, and stop before this rename or removal of a file; whether it came so far."""
    left = [step]

    def counting(original):
        def call(*args, **options):
            if left[0] == 0:
                raise StoppedError
            left[0] -= 1
            return original(*args, **options)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(disk, "rename", counting(disk.rename))
        patch.setattr(Path, "unlink", counting(Path.unlink))
        # What a killed process leaves is not tidied up either.
        patch.setattr("takedown.dataset.atomic.Pending.__exit__", lambda *_: None)
        try:
            work()
        except StoppedError:
            return True
    return False


@pytest.mark.parametrize("what", ["apply", "restore"])
def test_a_run_that_was_stopped_is_finished_by_the_next(tmp_path, monkeypatch, what):
    (records,) = shards.plain_files(tmp_path / "original", shards=1, rows=3, failed=())
    before = tree(tmp_path / "original")
    listed = lists.of_urls(*(records[n]["url"] for n in (0, 2)))
    listed.disposition = "quarantine"
    for step in range(200):
        source, ledger = tmp_path / f"{step}" / "in", tmp_path / f"{step}" / "ledger"
        shutil.copytree(tmp_path / "original", source)

        def remove(source=source, ledger=ledger):
            outcome = apply(listed, [source], in_place=True, ledger=ledger, workers=1)
            assert outcome.errors == []

        def back(source=source, ledger=ledger):
            assert restore(lists.of_urls(), [source], ledger=ledger).errors == []

        if what == "restore":
            remove()
        more = stopped(monkeypatch, step, remove if what == "apply" else back)
        if what == "apply":
            remove()
            assert {Path(name).stem for name in tree(source) if "/" in name} == {records[1]["key"]}
        back()
        open_source(source).shards[0].verify()
        assert tree(source) == before, step
        if not more:
            break
    assert step > 5
