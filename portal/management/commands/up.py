"""``manage.py up``: web, worker and clock under one roof, for a laptop or a small machine.

1. ``prepare`` what is missing.
2. Start the three processes, each in a group of its own; start again what dies.
3. On Ctrl-C tell them to finish, and wait.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal import demo
from portal.models import DatasetIndex

#: Web requests served at once.
THREADS = 2 * (os.cpu_count() or 1)

#: What ends the desk. SIGINT is named since a shell starts background jobs with it ignored.
_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1

#: Seconds a process may take to finish its work when told to stop.
PATIENCE = 15


class Command(BaseCommand):
    help = "Run the whole desk: web, worker and clock. Ctrl-C stops it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--demo", action="store_true", help="with everything for a trial, see prepare --demo"
        )
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")

    def handle(self, *args: Any, host: str, port: int, demo: bool, **options: Any) -> None:
        for number in _STOP:
            signal.signal(number, _as_interrupt)
        try:
            self._check_port(host, port)
            call_command("prepare", demo=demo)
            self._supervise(_commands(host, port), f"http://{host}:{port}")
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")

    def _check_port(self, host: str, port: int) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                raise CommandError(
                    f"Port {port} is in use. Stop what runs there, or choose another: make run PORT=8001"
                ) from None

    def _supervise(self, commands: dict[str, list[str]], address: str) -> None:
        running: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name in commands:
                running[name] = _start(commands[name])
            self._wait_for_web(address, running["web"])
            self._welcome(address)
            while True:
                time.sleep(1)
                for name, process in running.items():
                    if process.poll() is not None:
                        self.stderr.write(f"The {name} ended ({process.returncode}); starting it again.")
                        running[name] = _start(commands[name])
        finally:
            self.stdout.write("Stopping; work in hand is finished first.")
            _stop(list(running.values()))

    def _wait_for_web(self, address: str, web: subprocess.Popen[bytes]) -> None:
        host, port = address.removeprefix("http://").rsplit(":", 1)
        for _ in range(300):
            if web.poll() is not None:
                raise CommandError("The web server did not start; its message stands above.")
            with socket.socket() as probe:
                if probe.connect_ex((host, int(port))) == 0:
                    return
            time.sleep(0.1)
        raise CommandError("The web server did not answer within 30 seconds.")

    def _welcome(self, address: str) -> None:
        lines = ["", f"  Ask for a removal   {address}/", f"  Review and release  {address}/desk/"]
        lines += [
            f"      {name:<6}{word}   ({', '.join(demo.PEOPLE[name])})"
            for name, word in demo.logins().items()
        ]
        if DatasetIndex.objects.filter(name="sample-pictures").exists():
            lines.append(f"  Things to try       {_short(settings.VAR / 'sample' / 'try')}")
        lines += ["", f"  Ctrl-C stops everything; the data stays in {_short(settings.VAR)}/.", ""]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def _commands(host: str, port: int) -> dict[str, list[str]]:
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "-A", "portal", "--quiet"]
    web = ["granian", "--interface", "wsgi", "--host", host, "--port", str(port), "--workers", "1"]
    return {
        "web": [
            *python,
            *web,
            "--blocking-threads",
            str(THREADS),
            "--no-ws",
            "--log-level",
            "warning",
            "portal.wsgi:application",
        ],
        "worker": [*celery, "worker", "--loglevel", "WARNING"],
        "clock": [*celery, "beat", "--loglevel", "WARNING", "--pidfile="],
    }


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    """A group of its own, so that Ctrl-C reaches this command only, which then stops them in order."""
    quiet = {"PYTHONWARNINGS": "ignore:You're running the worker"}  # in a container one is often root
    return subprocess.Popen(
        command,
        cwd=settings.BASE_DIR,
        start_new_session=True,
        env={**os.environ, **quiet},
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )


def _end_with_parent() -> None:
    """Ask Linux to end this process when its supervisor is gone, however that ended (prctl(2))."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
