"""Desks for the walk: embedded, and on PostgreSQL with Redis where both answer; one to open in a browser."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from desk import ROOT, Desk
from factories import services
from factories.once import Once

from portal.sample import write_sample
from takedown.index import build_index


@pytest.fixture(params=["embedded", "PostgreSQL and Redis"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A prepared desk without running processes; the test starts what it needs."""
    with ExitStack() as stack:
        environment = {}
        if request.param != "embedded":
            environment = {
                "DATABASE_URL": stack.enter_context(services.fresh_database()),
                "TAKEDOWN_BROKER_URL": services.redis(),
                "TAKEDOWN_BROKER_PREFIX": f"takedown-test-{secrets.token_hex(4)}.",
            }
        made = Desk(tmp_path, environment)
        stack.callback(made.stop)
        yield made


@pytest.fixture(scope="session")
def drawn(once: Once) -> Path:
    """A folder with the sample dataset and its index, made once for many desks."""
    return once.made("drawn", _draw)


def _draw(folder: Path) -> None:
    write_sample(folder / "sample")
    (folder / "index").mkdir()
    build_index(
        folder / "index" / "sample-pictures", [folder / "sample" / "pictures"], name="sample-pictures"
    )


@pytest.fixture(scope="session")
def trial(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Iterator[Desk]:
    """One embedded desk for all tests in a browser; each asks for rows of its own (``fresh``)."""
    made = Desk(tmp_path_factory.mktemp("trial"))
    made.reuse(drawn)
    try:
        made.start("up")
        yield made
    finally:
        made.stop()


@dataclass(frozen=True)
class Row:
    """A row of the sample whose picture stands there once: its address, the SHA-256 of its file."""

    url: str
    sha256: str


@pytest.fixture(scope="session")
def fresh(drawn: Path) -> Callable[[], Row]:
    """Gives a row that no other test asks for: what one asks and two people decide is no news to the next."""
    told = json.loads((drawn / "sample" / "try" / "expected.json").read_text())
    taken = {one["url"] for one in [*told["files"], *told["addresses"]]}
    files = sorted((drawn / "sample" / "pictures").glob("*.parquet"))
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    # Pictures 0 to 3 stand there again as copies, or in other sizes; those from 9000 on were not downloaded.
    once = [row for row in rows if re.search(r"(?!000[0-3]|9)\d{4}\.jpg$", row["url"])]
    left = iter([row for row in once if row["url"] not in taken])

    def give() -> Row:
        row = next(left)
        return Row(row["url"], row["sha256"])

    return give


@pytest.fixture(scope="module")
def open_window(trial: Desk) -> Iterator[Callable[..., Any]]:
    """Opens windows of a real Chromium (see ``chromium.Window``); all are closed at the end."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    import chromium  # needs playwright

    if chromium.find() is None:
        pytest.skip(f"no browser is installed: none of {', '.join(chromium.NAMES)} is on the path")
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_api.sync_playwright())
        browser = stack.enter_context(chromium.launch(playwright, str(chromium.find())))
        yield lambda *widths, **more: chromium.Window(browser, trial, widths or chromium.WIDTHS, **more)


@pytest.fixture(scope="session")
def holder(once: Once) -> Path:
    """The command line in an environment that holds the library and what it needs, nothing else."""
    return once.made("holder", _install) / "venv" / "bin"


def _install(folder: Path) -> None:
    source = folder / "source"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "var", "portal", "tests", "build", "*.egg-info")
    shutil.copytree(ROOT, source, ignore=ignored)  # pip builds in the source folder: not in ours
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    pip = [sys.executable, "-m", "pip", "--python", folder / "venv" / "bin" / "python", "install", "--quiet"]
    subprocess.run([*pip, str(source)], check=True, stderr=subprocess.DEVNULL)
