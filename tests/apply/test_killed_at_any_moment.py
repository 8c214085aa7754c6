"""kill -9 at 200 random moments of real runs: every file is old or new, and the rows are all there.

A process that has everything imported forks one for each run, so that a run takes as long as its work does
and the moments fall all over it.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import lists, shards
from factories.copies import numbers, tree, urls

from takedown.apply import apply, restore
from takedown.apply.ledger import Ledger

TESTS = Path(__file__).parents[1]

#: Kills of each of the two tests.
KILLS = 100
ROWS = 1_500

SERVER = """
import json, os, signal, sys, time, traceback
from pathlib import Path
from factories import lists, shards
from takedown.apply import apply, restore
import takedown.apply.deal, takedown.dataset.parquet_rewrite, takedown.dataset.parquet_put_back

os.fsync = os.fstat  # as in the tests themselves: a run that is killed here takes no longer than one there

def run(task):
    listed = lists.of_urls(*task["urls"])
    listed.disposition = task["disposition"]
    path, ledger = Path(task["source"]), Path(task["ledger"])
    if task["what"] == "restore":
        done = restore(listed, [path], ledger=ledger)
    elif task["out"]:
        done = apply(listed, [path], Path(task["out"]), ledger=ledger, workers=1)
    else:
        done = apply(listed, [path], in_place=True, ledger=ledger, workers=1)
    for failure in done.errors:
        print(failure, file=sys.stderr)
    return 0 if not done.errors else 3

for line in sys.stdin:
    task = json.loads(line)
    child = os.fork()
    if not child:
        try:
            os._exit(run(task))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    if task["seconds"] is not None:
        time.sleep(task["seconds"])
        os.kill(child, signal.SIGKILL)  # nobody has waited for it yet, so the number is still its own
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Server:
    """Starts runs and ends them."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )

    def run(self, task: dict[str, object], seconds: float | None = None) -> int:
        """How a run ended that was killed after so many seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(task | {"seconds": seconds}) + "\n")
        self._process.stdin.flush()
        ended = int(self._process.stdout.readline())
        assert ended in (0, signal.SIGKILL)
        return ended

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.end()


def fill(folder: Path) -> list[str]:
    """Three Parquet files, a tar and a folder of samples; all addresses, in order of the files."""
    for number in range(3):
        shards.laion(folder / f"{number}.parquet", ROWS, start=ROWS * number, group=250)
    records = shards.img2dataset(folder / "pictures", shards=1, rows=12)
    shards.plain_files(folder / "plain", shards=1, rows=5)
    samples = [row["url"] for row in records[0]]
    return [shards.url(n) for n in range(3 * ROWS)] + samples + samples[:5]


def task(source: Path, ledger: Path, chosen: list[str], **named: object) -> dict[str, object]:
    return {
        "what": "apply",
        "out": "",
        "source": str(source),
        "ledger": str(ledger),
        "urls": chosen,
        "disposition": "quarantine",
        **named,
    }


def visible(folder: Path) -> dict[str, bytes]:
    """The files, less those that wait under a temporary name."""
    return {name: text for name, text in tree(folder).items() if not Path(name).name.startswith(".")}


