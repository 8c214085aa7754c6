"""A Redis of a test's own: what it writes to disk is looked through."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from desk import free_port, wait_for


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """URL of an empty Redis whose dumps lie in the folder, not compressed; skips the test without one."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--rdbcompression", "no"]
    server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)

    def answers() -> bool:
        assert server.poll() is None, "redis-server ended at once"  # whoever answers would be another
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_for("Redis to answer", answers)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()
