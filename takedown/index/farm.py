"""Reads units in several processes, one a core, and passes on what they say.

A process is ``python -m takedown.index.worker``: it takes one unit after the other from its standard input
and says on its standard output what is done. It ends when its input closes, so that nothing outlives the
build, however that ends. Small work is done in this very process: starting another costs more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from takedown import errors
from takedown.errors import BadIndex, TakedownError
from takedown.hashing.pictures import PictureReader
from takedown.index.units import WITH_PICTURES, Tell, Unit, extract

#: Steps that are worth a process of their own: reading a row takes microseconds, a picture milliseconds.
_ROWS_A_PROCESS = 300_000
_PICTURES_A_PROCESS = 200


def read_units(units: Sequence[Unit], folder: Path, workers: int, tell: Tell) -> None:
    """Read every unit that is not done yet.

    Args:
        units: in the order in which they are begun.
        folder: where units lie.
        workers: most processes.
        tell: called from several threads.

    Raises:
        BadDataset, MissingExtra, SandboxFailed: as units.extract; what was done until then stays done.
        BadIndex: a process ended by itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = min(workers, len(units), _worth(units))
    if count < 2:
        with PictureReader() as reader:
            for unit in units:
                extract(unit, folder, reader, tell)
        return
    waiting: SimpleQueue[Unit] = SimpleQueue()
    for unit in units:
        waiting.put(unit)
    with _processes(count) as processes, ThreadPoolExecutor(count) as pool:
        try:
            for done in [pool.submit(_serve, process, waiting, folder, tell) for process in processes]:
                done.result()
        except BaseException:
            for process in processes:
                process.kill()
            raise


def default_workers() -> int:
    """One process a core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _worth(units: Sequence[Unit]) -> int:
    rows = sum(unit.rows for unit in units)
    pictures = sum(unit.rows for unit in units if unit.kind in WITH_PICTURES)
    return max(rows // _ROWS_A_PROCESS, pictures // _PICTURES_A_PROCESS)


@contextmanager
def _processes(count: int) -> Iterator[list[subprocess.Popen[str]]]:
    started = [_start() for _ in range(count)]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def _start() -> subprocess.Popen[str]:
    package = str(Path(__file__).resolve().parent.parent.parent)
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        # -P keeps the working directory off the path.
        [sys.executable, "-P", "-m", "takedown.index.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
        start_new_session=True,  # Ctrl-C is for the parent, which then closes the pipes
    )


def _serve(process: subprocess.Popen[str], waiting: SimpleQueue[Unit], folder: Path, tell: Tell) -> None:
    """Hand one process units until there are none left."""
    while True:
        try:
            unit = waiting.get_nowait()
        except Empty:
            return
        try:
            _hand_over(process, unit, folder, tell)
        except (BrokenPipeError, EOFError, ValueError):
            raise BadIndex(
                "A process that reads the sources ended by itself, perhaps for want of memory; run the same "
                "command again, with a smaller --workers: what is done is kept.",
                slug="index-worker-died",
            ) from None


def _hand_over(process: subprocess.Popen[str], unit: Unit, folder: Path, tell: Tell) -> None:
    assert process.stdin is not None  # noqa: S101 - both are pipes: for the type checker
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(json.dumps({"unit": unit.to_json(), "folder": str(folder)}) + "\n")
    process.stdin.flush()
    while True:
        line = process.stdout.readline()
        if not line:
            raise EOFError
        match json.loads(line):
            case {"steps": int(steps)}:
                tell(steps)
            case {"error": [str(kind), str(slug), str(sentence)]}:
                raise _error(kind, slug, sentence)
            case {"done": True}:
                return


def _error(kind: str, slug: str, sentence: str) -> TakedownError:
    """The error that was raised in the process."""
    found: Any = getattr(errors, kind, TakedownError)
    made: TakedownError = found(sentence, slug=slug)
    return made
