"""Desks for the walk: embedded, and on PostgreSQL with Redis where both answer."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from desk import ROOT, Desk
from factories import services

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
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample dataset and its index, made once for many desks."""
    folder = tmp_path_factory.mktemp("drawn")
    write_sample(folder / "sample")
    (folder / "index").mkdir()
    build_index(
        folder / "index" / "sample-pictures", [folder / "sample" / "pictures"], name="sample-pictures"
    )
    return folder


@pytest.fixture(scope="session")
def holder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command line in an environment that holds the library and what it needs, nothing else."""
    folder = tmp_path_factory.mktemp("holder")
    source = folder / "source"
    ignored = shutil.ignore_patterns(".*", "var", "portal", "tests", "build", "*.egg-info")
    shutil.copytree(ROOT, source, ignore=ignored)  # pip builds in the source folder: not in ours
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, str(source)], check=True, stderr=subprocess.DEVNULL)
    return folder / "venv" / "bin"
