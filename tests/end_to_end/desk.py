"""A real desk for tests: real processes, a folder of its own, reached over HTTP and the command line."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = {"ada": "reviewer", "ben": "reviewer", "mara": "release manager"}


def free_port() -> int:
    """A port for a server that starts a little later.

    Systems give out ports above 32767 to whoever connects or does not care, so that a free one of those may
    be taken until then. Drawn at random, since tests that run at once do not know of each other.
    """
    while True:
        with contextlib.suppress(OSError), socket.socket() as probe:
            port = 11_000 + secrets.randbelow(21_000)
            probe.bind(("127.0.0.1", port))
            return port


def wait_for(what: str, check: Callable[[], Any], seconds: float = 150) -> Any:
    """Ask again and again until the answer is true; fail with a sentence when it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds} s in vain for: {what}")


class Desk:
    """One portal with its processes. ``environment`` chooses database and broker; the default is embedded."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.var = folder / "var"
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {
            **kept,
            "TAKEDOWN_VAR": str(self.var),
            "TAKEDOWN_SWEEP_SECONDS": "1",
            "TAKEDOWN_LEASE_SECONDS": "8",
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            **(environment or {}),
        }

    def reuse(self, drawn: Path) -> None:
        """Use a sample and its index that were made before: drawing them takes seconds."""
        self.var.mkdir(exist_ok=True)
        for name in ("sample", "index"):
            (self.var / name).symlink_to(drawn / name)

    def manage(self, *arguments: str) -> str:
        """Run a management command; its output."""
        return self._run([sys.executable, "manage.py", *arguments], 0)

    def takedown(self, *arguments: str, code: int = 0, program: str | None = None) -> str:
        """Run the holder's command line, in the desk's folder; its standard output."""
        command = program or shutil.which("takedown", path=str(Path(sys.executable).parent)) or "takedown"
        environment = {"XDG_DATA_HOME": str(self.folder / "holder")}
        return self._run([command, *arguments], code, cwd=self.folder, **environment)

    def json(self, *arguments: str, code: int = 0, program: str | None = None) -> Any:
        return json.loads(self.takedown(*arguments, "--json", code=code, program=program))

    def start(self, name: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start web, worker or clock, each in a process group of its own."""
        celery = [sys.executable, "-m", "celery", "-A", "portal", "--quiet"]
        web = ["--interface", "wsgi", "--port", str(self.port), "--blocking-threads", "4", "--no-ws"]
        commands = {
            "web": [
                sys.executable,
                "-m",
                "granian",
                *web,
                "--log-level",
                "warning",
                "portal.wsgi:application",
            ],
            "worker": [*celery, "worker", "--loglevel", "WARNING"],
            "clock": [*celery, "beat", "--loglevel", "WARNING", "--pidfile="],
            "up": [sys.executable, "manage.py", "up", "--demo", "--port", str(self.port)],
        }
        log = (self.folder / f"{name}.log").open("ab")
        process = subprocess.Popen(
            commands[name],
            cwd=ROOT,
            env={**self.environment, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.processes[name] = process
        if name in {"web", "up"}:
            wait_for("the web server", self._answers, 120)
        return process

    def log(self, name: str) -> str:
        file = self.folder / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def kill(self, name: str) -> None:
        """kill -9 of a process and everything it started."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def stop(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT if "up" in self.processes else signal.SIGTERM)
        for name in list(self.processes):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.processes[name].wait(20)
            self.kill(name)

    def logins(self) -> dict[str, str]:
        return json.loads((self.var / "demo-logins.json").read_text())

    def sign(self, staging: Path) -> str:
        """Sign a staged release as a release manager does, with the throw-away key."""
        key = self.var / "keys" / "release" / "targets-1.pem"
        repository = self.var / "blocklist"
        return self.takedown(
            "sign", "--repository", str(repository), "--staging", str(staging), "--key", str(key), "--yes"
        )

    def _answers(self) -> bool:
        for name, process in self.processes.items():
            if name in {"web", "up"} and process.poll() is not None:
                raise AssertionError(f"{name} ended at once:\n{self.log(name)}")
        return self.answers()

    def answers(self) -> bool:
        """Whether the web answers at this moment."""
        try:
            with urlopen(f"{self.address}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:  # refused, or reset by a listener that is just going away
            return False

    def _run(self, command: list[str], code: int, cwd: Path = ROOT, **more: str) -> str:
        done = subprocess.run(
            command, cwd=cwd, env={**self.environment, **more}, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == code, (
            f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done.stdout
