"""A killed run of `takedown hash` leaves whole tables only and no process, and the next run finishes it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from factories import shards
from factories.tables import names, one

from takedown.dataset.fingerprints import open_fingerprints
from takedown.errors import UsageError
from takedown.hashing import job

ROOT = Path(__file__).parents[2]
RUN = "from takedown import cli; cli.run()"
SHARDS, PICTURES = 6, 60
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy") / "shards"
    shards.img2dataset(folder, shards=SHARDS, rows=PICTURES, failed=())
    return folder


@pytest.fixture(scope="module")
def whole(copy: Path) -> Path:
    """Tables of a run that nobody interrupted."""
    one(copy, copy.parent / "whole")
    return copy.parent / "whole"


def command(copy: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, "hash", str(copy), "--out", str(out), "--json", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def descendants(pid: int) -> set[int]:
    """Every process that this one started, directly or not."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = stat.read_text()
            parents.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found.update(children)
        waiting += children
    return found


def wait_for(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Look every few milliseconds."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


def all_gone(pids: set[int]) -> bool:
    """Whether the processes end, within a minute. What became a zombie has."""
    wait_for(lambda: not any(lives(pid) for pid in pids))
    return True


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def same(folder: Path, other: Path) -> bool:
    return names(folder) == names(other) and all(
        (folder / name).read_bytes() == (other / name).read_bytes() for name in names(folder)
    )


@linux
def test_a_run_killed_at_random_times_is_finished_to_the_same_bytes(
    copy: Path, whole: Path, tmp_path: Path
) -> None:
    dice, out = random.Random(5), tmp_path / "T"
    for tables in (0, 1, 3, 4):
        kill_at(command(copy, out, "--workers", "2"), out, tables, dice.uniform(0, 0.2))
        assert all((out / name).read_bytes() == (whole / name).read_bytes() for name in done(out))
    process = command(copy, out)
    report = json.loads(process.communicate(timeout=60)[0])
    assert process.returncode == 0
    assert report["kept"] >= 4
    assert same(out, whole)


def kill_at(process: subprocess.Popen[str], out: Path, tables: int, seconds: float) -> None:
    """Kill a run with so many tables in place, or a little later; all that it started ends then."""
    wait_for(lambda: _workers(process.pid) or process.poll() is not None)
    wait_for(lambda: len(done(out)) >= tables or process.poll() is not None)
    time.sleep(seconds)
    started = descendants(process.pid)
    process.kill()
    process.communicate()
    assert all_gone(started)


def done(folder: Path) -> list[str]:
    """The tables that are in place."""
    return [path.name for path in folder.glob("*.parquet") if not path.name.startswith(".")]


@linux
def test_a_worker_that_dies_costs_its_shard_and_the_next_run_makes_up_for_it(
    copy: Path, whole: Path, tmp_path: Path
) -> None:
    process = command(copy, tmp_path / "T", "--workers", "1")
    wait_for(lambda: done(tmp_path / "T"))  # it is at the second shard or a later one
    for worker in _workers(process.pid):
        os.kill(worker, signal.SIGKILL)
    out, errors = process.communicate(timeout=60)
    report = json.loads(out)
    if report["errors"]:  # it may just have been done
        assert process.returncode == 3
        assert [error["error"] for error in report["errors"]] == ["worker-died"]
        assert "smaller --workers" in errors
        assert report["tables"] == SHARDS - 1
    one(copy, tmp_path / "T")
    assert same(tmp_path / "T", whole)


def _workers(pid: int) -> list[int]:
    found = []
    for child in descendants(pid):
        with contextlib.suppress(OSError):
            if b"takedown.hashing.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found


@linux
def test_ctrl_c_ends_everything_and_says_how_to_go_on(copy: Path, whole: Path, tmp_path: Path) -> None:
    for _ in range(5):  # on a busy machine a run may be done before it hears
        process = command(copy, tmp_path / "T")
        wait_for(lambda pid=process.pid: _workers(pid))
        started = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
        if process.returncode:
            break
        shutil.rmtree(tmp_path / "T")
    assert process.returncode == 130
    assert json.loads(out)["error"] == "interrupted"
    assert "run the same command again" in errors
    assert all_gone(started)
    one(copy, tmp_path / "T")
    assert same(tmp_path / "T", whole)


def test_two_runs_do_not_write_to_one_folder(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "BUSY_SECONDS", 0.2)
    with _held(tmp_path / "T"), pytest.raises(UsageError) as caught:
        one(copy / "00000.tar", tmp_path / "T")
    assert caught.value.slug == "out-busy"
    one(copy / "00000.tar", tmp_path / "T")
    assert names(tmp_path / "T") == ["00000.parquet"]


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    folder.mkdir()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_what_a_killed_run_left_unfinished_is_cleared_away(copy: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "T"
    out.mkdir()
    (out / ".00001.parquet.part").write_bytes(b"PAR1 half a table")
    (out / ".99999.parquet.part").write_bytes(b"of a shard that is gone")
    one(copy, out)
    assert same(out, whole)


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-20], lambda data: b"", lambda data: data[:-1] + b"x"],
    ids=["cut", "0", "x"],
)
def test_a_damaged_table_is_made_again(copy: Path, whole: Path, tmp_path: Path, damage: Any) -> None:
    out = tmp_path / "T"
    one(copy / "00000.tar", out)
    table = out / "00000.parquet"
    table.write_bytes(damage(table.read_bytes()))
    report = one(copy / "00000.tar", out)
    assert (report.kept, report.hashed) == (0, PICTURES)
    assert table.read_bytes() == (whole / "00000.parquet").read_bytes()


# --- The command ------------------------------------------------------------------------------------------


def test_the_command_says_what_it_did(copy: Path, tmp_path: Path) -> None:
    tar = copy / "00000.tar"
    done = command(tar, tmp_path / "T")
    report = json.loads(done.communicate(timeout=60)[0])
    assert done.returncode == 0
    assert {name: report[name] for name in ("tables", "kept", "lines", "pictures", "hashed", "errors")} == {
        "tables": 1,
        "kept": 0,
        "lines": PICTURES,
        "pictures": PICTURES,
        "hashed": PICTURES,
        "errors": [],
    }
    (table,) = open_fingerprints(tmp_path / "T")
    assert table.num_rows == PICTURES


def test_the_command_says_what_is_wrong(copy: Path, tmp_path: Path) -> None:
    for sources, options, code, slug in (
        (tmp_path / "absent", [], 3, "dataset-not-found"),
        (copy, ["--workers", "0"], 2, "usage"),
        (copy, ["--workers", "many"], 2, "usage"),
    ):
        done = command(sources, tmp_path / "T", *options)
        out, errors = done.communicate(timeout=60)
        assert done.returncode == code
        assert json.loads(out)["error"] == slug
        assert errors.count("\n") == 1
    assert not (tmp_path / "T").exists()
