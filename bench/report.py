"""Timing side by side, and printing: what all areas share."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

_LIBRARIES = (
    *("numpy", "numba", "pyarrow", "duckdb", "polars"),
    *("pillow", "pdqhash", "imagehash", "django", "granian"),
)


class DisagreementError(Exception):
    """Two that should give the same answer did not, so their times mean nothing."""


@dataclass(frozen=True)
class Timing:
    """Seconds of several rounds."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> str:
        """Fastest and slowest round in milliseconds: how much the machine was disturbed."""
        return f"{_figure(min(self.seconds) * 1e3)}-{_figure(max(self.seconds) * 1e3)}"


def race(
    contenders: Mapping[str, Callable[[], object]], *, seconds: float = 10, least: int = 3, most: int = 15
) -> dict[str, Timing]:
    """Time several calls in turn, round by round, so that whatever disturbs the machine disturbs all.

    Args:
        contenders: label -> call.
        seconds: begin no further round after that long, once there are ``least``.
        least, most: rounds that count. One more comes first, to warm up.
    """
    times: dict[str, list[float]] = {label: [] for label in contenders}
    started = time.perf_counter()
    for call in contenders.values():
        call()
    for done in range(most):
        if done >= least and time.perf_counter() - started > seconds:
            break
        for label, call in contenders.items():
            times[label].append(_seconds(call))
    return {label: Timing(tuple(found)) for label, found in times.items()}


def once(call: Callable[[], object]) -> Timing:
    """Time one call that is too long to repeat."""
    return Timing((_seconds(call),))


def agree(what: str, same: bool) -> None:
    """Raise DisagreementError unless ``same``."""
    if not same:
        raise DisagreementError(what)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table: the first column to the left, figures to the right."""
    cells = [[*map(str, head)], *[[_cell(content) for content in row] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    say(f"\n{title}")
    for number, row in enumerate(cells):
        first, *others = row
        padded = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        say("  ".join([first.ljust(widths[0]), *padded]).rstrip())
        if number == 0:
            say("  ".join("-" * width for width in widths))


def at_least(what: str, measured: float, goal: float) -> tuple[object, ...]:
    """A line for ``goals``."""
    return what, measured, f">= {_figure(goal)}", "met" if measured >= goal else "not met"


def at_most(what: str, measured: float, goal: float) -> tuple[object, ...]:
    """A line for ``goals``."""
    return what, measured, f"<= {_figure(goal)}", "met" if measured <= goal else "not met"


def goals(*lines: tuple[object, ...]) -> None:
    """Print what was aimed for beside what was reached."""
    table("goals", ("", "measured", "goal", ""), lines)


def ratio(ours: float, peer: float) -> str:
    """How many times one figure is the other."""
    return f"{_figure(ours / peer)}x"


def folder_bytes(folder: Path) -> int:
    """Bytes of all files under a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def machine() -> str:
    """Processor, cores, memory, and versions of what is measured: two lines."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = [f"{name} {_version(name)}" for name in _LIBRARIES]
    return (
        f"machine: {_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB memory, {platform.system()}\n"
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {', '.join(versions)}"
    )


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _cell(content: object) -> str:
    if isinstance(content, float):
        return _figure(content)
    return f"{content:,}" if isinstance(content, int) else str(content)


def _figure(value: float) -> str:
    """Three significant digits, thousands grouped."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"
