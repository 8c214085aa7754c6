"""The portal's tests once more, on PostgreSQL: constraints, locks and races differ between databases."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from factories import services

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_portal_keeps_its_promises_on_postgresql() -> None:
    environment = {**os.environ, "TESTS_ON_DATABASE": services.postgresql()}
    # What a browser shows is the same on any database.
    chosen = ["tests/portal", "-m", "not browser", "-q", "--no-header", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *chosen]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