@pytest.mark.slow  # a hundred runs that are killed, and those that finish what is left
def test_to_a_new_folder(tmp_path, server):
    every = fill(tmp_path / "in")
    originals = tree(tmp_path / "in")
    chance = random.Random(200)
    old: dict[str, bytes] = {}
    killed = 0
    for number in range(1000):
        chosen = sorted(chance.sample(every, 40))
        listed = lists.of_urls(*chosen)
        listed.disposition = ("purge", "quarantine")[number % 2]
        shutil.rmtree(tmp_path / "whole", ignore_errors=True)
        began = time.monotonic()
        whole = apply(listed, [tmp_path / "in"], tmp_path / "whole", ledger=tmp_path / "other", workers=1)
        took = time.monotonic() - began
        new = visible(tmp_path / "whole")
        todo = task(
            tmp_path / "in",
            tmp_path / "ledger",
            chosen,
            out=str(tmp_path / "out"),
            disposition=listed.disposition,
        )
        for _ in range(8):
            ended = server.run(todo, chance.uniform(0, took))
            killed += ended == signal.SIGKILL
            now = visible(tmp_path / "out") if (tmp_path / "out").exists() else {}
            assert all(text in (old.get(name), new.get(name)) for name, text in now.items())
            assert {name for name in now if name.endswith(".parquet")} >= {
                name for name in old if name.endswith(".parquet")
            }
        assert server.run(todo) == 0
        assert visible(tmp_path / "out") == new
        again = apply(listed, [tmp_path / "in"], tmp_path / "out", ledger=tmp_path / "ledger", workers=1)
        assert (again, again.resumed) == (whole, 5)
        assert tree(tmp_path / "in") == originals
        old = new
        if killed >= KILLS:
            break
    assert killed >= KILLS


@pytest.mark.slow  # a hundred runs that are killed, and those that finish what is left
def test_in_place_with_rows_kept_aside_and_put_back(tmp_path, server):
    every = fill(tmp_path / "template")
    chance = random.Random(201)
    killed = 0
    for _ in range(1000):
        for name in ("in", "ledger"):
            shutil.rmtree(tmp_path / name, ignore_errors=True)
        shutil.copytree(tmp_path / "template", tmp_path / "in")
        gone: set[str] = set()
        for what in ("apply", "apply", "restore", "restore"):
            back = set(chance.sample(sorted(gone), len(gone) // 2))
            chosen = sorted(gone - back if what == "restore" else gone | set(chance.sample(every, 25)))
            todo = task(tmp_path / "in", tmp_path / "ledger", chosen, what=what)
            killed += killed_now_and_then(server, todo, tmp_path, chance)
            gone = set(chosen)
            assert_all_there(tmp_path, every, gone)
        if killed >= KILLS:
            break
    assert killed >= KILLS
    nothing = lists.of_urls()
    assert restore(nothing, [tmp_path / "in"], ledger=tmp_path / "ledger").errors == []
    assert_all_there(tmp_path, every, set())
    assert (
        visible(tmp_path / "in")["pictures/00000.tar"] == visible(tmp_path / "template")["pictures/00000.tar"]
    )


def killed_now_and_then(server: Server, todo: dict[str, object], folder: Path, chance: random.Random) -> int:
    """Run it, killed five times at random moments of its first 0.15 seconds; then to its end."""
    killed = 0
    before = visible(folder / "in")
    seen: dict[str, set[bytes]] = {name: {text} for name, text in before.items()}
    for _ in range(5):
        ended = server.run(todo, chance.uniform(0, 0.15))
        killed += ended == signal.SIGKILL
        for name, text in visible(folder / "in").items():
            seen.setdefault(name, set()).add(text)
    assert server.run(todo) == 0
    for name, text in visible(folder / "in").items():
        seen.setdefault(name, set()).add(text)
    # Old or new: no third content was ever there.
    assert max(len(texts) for texts in seen.values()) <= 2
    return killed


def assert_all_there(folder: Path, every: list[str], gone: set[str]) -> None:
    """Every row is in its file or aside, in order, and those aside are exactly the removed ones."""
    left = [url for number in range(3) for url in urls(folder / "in" / f"{number}.parquet")]
    for name in ("pictures", "plain"):
        left += urls(folder / "in" / name / "00000.parquet")
    assert left == [url for url in every if url not in gone]
    aside: list[str | None] = []
    for name in ("0.parquet", "1.parquet", "2.parquet", "pictures/00000.tar", "plain/00000.parquet"):
        generation = Ledger(folder / "ledger").find(folder / "in" / name)
        shard = generation.aside() if generation is not None else None
        if shard is not None:
            aside += urls(shard.path.with_suffix(".parquet"))
    assert aside == [url for url in every if url in gone]
    assert numbers(folder / "in" / "0.parquet") == sorted(numbers(folder / "in" / "0.parquet"))
