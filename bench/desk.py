"""A desk for measuring: real processes in a folder of its own, with the defaults of ``manage.py up``."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
THREADS = 8


class Desk:
    """One folder with its database. ``serve`` may be entered several times, one after the other."""

    def __init__(self, folder: Path) -> None:
        """Prepared with the sample dataset and its index, whatever is set outside."""
        self.database = folder / "var" / "portal.sqlite3"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {
            **kept,
            "TAKEDOWN_VAR": str(folder / "var"),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
        self._run("manage.py", "prepare", "--demo")

    @contextmanager
    def serve(self, *, worker: bool) -> Iterator[str]:
        """Web, and worker and clock if wanted, each in a group of its own; all killed at the end."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        processes = [self._start(_web(port))]
        if worker:
            processes += [self._start(_celery(name)) for name in ("worker", "beat")]
        try:
            _wait_for(port, processes[0])
            yield f"127.0.0.1:{port}"
        finally:
            for process in processes:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def drafts(self, addresses: list[str]) -> list[str]:
        """The hidden field of the form's last page, for requests of one address each."""
        made = self._run("-m", "bench.drafts", text=json.dumps(addresses))
        drafts: list[str] = json.loads(made)
        return drafts

    def _run(self, *command: str, text: str = "") -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.environment,
            input=text.encode(),
            stdout=subprocess.PIPE,
            check=True,
        )
        return done.stdout.decode()

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env=self.environment, start_new_session=True
        )


def visit(what: str, address: str, tasks: list[str], **more: Any) -> dict[str, Any]:
    """Run the visitors (visitors.py) in a process of their own, so that they share no lock with this one."""
    order = {"what": what, "address": address, "tasks": tasks, "threads": THREADS, "rate": 0, "seconds": 40}
    done = subprocess.run(
        [sys.executable, "-m", "bench.visitors"],
        cwd=ROOT,
        input=json.dumps({**order, **more}).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _web(port: int) -> list[str]:
    threads = str(2 * (os.cpu_count() or 1))
    options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    options += ["--blocking-threads", threads, "--no-ws", "--log-level", "warning"]
    return ["granian", *options, "portal.wsgi:application"]


def _celery(name: str) -> list[str]:
    return ["celery", "-A", "portal", "--quiet", name, "--loglevel", "ERROR"]


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError("The web server did not start; its message stands above.")
