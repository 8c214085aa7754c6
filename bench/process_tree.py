"""A call in a process of its own: its seconds, and the memory of that process with all its children.

1. The child loads what it needs, says that it is ready, and waits.
2. It is told to begin; meanwhile its memory and its children's is looked at ten times a second.
3. It says how many seconds its work took, which leaves out starting Python and importing.

Memory is the proportional set size: a page that several processes share counts once, in parts.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LOOKS_A_SECOND = 10


class EndedError(Exception):
    """A child ended before its work was done."""


@dataclass(frozen=True)
class Run:
    """Seconds of the work, and the most bytes that its processes held at one look."""

    seconds: float
    memory: int


def run(module: str, name: str, *arguments: object) -> Run:
    """Call ``module.prepare(name)(*arguments)`` in a process of its own.

    Args:
        module: with ``prepare(name)``, which imports what is needed and returns a callable that takes texts.
        name: what is run.
        arguments: passed on as texts.

    Raises:
        EndedError: it failed; its own message stands above.
    """
    command = [sys.executable, "-m", "bench.process_tree", module, name, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        if child.stdin is None or child.stdout is None:
            raise EndedError(name)
        if child.stdout.readline() != "ready\n":
            raise EndedError(name)
        done, most = threading.Event(), [0]
        watch = threading.Thread(target=_watch, args=(child.pid, done, most), daemon=True)
        watch.start()
        child.stdin.write("go\n")
        child.stdin.flush()
        answer = child.stdout.readline()
        done.set()
        watch.join()
        if not answer:
            raise EndedError(name)
    return Run(json.loads(answer)["seconds"], most[0])


def _watch(pid: int, done: threading.Event, most: list[int]) -> None:
    while not done.wait(1 / _LOOKS_A_SECOND):
        most[0] = max(most[0], sum(map(_memory, _tree(pid))))


def _tree(pid: int) -> list[int]:
    """The process and all that it started."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:
                continue
    return found


def _memory(pid: int) -> int:
    """Proportional set size in bytes; 0 for a process that has just ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return int(text.partition("\nPss:")[2].split()[0]) * 1024 if "\nPss:" in text else 0


def main(argv: Sequence[str]) -> None:
    """The child's side."""
    module, name, *arguments = argv
    call = importlib.import_module(module).prepare(name)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    started = time.perf_counter()
    call(*arguments)
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - started}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
