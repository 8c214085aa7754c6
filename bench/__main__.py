"""Run one area of the benchmark, or all of them one after the other.

1. Without a name, list the areas; with a name that is none, say so and end with 2.
2. Print what machine this is, and how busy it was before.
3. Run each area in a temporary folder of its own.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, ModuleType

from bench.report import DisagreementError, machine, say

#: In the order in which ``all`` runs them. Each is a module of this package with ``run(folder)``.
AREAS = ("fingerprint", "edits", "index", "releases", "apply", "portal")


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 done or listed, 1 a peer disagreed, 2 no such area, 130 stopped."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure speed against peers.")
    parser.add_argument("area", nargs="?", help=f"{', '.join(AREAS)}, or all; without one, list them")
    area = parser.parse_args(argv).area
    if not area:
        say("Run one with: python -m bench AREA (or: make bench AREA=...), or all of them with: all")
        for name in AREAS:
            say(f"  {name:<13}{about(area_module(name))}")
        return 0
    if area not in (*AREAS, "all"):
        sys.stderr.write(f"There is no area of this name; choose one of: {', '.join(AREAS)}, or all.\n")
        return 2
    signal.signal(signal.SIGTERM, _as_interrupt)  # so that temporary folders and servers go away
    say(machine())
    try:
        return max([_run(name) for name in (AREAS if area == "all" else (area,))])
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; the temporary files are gone.\n")
        return 130


def area_module(name: str) -> ModuleType:
    return importlib.import_module(f"bench.{name}")


def about(area: ModuleType) -> str:
    """The first line of an area's docstring."""
    return (area.__doc__ or "").strip().partition("\n")[0]


def _run(name: str) -> int:
    area = area_module(name)
    say(f"\n== {name}: {about(area)}")
    say(f"load average before: {os.getloadavg()[0]:.2f}")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
        try:
            area.run(Path(folder))
        except DisagreementError as error:
            sys.stderr.write(f"No times are reported: {error}\n")
            return 1
    say(f"\n{name} took {time.perf_counter() - started:.0f} s in all")
    return 0


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
