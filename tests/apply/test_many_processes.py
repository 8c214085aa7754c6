"""Several processes give what one gives; one that fails, or dies, costs its own file."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from factories import lists, shards
from factories.copies import tree

from takedown.apply import apply, pieces, plan
from takedown.apply.run import longest_first

TESTS = Path(__file__).parents[1]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Five Parquet files and two img2dataset shards."""
    for number in range(5):
        shards.laion(tmp_path / "in" / f"{number}.parquet", 400, start=400 * number, group=50)
    shards.img2dataset(tmp_path / "in" / "pictures", shards=2)
    return tmp_path / "in"


LISTED = lists.of_urls(*(shards.url(n) for n in range(0, 1200, 7)))


@pytest.mark.parametrize("run", ["plan", "apply"])
def test_three_processes_give_what_one_gives(copy, tmp_path, run):
    outcomes = []
    for workers in (1, 3):
        out = tmp_path / f"out{workers}"
        outcomes.append(
            plan(LISTED, [copy], workers=workers)
            if run == "plan"
            else apply(LISTED, [copy], out, workers=workers)
        )
    assert outcomes[0] == outcomes[1]
    assert (outcomes[0].files, outcomes[0].removed, outcomes[0].errors) == (7, 172, [])
    assert tree(tmp_path / "out1") == tree(tmp_path / "out3")


def test_rows_of_all_processes_are_counted_as_they_are_read(copy, tmp_path):
    seen: list[tuple[int, int]] = []
    apply(LISTED, [copy], tmp_path / "out", workers=3, progress=lambda *rows: seen.append(rows))
    assert seen[-1] == (2012, 2012)
    assert seen == sorted(seen)


def test_a_bad_file_is_named_and_the_others_are_done(copy, tmp_path):
    whole = (copy / "3.parquet").read_bytes()
    (copy / "3.parquet").write_bytes(whole[:100] + bytes(500) + whole[600:])
    apply(lists.of_urls(), [copy / "0.parquet"], tmp_path / "out")
    outcome = apply(LISTED, [copy], tmp_path / "out", workers=3)
    assert [(Path(f.file).name, f.error) for f in outcome.errors] == [("3.parquet", "dataset-unreadable")]
    assert outcome.files == 6
    assert "3.parquet" not in tree(tmp_path / "out")


def test_one_long_file_is_scanned_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_ROWS", 100)
    shards.laion(tmp_path / "in" / "long.parquet", 2_000, group=60, nulls=(5, 1500))
    shards.laion(tmp_path / "in" / "short.parquet", 20, start=5_000)
    listed = lists.of_urls(*(shards.url(n) for n in (0, 59, 60, 1_999, 5_003)))
    whole = apply(listed, [tmp_path / "in"], tmp_path / "one", workers=1)
    scanned = apply(listed, [tmp_path / "in"], tmp_path / "two", workers=2)
    assert scanned == whole
    assert (whole.removed, whole.null_urls, whole.uncheckable) == (5, 2, {"null-url": 2})
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_only_a_file_that_is_more_than_its_share_is_cut(tmp_path):
    from takedown.apply.layout import lay_out

    for number, rows in enumerate((600, 100, 100)):
        shards.laion(tmp_path / "in" / f"{number}.parquet", rows, group=50)
    jobs = lay_out([tmp_path / "in"]).jobs
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_ROWS", 100)
        found = pieces.cut(jobs, 2)
        assert list(found) == [0]
        assert [tuple(piece) for piece in found[0]] == [(n, n + 100) for n in range(0, 600, 100)]
        assert pieces.cut(jobs, 1) == {}
    assert pieces.cut(jobs, 2) == {}


RUN = """
import sys
from pathlib import Path
from factories import lists, shards
from takedown.apply import apply
listed = lists.of_urls(*(shards.url(n) for n in range(0, 90_000, 7)))
apply(listed, [Path(sys.argv[1])], Path(sys.argv[2]), workers=3)  # itself and two others
"""


def _started(tmp_path: Path) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A run, and its processes once both are at work."""
    for number in range(6):
        shards.laion(tmp_path / "in" / f"{number}.parquet", 15_000, start=15_000 * number, group=300)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    run = subprocess.Popen([sys.executable, "-c", RUN, tmp_path / "in", tmp_path / "out"], env=environment)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
        found = [int(child) for child in children.read_text().split()] if children.exists() else []
        found += [
            int(child)
            for task in Path(f"/proc/{run.pid}/task").glob("*/children")
            for child in task.read_text().split()
        ]
        if len(set(found)) == 2 and list((tmp_path / "out").glob(".*.part")):
            return run, sorted(set(found))
        time.sleep(0.005)
    raise AssertionError("the processes did not start")


def _interrupted(tmp_path: Path, end: signal.Signals) -> list[int]:
    """The processes of a run that was ended while it worked. On a busy machine it may be done before that:
    then another is."""
    for _ in range(5):
        run, processes = _started(tmp_path)
        run.send_signal(end)
        if run.wait(60) != 0:
            return processes
        shutil.rmtree(tmp_path / "out")
    raise AssertionError("five runs were done before they could be ended")


linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes through /proc")


@linux
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_the_run_and_the_next_finishes(tmp_path, end):
    processes = _interrupted(tmp_path, end)
    until = time.monotonic() + 10
    while any(Path(f"/proc/{process}").exists() for process in processes) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(Path(f"/proc/{process}").exists() for process in processes)
    listed = lists.of_urls(*(shards.url(n) for n in range(0, 90_000, 7)))
    finished = apply(listed, [tmp_path / "in"], tmp_path / "out", workers=1)
    assert finished.errors == []
    assert finished == apply(listed, [tmp_path / "in"], tmp_path / "whole", workers=1)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def _children() -> set[int]:
    """The processes that this one has started."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}


@linux
def test_a_process_that_dies_costs_its_file_only(tmp_path):
    for number in range(6):
        shards.laion(tmp_path / "in" / f"{number}.parquet", 20_000, start=20_000 * number, group=2_000)
    listed = lists.of_urls(*(shards.url(n) for n in range(0, 120_000, 7)))
    killed: list[int] = []
    others = _children()

    def kill_one() -> None:
        while not killed:
            killed.extend(sorted(_children() - others)[:1])
        time.sleep(0.3)
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    outcome = apply(listed, [tmp_path / "in"], tmp_path / "out", workers=2)
    killer.join()
    assert {failure.error for failure in outcome.errors} <= {"worker-died"}
    assert len(outcome.errors) <= 1
    assert outcome.files == 6 - len(outcome.errors)
    again = apply(listed, [tmp_path / "in"], tmp_path / "out", workers=2)
    assert (again.files, again.errors) == (6, [])


def test_files_much_longer_than_others_come_first():
    assert longest_first([0, 1, 2, 3], [10, 12, 90, 11]) == [2, 0, 1, 3]
    assert longest_first([1, 3], [0, 12, 0, 11]) == [1, 3]
    assert longest_first([], []) == []
