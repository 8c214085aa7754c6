"""Scripts in an interpreter of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

ROOT = str(Path(__file__).parents[2])


def run(code: str) -> str:
    """Run a script in an interpreter of its own and return what it printed."""
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert out.returncode in (0, -signal.SIGKILL), out.stderr
    return out.stdout
