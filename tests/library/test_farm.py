"""Processes that do tasks: what comes back, what a dead or broken one costs, and that none is left over."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from takedown import farm
from takedown.errors import BadDataset, TakedownError

LABOURER = """
import os, time
from takedown import farm
from takedown.errors import BadDataset

def work(task, tell):
    print("this is no answer")
    match task["do"]:
        case "refuse":
            raise BadDataset("It is damaged; leave it out.", slug="dataset-odd")
        case "stumble":
            raise KeyError("x")
        case "die":
            os._exit(1)
        case "sleep":
            open(task["file"], "w").write(str(os.getpid()))
            time.sleep(60)
    for _ in range(task.get("steps", 0)):
        tell(1)
    there = os.path.exists(f"/proc/self/fd/{task.get('fd', 0)}")
    return {"said": task["do"], "pid": os.getpid(), "open": there}

farm.serve(work)
"""


@pytest.fixture
def labourer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "labourer.py").write_text(LABOURER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "labourer"


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_every_task_comes_back_once_with_its_number(labourer: str) -> None:
    told: list[int] = []
    tasks = [{"do": f"task {n} \u2026\n", "steps": n} for n in range(9)]
    found = dict(farm.run(labourer, tasks, 3, told.append))
    assert {n: result["said"] for n, result in found.items()} == {
        n: task["do"] for n, task in enumerate(tasks)
    }
    assert len({result["pid"] for result in found.values()}) <= 3
    assert sum(told) == sum(range(9))
    assert dict(farm.run(labourer, [], 3, told.append)) == {}


def test_errors_cost_their_task_only(labourer: str) -> None:
    tasks = [{"do": what} for what in ("a", "refuse", "b", "stumble", "c", "die", "die", "d")]
    found = dict(farm.run(labourer, tasks, 1, lambda _: None))
    assert [n for n, result in found.items() if not isinstance(result, TakedownError)] == [0, 2, 4, 7]
    assert isinstance(found[1], BadDataset)
    assert (found[1].slug, found[1].sentence) == ("dataset-odd", "It is damaged; leave it out.")
    assert [found[n].slug for n in (3, 5, 6)] == ["unexpected", "worker-died", "worker-died"]
    assert "KeyError" in found[3].sentence


def test_who_stops_listening_ends_the_processes(labourer: str, tmp_path: Path) -> None:
    tasks = [{"do": "a"}, *({"do": "sleep", "file": str(tmp_path / f"{n}.pid")} for n in range(5))]
    over = farm.run(labourer, tasks, 2, lambda _: None)
    assert next(over)[0] == 0
    until = time.monotonic() + 30
    while not list(tmp_path.glob("*.pid")):
        assert time.monotonic() < until
        time.sleep(0.01)
    began = time.monotonic()
    over.close()
    assert time.monotonic() - began < 10
    pids = [int(text) for path in tmp_path.glob("*.pid") if (text := path.read_text())]
    assert not any(lives(pid) for pid in pids)


def test_a_process_ends_with_its_input_though_it_is_at_work(labourer: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", labourer],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(farm.__file__).parents[1]}"},
    )
    assert process.stdin is not None
    process.stdin.write(b'{"do": "sleep", "file": "%s"}\n' % os.fsencode(tmp_path / "pid"))
    process.stdin.flush()
    until = time.monotonic() + 30
    while not (tmp_path / "pid").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    process.stdin.close()
    assert process.wait(timeout=10) == 0


def test_a_descriptor_that_is_to_be_kept_is_open_in_the_processes(labourer: str) -> None:
    if sys.platform != "linux":
        pytest.skip("looks into /proc")
    read_end, write_end = os.pipe()
    try:
        for keep, there in (((read_end,), True), ((), False)):
            ((_, result),) = farm.run(labourer, [{"do": "a", "fd": read_end}], 1, lambda _: None, keep=keep)
            assert result["open"] is there
    finally:
        os.close(read_end)
        os.close(write_end)
